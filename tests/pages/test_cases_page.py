"""The work list page over a real database; jobs are queued and never run."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from icicore.jobs import batches
from icicore.store.case_query import NOBODY, CaseFilter, CaseOrder
from icicore.ui import session, worklist_state
from icicore.ui.worklist import COLUMNS, table_rows
from icicore.workflows.import_report import ImportReport, write_report
from icicore.workflows.services import Services
from tests.pages.conftest import MAIN, components, html_of
from tests.pages.fake_results import case_row
from tests.pages.work_home import fill, shown


@pytest.fixture
def services(tmp_path: Path, nothing_runs: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    monkeypatch.setenv("ICICORE_HOME", str(tmp_path))  # where the page looks who is at the screen
    monkeypatch.setenv("ICICORE_USER", "Ada")
    with shown(tmp_path) as built:
        yield built


def open_list(**state: Any) -> AppTest:
    at = AppTest.from_file(str(MAIN), default_timeout=240)
    for key, value in state.items():
        at.session_state[key] = value
    at.run()
    assert not at.exception, [e.message for e in at.exception]
    return at


def table(at: AppTest) -> dict[str, Any]:
    (found,) = [c for c in components(at) if "work_list" in c.component_name]
    return json.loads(found.json)


def listed(at: AppTest) -> list[str]:
    return [row["case"] for row in table(at)["rows"]]


def test_lists_every_case_with_state_and_interval(services):
    fill(services)
    at = open_list(**{worklist_state._ORDER: CaseOrder("case")})
    rows = table(at)["rows"]
    assert [r["case"] for r in rows] == ["CASE-NEW", "DEMO-001", "DEMO-002", "DEMO-004", "LUSC-17", "LUSC-21"]
    assert [r["state"] for r in rows] == ["New", "Scored", "Scored", "Scored", "Limited", "Not scored"]
    assert [r["probability"] for r in rows[1:3]] == [0.629, 0.12]
    assert rows[4]["flags"] == ["virtual training", "pen"]
    assert (rows[5]["interval"], rows[3]["data"]) == ("", "· G C")
    assert "6 cases" in _captions(at)


def test_filters_sort_and_pages_come_from_the_database(services, monkeypatch):
    services.cases.put_all([case_row(f"{n:016x}", case_id=f"P-{n:03d}", folder=f"/c/{n}") for n in range(250)])
    at = open_list(**{worklist_state._ORDER: CaseOrder("case", descending=True)})
    assert (len(listed(at)), listed(at)[0], table(at)["total"]) == (100, "P-249", 250)
    at.session_state[worklist_state._OFFSET] = 200
    at.run()
    assert (listed(at)[0], len(listed(at)), table(at)["offset"]) == ("P-049", 50, 200)
    at.text_input(key=worklist_state.TEXT).set_value("p-24").run()
    assert listed(at) == [f"P-24{n}" for n in range(9, -1, -1)], "a new filter starts at the first page"
    at.text_input(key=worklist_state.TEXT).set_value("nothing like it").run()
    assert listed(at) == [] and "No case matches" in table(at)["nothing"]
    at.button(key="work_clear").click().run()
    assert table(at)["total"] == 250
    assert at.text_input(key=worklist_state.TEXT).value == ""


def test_filters_by_state_flag_and_person(services):
    rows = fill(services)
    services.cases.put(replace(rows[1], assignee="Ada"))
    at = open_list()
    at.multiselect(key=worklist_state.STATES).set_value(["limited", "new"]).run()
    assert sorted(listed(at)) == ["CASE-NEW", "LUSC-17"]
    at.multiselect(key=worklist_state.FLAGS).set_value(["pen"]).run()
    assert listed(at) == ["LUSC-17"]
    at.button(key="work_clear").click().run()
    at.selectbox(key=worklist_state.ASSIGNEE).set_value("Ada").run()
    assert listed(at) == [rows[1].case_id]
    at.selectbox(key=worklist_state.ASSIGNEE).set_value(worklist_state.UNASSIGNED).run()
    assert len(listed(at)) == 5
    assert at.session_state[worklist_state._WANTED].assignee == NOBODY


def test_the_filter_outlives_a_visit_to_another_page(services):
    fill(services)
    at = open_list()
    at.text_input(key=worklist_state.TEXT).set_value("demo").run()
    at.switch_page(str(MAIN.parents[2] / "pages" / "about.py")).run()
    at.switch_page(str(MAIN.parents[2] / "pages" / "cases.py")).run()
    assert at.text_input(key=worklist_state.TEXT).value == "demo"
    assert len(listed(at)) == 3


def test_a_view_is_saved_applied_and_removed(services):
    fill(services)
    at = open_list()
    at.multiselect(key=worklist_state.STATES).set_value(["limited"]).run()
    at.text_input(key="work_view_name").set_value("My **limited**")
    at.button(key="FormSubmitter:save_view-Save view").click().run()
    at.button(key="work_clear").click().run()
    assert len(listed(at)) == 6
    view = next(b for b in at.button if b.key and b.key.startswith("view_"))
    assert "**" not in view.label.replace("\\*", "")
    view.click().run()
    assert listed(at) == ["LUSC-17"]
    assert at.multiselect(key=worklist_state.STATES).value == ["limited"]
    next(b for b in at.button if b.key and b.key.startswith("forget_")).click().run()
    assert not any(b.key and b.key.startswith("view_") for b in at.button)


def test_a_selection_made_elsewhere_is_listed_and_let_go(services):
    fill(services)
    at = open_list(**{worklist_state._WANTED: CaseFilter(keys=("a" * 16, "b" * 16))})
    assert sorted(listed(at)) == ["DEMO-001", "DEMO-002"]
    at.button(key="work_keys").click().run()
    assert len(listed(at)) == 6


def test_scores_all_listed_cases_without_a_result_as_one_job(services):
    fill(services)
    at = open_list()
    at.button(key="score_new").click().run()
    (job,) = services.jobs.recent()
    assert (job.kind, job.total, job.state) == (batches.SCORE_BATCH, 2, "queued")
    assert "Scoring cases" in _progress_texts(at)
    assert not any(b.key == "score_new" for b in at.button)
    at.button(key=f"cancel_{job.job_id}").click().run()
    assert services.cases.get("f" * 16).state == "new"
    assert services.cases.get("e" * 16).state == "not_scored"


def test_ticked_cases_are_scored_assigned_and_compared(services):
    fill(services)
    at = open_list()
    assert at.button(key="score_ticked").disabled and at.button(key="compare_ticked").disabled
    state = {worklist_state._TICKED: ("a" * 16, "b" * 16)}
    at = open_list(**state)
    assert "2 ticked cases" in at.button(key="score_ticked").label
    at.button(key="assign_yes").click().run()
    assert {r.case_key for r in services.cases.all() if r.assignee == "Ada"} == {"a" * 16, "b" * 16}
    at = open_list(**state)
    at.button(key="compare_ticked").click().run()
    assert at.query_params[session.CASES] == f"{'a' * 16},{'b' * 16}"


def test_empty_list_says_what_to_do_and_builds_the_demo(services):
    at = open_list()
    assert "icicore demo" in html_of(at)
    next(b for b in at.button if "demonstration" in b.label).click().run()
    assert [j.kind for j in services.jobs.recent()] == ["demo"]
    assert "Demonstration cases" in _progress_texts(at)


def test_a_path_outside_the_roots_gets_one_line_in_place(services):
    at = open_list()
    at.text_input(key="case_folder").set_value("/etc/<b>x</b>")
    at.button(key="FormSubmitter:open_folder-Open").click().run()
    assert len(at.error) == 1
    assert "lies outside the folders" in at.error[0].value
    assert "<b>" not in at.error[0].value
    at.run()
    assert not at.error  # said once


def test_a_found_folder_opens_with_one_click_and_a_folder_of_them_as_a_job(services):
    fill(services, folders=2)
    at = open_list(**{session.OPENING: True})
    next(b for b in at.button if b.key and b.key.endswith("CASE-X1")).click().run()
    assert "CASE-X1" in listed(at)
    at.text_input(key="case_folder").set_value(str(services.settings.demo_dir))
    at.button(key="FormSubmitter:open_folder-Open").click().run()
    job = services.jobs.recent()[0]
    assert (job.kind, job.parameters) == (batches.IMPORT, {"path": str(services.settings.demo_dir), "sites": None})


def test_the_outcome_of_an_import_is_shown_until_it_is_closed(services):
    fill(services)
    job = services.jobs.create(batches.IMPORT)
    services.jobs.start(job.job_id)
    services.jobs.finish(job.job_id, "succeeded")
    report = ImportReport("<b>study</b>", "study", imported=3, new=2, refused=[("A<i>", "x.svs: is missing")])
    write_report(services.settings, job.job_id, report)
    at = open_list(**{session.IMPORT_JOB: job.job_id})
    shown = html_of(at)
    assert "3\N{NARROW NO-BREAK SPACE}cases" in shown or "3 cases" in shown
    assert "&lt;b&gt;study" in shown and "A&lt;i&gt;" in shown and "x.svs: is missing" in shown
    at.button(key="import_close").click().run()
    assert "x.svs" not in html_of(at)


def test_markup_in_names_is_text(services):
    name = "<img src=x onerror=alert(1)>"
    services.cases.put(case_row("a" * 16, case_id=name, assignee="**B** :red[x]"))
    services.jobs.create("score", case_key="a" * 16)
    at = open_list()
    assert listed(at) == [name], "the table gets the text and never reads it as markup"
    assert "<img" not in html_of(at).replace("\\<", "")
    assert "<img" not in _progress_texts(at).replace("\\<", "")


def test_the_address_of_the_work_list_may_be_spelt_out(services):
    fill(services)
    at = AppTest.from_file(str(MAIN), default_timeout=240)
    at._page_hash = calc_hash("cases")
    at.run()
    assert not at.exception
    assert "Work list" in html_of(at) and len(listed(at)) == 6


def test_every_column_has_a_value_in_every_row():
    (row,) = table_rows([case_row(interval95=None, probability=None, call=None)])
    assert {str(c["id"]) for c in COLUMNS} <= set(row)


def _captions(at: AppTest) -> str:
    return " ".join(c.value for c in at.caption).replace("\N{NARROW NO-BREAK SPACE}", " ")


def _progress_texts(at: AppTest) -> str:
    found: list[str] = []

    def walk(node: object) -> None:
        for child in getattr(node, "children", {}).values():
            if getattr(child, "type", "") == "progress":
                found.append(child.proto.text)
            walk(child)

    walk(at._tree)
    return "\n".join(found)
