"""A full disk on the pages: one clear line where it happened, and what was written by hand stays on the screen."""

from typing import Any

from icicore.errors import StorageError
from icicore.ui.workflow_records import WorkflowRecords
from tests.pages.conftest import OpenPage, html_of
from tests.pages.fake_results import FakeBackend
from tests.pages.test_conclusion import A, conclusion, everything, judge, records, services, sign, write  # noqa: F401

FULL = StorageError("database icicore.db", "there is no space left on its disk", remedy="free some space and try again")


def full(*_: Any, **__: Any) -> Any:
    raise FULL


def test_words_that_cannot_be_saved_stay_on_the_screen(conclusion: Any, records: WorkflowRecords) -> None:  # noqa: F811
    at = judge(conclusion(), "likely")
    records.save = full  # type: ignore[method-assign]
    write(at, "Dense infiltrate at the front.")
    assert not at.exception
    assert at.text_area[0].value == "Dense infiltrate at the front."
    shown = everything(at)
    assert "Not saved yet, what you wrote stands above" in shown and "no space left" in shown
    del records.save
    at.text_area[0].set_value("Dense infiltrate at the front. Again.").run()
    assert "Draft saved" in everything(at) and "no space left" not in everything(at)


def test_a_signature_that_cannot_be_stored_signs_nothing(conclusion: Any, records: WorkflowRecords) -> None:  # noqa: F811
    at = write(judge(conclusion(), "likely"), "Agreed.")
    records.sign = full  # type: ignore[method-assign]
    sign(at)
    assert "no space left" in everything(at)
    assert records.reviews(A) == []
    assert at.text_area[0].value == "Agreed."
    del records.sign
    sign(at)
    assert [r.text for r in records.reviews(A)] == ["Agreed."]


def test_a_case_opens_although_the_visit_cannot_be_logged(open_page: OpenPage, desk: FakeBackend) -> None:
    desk.records.viewed = full  # type: ignore[method-assign]
    at = open_page("case", case=A)
    assert any("This visit could not be logged" in str(e.value) for e in at.error)
    assert "Probability of objective response" in html_of(at)


def test_scoring_that_cannot_be_queued_says_why(open_page: OpenPage, desk: FakeBackend) -> None:
    desk.submit = full  # type: ignore[method-assign]
    at = open_page("case", case=next(row.case_key for row in desk.rows if row.state == "new"))
    button = next(b for b in at.button if b.label in ("Score this case", "Score again"))
    button.click().run()
    assert not at.exception
    assert any("no space left" in str(e.value) for e in at.error)
