"""The conclusion of the case page, on real records in a database of its own."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from icicore.access import Person, Role
from icicore.settings import read_settings
from icicore.ui import session
from icicore.ui.workflow_records import WorkflowRecords
from icicore.workflows.audit import verify_audit
from icicore.workflows.records import audit_log
from icicore.workflows.services import Services, build_services
from tests.pages.conftest import OpenPage, html_of
from tests.pages.fake_results import FakeBackend

A, B = "a" * 16, "b" * 16
MARKUP = "<script>alert(1)</script> **bold** $x$"


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    built = build_services(read_settings({"ICICORE_HOME": str(tmp_path / "home")}))
    yield built
    built.database.close()


@pytest.fixture
def records(desk: FakeBackend, services: Services) -> WorkflowRecords:
    desk.records = WorkflowRecords(services, Person("Ada Lovelace", Role.REVIEWER))
    return desk.records


@pytest.fixture
def conclusion(open_page: OpenPage, records: WorkflowRecords) -> Any:
    return lambda key=A: open_page("case", state={session.PANEL: "Conclusion"}, case=key)


def judge(at: AppTest, judgement: str) -> AppTest:
    group = next(g for g in at.button_group if str(g.key).startswith("review_judgement"))
    return group.set_value(judgement).run()


def write(at: AppTest, text: str) -> AppTest:
    return at.text_area[0].set_value(text).run()


def press(at: AppTest, key: str) -> AppTest:
    at.button(key=key).click().run()
    assert not at.exception, [e.message for e in at.exception]
    return at


def sign(at: AppTest) -> AppTest:
    return press(press(at, "sign"), "sign_confirm")


def everything(at: AppTest) -> str:
    return html_of(at) + "\n".join(str(e.value).replace("\\", "") for e in (*at.info, *at.warning, *at.error))


def test_a_draft_survives_a_reload(conclusion: Any) -> None:
    at = conclusion()
    assert "Nothing written yet" in everything(at)
    judge(at, "unlikely")
    write(at, "Crushed at the edge.")
    assert "Draft saved" in everything(at)
    again = conclusion()
    assert again.text_area[0].value == "Crushed at the edge."
    group = next(g for g in again.button_group if str(g.key).startswith("review_judgement"))
    assert group.value == "unlikely"


def test_a_draft_survives_a_look_at_another_panel(conclusion: Any) -> None:
    at = write(conclusion(), "Half a thought")
    at.button_group(key=session.PANEL).set_value("Genes").run()
    at.button_group(key=session.PANEL).set_value("Conclusion").run()
    assert at.text_area[0].value == "Half a thought"


def test_a_review_needs_a_judgement_and_a_second_press(conclusion: Any, records: WorkflowRecords) -> None:
    at = write(conclusion(), "Only words")
    assert at.button(key="sign").disabled
    judge(at, "cannot_say")
    press(at, "sign")
    assert records.reviews(A) == [] and at.text_area[0].disabled
    press(at, "sign_back")
    assert records.reviews(A) == [] and not at.text_area[0].disabled
    sign(at)
    (review,) = records.reviews(A)
    assert (review.judgement, review.text, review.author) == ("cannot_say", "Only words", "Ada Lovelace")


def test_what_was_signed_is_shown_with_its_hashes(conclusion: Any, desk: FakeBackend) -> None:
    at = sign(judge(conclusion(), "likely"))
    page = everything(at)
    assert "Signed review" in page and "Ada Lovelace" in page and "Signed on the result shown here" in page
    prediction = desk.results[A].prediction
    assert prediction["bundle"]["digest"] in page
    assert all(s["digest"] in page for s in prediction["slides"])
    assert at.text_area[0].label == "Addendum", "after the signature only an addendum can be written"


def test_markup_in_words_and_names_is_text(conclusion: Any, desk: FakeBackend, services: Services) -> None:
    desk.records = WorkflowRecords(services, Person(MARKUP, Role.REVIEWER))
    at = write(judge(conclusion(), "likely"), MARKUP)
    assert "\\*\\*bold\\*\\*" in everything(at), "the name stands escaped in the caption"
    page = everything(sign(at))
    assert "<script" not in page.replace("\\<script", "") and "&lt;script&gt;" in page
    at.button_group(key=session.PANEL).set_value("Record").run()
    assert "<script" not in html_of(at) and "Review signed" in html_of(at)


def test_an_addendum_stands_below_its_review(conclusion: Any, records: WorkflowRecords) -> None:
    at = sign(write(judge(conclusion(), "likely"), "First view"))
    assert at.button(key="sign").disabled
    sign(write(at, "Week 12: partial response"))
    page = everything(at)
    assert page.index("First view") < page.index("Week 12: partial response")
    review, addendum = records.reviews(A)
    assert addendum.parent == review.review_id and addendum.judgement is None


def test_a_result_that_was_scored_again_is_not_the_signed_one(
    conclusion: Any, desk: FakeBackend, records: WorkflowRecords
) -> None:
    sign(judge(conclusion(), "likely"))
    old = desk.results[A]
    bundle = {**old.prediction["bundle"], "digest": "9" * 64}
    desk.results[A] = replace(old, prediction=old.prediction | {"bundle": bundle, "probability": 0.21})
    at = conclusion()
    page = everything(at)
    assert "Not the result shown here; changed since: model." in page and "It was signed at 63" in page
    sign(judge(at, "unlikely"))
    assert [r.judgement for r in records.reviews(A)] == ["likely", "unlikely"]
    assert "Signed on the result shown here" in everything(at)


def test_the_same_score_again_is_still_the_signed_result(conclusion: Any, desk: FakeBackend) -> None:
    sign(judge(conclusion(), "likely"))
    old = desk.results[A]
    again = old.prediction | {"scored_at": "2030-01-01T00:00:00+00:00", "seconds": {"total": 99.0}}
    desk.results[A] = replace(old, prediction=again)
    assert "Signed on the result shown here" in everything(conclusion())


def test_the_second_signer_is_told_and_loses_nothing(conclusion: Any, records: WorkflowRecords) -> None:
    first = write(judge(conclusion(), "likely"), "Agreed text")
    second = conclusion()
    press(second, "sign")
    sign(first)
    press(second, "sign_confirm")
    assert "Signed already, in another window: Likely, by Ada Lovelace" in everything(second)
    assert len(records.reviews(A)) == 1


def test_words_written_after_another_window_signed_become_an_addendum(
    conclusion: Any, records: WorkflowRecords
) -> None:
    first = write(judge(conclusion(), "likely"), "Agreed text")
    second = conclusion()
    sign(first)
    write(second, "Later thought")
    assert "kept as the draft of an addendum" in everything(second)
    assert second.text_area[0].label == "Addendum" and second.text_area[0].value == "Later thought"
    (review,) = records.reviews(A)
    assert records.draft(A, review.review_id).text == "Later thought"


@pytest.mark.parametrize(("choice", "kept"), [("keep_mine", "mine"), ("take_other", "theirs")])
def test_two_windows_with_different_words(choice: str, kept: str, conclusion: Any, records: WorkflowRecords) -> None:
    one = judge(conclusion(), "likely")
    two = conclusion()
    write(one, "theirs")
    write(two, "mine")
    assert "Another window saved this draft" in everything(two) and "theirs" in everything(two)
    assert not any(b.key == "sign" for b in two.button), "nothing is signed before the two are settled"
    press(two, choice)
    assert two.text_area[0].value == records.draft(A, "").text == kept
    assert two.button(key="sign") is not None


def test_a_reload_in_the_middle_of_a_conflict_loses_nothing(conclusion: Any, records: WorkflowRecords) -> None:
    one = judge(conclusion(), "likely")
    two = conclusion()
    write(one, "theirs")
    write(two, "mine")
    write(two, "mine, longer")
    again = conclusion()
    assert again.text_area[0].value == "mine, longer" and "theirs" in everything(again)
    press(again, "keep_mine")
    assert records.draft(A, "").text == "mine, longer"
    assert "Another window saved" not in everything(conclusion())


def test_a_signature_in_the_middle_of_a_conflict_loses_nothing(conclusion: Any, records: WorkflowRecords) -> None:
    one = judge(conclusion(), "likely")
    two = conclusion()
    write(one, "theirs")
    write(two, "mine")
    sign(one)
    assert "kept as the draft of an addendum" in everything(one)
    two.run()
    (review,) = records.reviews(A)
    assert two.text_area[0].value == records.draft(A, review.review_id).text == "mine"
    assert records.aside(A, "").version == 0


def test_a_view_is_logged_once_a_visit(conclusion: Any, services: Services) -> None:
    at = conclusion()
    for panel in ("Why", "Conclusion"):
        at.button_group(key=session.PANEL).set_value(panel).run()
    at.run()
    log = audit_log(services)
    assert [(r.action, r.case_key) for r in log.all()] == [("view", A)]
    at.query_params["case"] = B
    at.run()
    assert [r.case_key for r in log.all()] == [A, B]
    conclusion()
    assert [r.case_key for r in log.all()] == [A, B, A]


def test_the_log_holds_no_word_and_no_value_and_is_intact(conclusion: Any, services: Services) -> None:
    sign(write(judge(conclusion(), "unlikely"), "Secret remark"))
    rows = audit_log(services).all()
    assert [r.action for r in rows] == ["view", "review signed"]
    text = repr(rows)
    assert not any(word in text for word in ("Secret", "unlikely", "DEMO-001", "0.63"))
    assert verify_audit(services)["ok"]


def test_history_says_who_did_what(open_page: OpenPage, records: WorkflowRecords) -> None:
    page = html_of(open_page("case", state={session.PANEL: "Record"}, case=A))
    assert "History" in page and "Viewed" in page and "Ada Lovelace" in page


def test_both_files_of_the_report_are_offered(conclusion: Any) -> None:
    page = html_of(conclusion())
    for kind in ("pdf", "json"):
        assert f'href="/icicore/report/{A}.{kind}?t=' in page and f'download="icicore_DEMO-001.{kind}"' in page
