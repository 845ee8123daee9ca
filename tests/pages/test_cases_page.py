"""The work list page."""

from dataclasses import replace

from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from icicore.ui import session
from icicore.ui.worklist import case_table
from tests.pages.conftest import MAIN, OpenPage, html_of
from tests.pages.fake_results import FakeBackend, case_row, job_row


def test_lists_every_case_with_state_and_interval(open_page: OpenPage, desk: FakeBackend) -> None:
    table = open_page("cases").dataframe[0].value
    ids = ["DEMO-001 (virtual)", "DEMO-002 (virtual)", "LUSC-17", "DEMO-004 (virtual)", "LUSC-21", "CASE-NEW"]
    assert list(table["Case"]) == ids
    assert [s[0] for s in table["State"]] == ["Scored", "Scored", "Limited", "Scored", "Not scored", "New"]
    assert table["Probability"].round(1).tolist()[:2] == [62.9, 12.0]
    assert table["95 % interval"].tolist()[4] == "–"
    assert list(table["Flags"].iloc[2]) == ["virtual training", "pen"]
    assert table["Data"].tolist()[3] == "· G C"


def test_empty_list_says_what_to_do_and_builds_the_demo(open_page: OpenPage, desk: FakeBackend) -> None:
    desk.rows = []
    at = open_page("cases")
    assert "icicore demo" in html_of(at)
    next(b for b in at.button if "demonstration" in b.label).click().run()
    assert desk.calls == [("demo", "")]
    assert "Demonstration cases" in _progress_texts(at)


def test_a_path_outside_the_roots_gets_one_line_in_place(open_page: OpenPage, desk: FakeBackend) -> None:
    at = open_page("cases")
    at.text_input[0].set_value("/etc/<b>x</b>")
    at.button(key="FormSubmitter:open_folder-Open").click().run()
    assert desk.calls == [("open", "/etc/<b>x</b>")]
    assert len(at.error) == 1
    assert "lies outside the folders" in at.error[0].value
    assert "<b>" not in at.error[0].value
    at.run()
    assert not at.error  # said once


def test_a_found_folder_opens_with_one_click(open_page: OpenPage, desk: FakeBackend) -> None:
    at = open_page("cases")
    next(b for b in at.button if b.key and b.key.endswith("CASE-X1")).click().run()
    assert "CASE-X1 (virtual)" in at.dataframe[0].value["Case"].tolist()
    assert not any(b.key and b.key.endswith("CASE-X1") for b in at.button)


def test_scores_what_has_no_result_and_shows_progress(open_page: OpenPage, desk: FakeBackend) -> None:
    at = open_page("cases")
    at.button(key="score_new").click().run()
    assert desk.calls == [("submit", "e" * 16), ("submit", "f" * 16)]
    assert "LUSC\\-21" in _progress_texts(at)
    assert not any(b.key == "score_new" for b in at.button)


def test_a_running_job_survives_a_new_visit_and_can_be_cancelled(open_page: OpenPage, desk: FakeBackend) -> None:
    desk.jobs["job1"] = job_row(case_key="a" * 16)
    at = open_page("cases")
    assert "120 of 300" in _progress_texts(at)
    at.button(key="cancel_job1").click().run()
    assert desk.calls == [("cancel", "job1")]
    assert at.button(key="cancel_job1").disabled


def test_a_click_on_a_row_opens_its_case(open_page: OpenPage, desk: FakeBackend) -> None:
    click = {"selection": {"rows": [], "columns": [], "cells": [(1, "Case")]}}
    at = open_page("cases", state={"work_list": click})
    assert at.session_state[session.LAST_CASE] == "b" * 16
    assert "DEMO-002" in html_of(at)


def test_markup_in_a_case_id_is_text(desk: FakeBackend, open_page: OpenPage) -> None:
    desk.rows = [replace(desk.rows[0], case_id="<img src=x onerror=alert(1)>")]
    desk.jobs["job1"] = job_row(case_key="a" * 16, message="**bold** :red[x] <b>")
    at = open_page("cases")
    assert "<img" not in html_of(at)
    assert "<b>" not in _progress_texts(at)
    assert ":red[" not in _progress_texts(at).replace("\\", "\0")


def test_the_address_of_the_work_list_may_be_spelt_out(open_page: OpenPage) -> None:
    at = AppTest.from_file(str(MAIN), default_timeout=30)
    at._page_hash = calc_hash("cases")
    at.run()
    assert not at.exception
    assert "Work list" in html_of(at) and at.dataframe[0].value.shape[0] == 6


def test_table_of_nothing_has_its_columns() -> None:
    assert "Case" in case_table([]).columns
    assert len(case_table([case_row(interval95=None, probability=None)])) == 1


def _progress_texts(at: object) -> str:
    found: list[str] = []

    def walk(node: object) -> None:
        for child in getattr(node, "children", {}).values():
            if getattr(child, "type", "") == "progress":
                found.append(child.proto.text)
            walk(child)

    walk(at._tree)  # type: ignore[attr-defined]
    return "\n".join(found)
