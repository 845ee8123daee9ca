"""The models page: what is shown of each model, and what a person may do with it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from icicore.ui.models_desk import use_models_desk
from icicore.ui.places import MODELS
from tests.pages.conftest import MAIN, html_of
from tests.pages.fake_models import CHALLENGER, CHAMPION, FakeModels, comparison, drift, listed
from tests.pages.fake_results import FakeBackend

Open = Callable[..., AppTest]


@pytest.fixture
def models() -> Iterator[FakeModels]:
    fake = FakeModels()
    use_models_desk(lambda: fake)
    yield fake
    use_models_desk(None)


@pytest.fixture
def show(desk: FakeBackend, models: FakeModels) -> Open:
    def one(model: str = CHALLENGER, view: str = "Overview", **state: Any) -> AppTest:
        at = AppTest.from_file(str(MAIN), default_timeout=240)
        at.session_state["model_view"] = view
        at.query_params["model"] = model
        at.switch_page(str(MODELS))
        at.run()
        assert not at.exception, [e.message for e in at.exception]
        return at

    return one


def button(at: AppTest, label: str) -> Any:
    return next(b for b in at.button if b.label.replace("\\", "") == label)


def errors(at: AppTest) -> str:
    return " ".join(e.value.replace("\\", "") for e in at.error)


def test_the_list_says_which_model_scores_and_how_good_each_was(show: Open) -> None:
    at = show()
    assert f"Scoring with {CHAMPION}" in html_of(at)
    table = at.dataframe[0].value
    assert list(table["Model"]) == [CHAMPION, CHALLENGER]
    assert list(table["State"]) == [["Promoted"], ["Candidate"]]
    assert table["AUC, 95 %"][0] == "0.81 (0.75–0.87)" and table["n"][0] == 200


def test_a_card_is_text_and_fetches_nothing(show: Open) -> None:
    page = html_of(show())
    assert "![" not in page and "<script" not in page
    assert "#### card" in page


def test_lineage_shows_digests_and_escapes_settings(show: Open) -> None:
    page = html_of(show(view="Lineage"))
    assert "n" * 64 in page and "39a87690" in page
    assert "&lt;15&gt;" in page and "<15>" not in page


def test_without_a_comparison_nothing_can_be_promoted(show: Open, models: FakeModels) -> None:
    at = show(view="Comparison")
    assert "Not compared with the promoted model yet" in html_of(at)
    assert not any("Promote" in b.label for b in at.button)
    button(at, "Compare with the promoted model").click().run()
    assert models.calls == [("compare", CHALLENGER, "/studies/virtual_c1")]
    assert any(b.label == "Cancel" for b in at.button), "the running comparison can be stopped"


def test_a_failed_comparison_names_why_and_offers_no_promotion(show: Open, models: FakeModels) -> None:
    models.found = comparison(passed=False)
    at = show(view="Comparison")
    page = html_of(at)
    assert "Cannot be promoted." in page and "P1, P2, P3" in page
    assert not any("Promote" in b.label for b in at.button)


def test_a_passed_comparison_shows_numbers_with_n_and_interval(show: Open, models: FakeModels) -> None:
    models.found = comparison()
    page = html_of(show(view="Comparison"))
    assert "May be promoted by a person." in page
    assert "0.013 (−0.020 to 0.050), DeLong p 0.41" in page
    assert "120 held-out virtual patients" in page and "7 left out" in page
    assert "Largest loss: female &lt;b&gt;x&lt;/b&gt;, −0.07 (−0.12 to −0.02), n 44." in page
    assert "loss 0.002 (−0.010 to 0.020) nats" in page
    assert page.count("data:image/svg+xml") == 3, "ROC and two reliability diagrams"


def test_a_person_promotes_with_a_reason(show: Open, models: FakeModels) -> None:
    models.found = comparison()
    at = show(view="Comparison")
    label = f"Promote in place of {CHAMPION}"
    button(at, label).click().run()
    assert "reason: is empty" in errors(at) and models.calls == []
    next(i for i in at.text_input if i.label.startswith("Reason for the promotion")).set_value("better")
    button(at, label).click().run()
    assert models.calls == [("promote", CHALLENGER, "better")]
    assert "scores the cases from now on" in at.success[0].value


def test_a_refusal_of_the_registry_is_one_line(show: Open, models: FakeModels) -> None:
    models.found, models.refuses = comparison(), "meanwhile other is the promoted one"
    at = show(view="Comparison")
    next(i for i in at.text_input if i.label.startswith("Reason for the promotion")).set_value("better")
    button(at, f"Promote in place of {CHAMPION}").click().run()
    assert "meanwhile other is the promoted one" in errors(at)


def test_roll_back_is_one_click(show: Open, models: FakeModels) -> None:
    at = show()
    assert not any(b.label.startswith("Roll back") for b in at.button)
    assert "came with icicore" in html_of(at)
    from icicore.store.registry import Promotion

    models.moves = [
        Promotion(1, "2026-05-04T10:00:00.000+00:00", "Ada", "promote", CHAMPION, "o" * 64, CHALLENGER, "n" * 64, "",
                  "<b>why</b>")
    ]  # fmt: skip
    at = show()
    assert "2026-05-04 10:00 UTC" in html_of(at) and "&lt;b&gt;why" in html_of(at)
    button(at, f"Roll back to {CHALLENGER}").click().run()
    assert models.calls == [("roll back", "")]


def test_retire_with_a_reason_and_delete_only_what_nothing_rests_on(show: Open, models: FakeModels) -> None:
    at = show()
    next(i for i in at.text_input if i.label == "Reason").set_value("superseded")
    button(at, "Retire").click().run()
    button(at, "Delete for good").click().run()
    assert models.calls == [("retire", CHALLENGER, "superseded"), ("remove", CHALLENGER)]
    models.keeps = "results of cases rest on it"
    assert button(show(), "Delete for good").disabled
    assert not any(b.label == "Delete for good" for b in show(CHAMPION).button), "never the promoted one"


def test_cases_of_a_model_and_older_results(show: Open) -> None:
    at = show(CHAMPION, view="Cases")
    assert any("3 more were scored by it once" in c.value for c in at.caption)
    assert list(at.dataframe[1].value["Case"]) == ["DEMO-001"]


def test_drift_names_the_site_that_moved_and_the_rule(show: Open, models: FakeModels) -> None:
    models.drifted = drift(moved=True)
    page = html_of(show(CHAMPION, view="Drift"))
    assert "Clinic &lt;i&gt;A&lt;/i&gt;" in page and "moved" in page
    assert "+1.40 SD (0.70–2.10) axis 2, n 9" in page and "about 1 %" in page
    assert "2 cases scored before the watch began" in page
    models.drifted = drift(moved=False)
    assert "no drift seen" in html_of(show(CHAMPION, view="Drift"))
    models.drifted = None
    assert "icicore bundle drift" in html_of(show(CHAMPION, view="Drift"))


def test_a_model_whose_folder_is_gone_is_told(show: Open, models: FakeModels) -> None:
    models.rows.append(listed("zero-virtual", "retired", ref=None, problem="its folder is gone"))
    at = show("zero-virtual", view="Lineage")
    assert "its folder is gone" in errors(at)


def test_without_any_model_the_page_says_what_to_do(show: Open, models: FakeModels) -> None:
    models.rows = []
    assert "No model" in html_of(show())
