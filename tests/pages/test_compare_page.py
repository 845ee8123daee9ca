"""The comparison: cases or models side by side, differences marked, an address that keeps the choice."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from icicore.ui import session
from icicore.ui.compare_sides import Side
from icicore.ui.compare_table import genes_html, lines, table_html
from icicore.ui.places import COMPARE
from icicore.workflows.cases import CaseResult
from icicore.workflows.services import Services
from tests.pages.conftest import MAIN, components, html_of
from tests.pages.fake_prediction import BUNDLE, prediction_json
from tests.pages.fake_results import case_row
from tests.pages.work_home import fill, shown

SECOND = "d" * 64
A, B, LETTERS = "a" * 16, "b" * 16, "abcd"


@pytest.fixture
def services(tmp_path: Path, nothing_runs: None) -> Iterator[Services]:
    with shown(tmp_path) as built:
        fill(built)
        yield built


def open_compare(**query: str) -> AppTest:
    at = AppTest.from_file(str(MAIN), default_timeout=240)
    for name, value in query.items():
        at.query_params[name] = value
    at.switch_page(str(COMPARE)).run()
    assert not at.exception, [e.message for e in at.exception]
    return at


def viewers(at: AppTest) -> list[dict[str, Any]]:
    return [json.loads(c.json) for c in components(at) if "slide_viewer" in c.component_name]


def second_result(services: Services) -> None:
    """The result of case A under another bundle."""
    folder = services.settings.results_dir / A
    shutil.copytree(folder / BUNDLE[:16], folder / SECOND[:16])
    path = folder / SECOND[:16] / "prediction.json"
    content = json.loads(path.read_text())
    content |= {"probability": 0.31, "interval95": [0.2, 0.4], "call": "unlikely responder"}
    content["bundle"] = {"name": "other-virtual", "digest": SECOND}
    path.write_text(json.dumps(content))


def test_without_a_choice_it_says_what_to_do(services):
    at = open_compare()
    assert "Nothing to compare yet" in html_of(at)
    assert viewers(at) == []


def test_two_cases_side_by_side(services):
    at = open_compare(cases=f"{A},{B}")
    shown = html_of(at)
    assert "DEMO-001" in shown and "DEMO-002" in shown
    assert "intervals do not overlap" in shown
    both = viewers(at)
    assert [v["sync"] for v in both] == [{"group": "compare", "mode": "magnification"}] * 2
    assert [v["viewer_id"] for v in both] == ["compare_A", "compare_B"]
    assert all("annotation" not in s["urls"] for v in both for s in v["slides"]), "nothing is drawn on this page"
    control = next(b for b in at.button_group if "positions linked" in str(b.options))
    control.set_value("Same magnification, positions linked").run()
    assert {v["sync"]["mode"] for v in viewers(at)} == {"position"}


def test_the_address_follows_the_choice(services):
    at = open_compare(cases=f"{A},{B}")
    at.multiselect[0].set_value([A, B, "c" * 16]).run()
    assert at.query_params[session.CASES] == ",".join([A, B, "c" * 16])
    assert len(viewers(at)) == 3
    assert "apart" in html_of(at)


def test_one_case_under_two_models_moves_together(services):
    second_result(services)
    shutil.copytree(  # one slide, so that the viewers show the same picture
        services.settings.results_dir / B / BUNDLE[:16], services.settings.results_dir / B / SECOND[:16]
    )
    path = services.settings.results_dir / B / SECOND[:16] / "prediction.json"
    path.write_text(path.read_text().replace(BUNDLE, SECOND).replace("demo-virtual-lite0", "other-virtual"))
    at = open_compare(cases=B, bundles=f"{BUNDLE[:16]},{SECOND[:16]}")
    assert "other-virtual" in html_of(at)
    assert [v["sync"]["mode"] for v in viewers(at)] == ["magnification"] * 2
    assert {v["slides"][0]["digest"] for v in viewers(at)} == {"1" * 64}
    assert any("Together" in str(b.options) for b in at.button_group)


def test_models_of_one_case_are_offered_by_name(services):
    second_result(services)
    at = open_compare(cases=A)
    assert [o.rsplit(" ", 1)[0] for o in at.multiselect[0].options] == ["demo-virtual-lite0", "other-virtual"]
    assert len(viewers(at)) == 2, "both stored results are shown"


def test_scoring_under_another_model_goes_through_the_queue(services):
    folder = services.settings.checkpoints / "third-virtual"
    folder.mkdir(parents=True)
    (folder / "bundle.json").write_text(json.dumps({"seal": {"a": 1}}))
    at = open_compare(cases=A)
    at.button(key="score_with").click().run()
    (job,) = services.jobs.recent()
    assert (job.kind, job.case_key, job.parameters) == ("score_with", A, {"bundle": "third-virtual"})


def test_what_is_not_there_is_said(services):
    at = open_compare(cases=f"{A},{'f' * 16},{'9' * 16}")
    said = " ".join(w.value for w in at.warning)
    assert "has no result yet" in said and "There is no case 9999" in said
    assert "Nothing to compare yet" in html_of(at)


# --- the table --------------------------------------------------------------------------------------------------------


def side(letter: str, **changes: Any) -> Side:
    prediction = prediction_json([]) | changes
    row = case_row(letter.lower() * 16, case_id=changes.get("case_id", f"CASE-{letter}"))
    return Side(letter, row, CaseResult(prediction, Path(), (), BUNDLE))


def line(sides: list[Side], name: str) -> Any:
    return next(found for _, group in lines(sides) for found in group if found.name == name)


def test_equal_results_are_not_marked():
    sides = [side("A"), side("B")]
    assert [found.name for _, group in lines(sides) for found in group if found.marked] == []
    assert "i-differs" not in table_html(sides)


def test_what_differs_is_marked_with_a_sign_and_a_word():
    other = {"probability": 0.1, "interval95": [0.05, 0.2], "call": "unlikely responder"}
    other["modality_weights"] = {"histology": None, "genomics": 0.5, "clinical": 0.5}
    other["modality_contributions"] = {"histology": None, "genomics": -0.61, "clinical": -0.2}
    other["comparators"] = {"tmb": 2.0, "pdl1": None, "loris": None}
    sides = [side("A"), side("B", **other)]
    assert line(sides, "95 % interval").difference == "intervals do not overlap"
    assert line(sides, "Call").marked and line(sides, "TMB").marked and line(sides, "LORIS").marked
    assert line(sides, "LORIS").difference == "not known of all"
    assert "opposite sign" in line(sides, "Genomics").difference or line(sides, "Genomics").marked
    assert not line(sides, "Threshold").marked
    assert table_html(sides).count("≠</b>") >= 6


def test_the_difference_of_two_is_b_minus_a_and_of_more_a_range():
    two = [side("A", probability=0.2), side("B", probability=0.5)]
    assert line(two, "Probability of response").difference == "+30 points"
    three = [*two, side("C", probability=0.9)]
    assert line(three, "Probability of response").difference == "70 points apart"


def test_genes_of_any_column_are_compared_in_all():
    genes = [
        {"symbol": s, "kind": "mutation", "measured": True, "attribution": v} for s, v in (("B2M", 0.9), ("X", 0.0))
    ]
    other = [
        {"symbol": "B2M", "kind": "mutation", "measured": False, "attribution": None},
        {"symbol": "<i>", "kind": "expression", "measured": True, "attribution": -0.7},
    ]
    shown = genes_html([side("A", genes=genes), side("B", genes=other)], most=1)
    assert "B2M mutation" in shown and "&lt;i&gt; RNA" in shown and "<i>" not in shown.replace("<i class", "")
    assert shown.count("not measured") == 2
    assert "No result rests on genes" in genes_html([side("A", genes=[]), side("B", genes=[])])


def test_markup_in_names_is_text():
    assert "<img" not in table_html([side("A", case_id="<img src=x>"), side("B", call="<img>")])
