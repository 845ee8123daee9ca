"""The cohort page: the test of a bundle, and the patients that it has scored."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from streamlit.testing.v1 import AppTest

from icicore.access import Person, Role
from icicore.errors import BundleError
from icicore.fingerprint import fingerprint
from icicore.ui import cohort_figures, theme, worklist_state
from icicore.ui.cohort_map_figures import attention_plot, map_plot
from icicore.ui.cohort_performance import table_1
from icicore.ui.places import COHORT
from icicore.workflows.bundle_report import read_evaluation
from icicore.workflows.case_summary import SUMMARY, case_summary
from icicore.workflows.cohort_map import embedding_map, gene_attention, principal_components, scored_cohort
from icicore.workflows.services import Services
from tests.pages.conftest import MAIN, html_of
from tests.pages.fake_prediction import prediction_json, proof_json
from tests.pages.fake_results import case_row
from tests.pages.work_home import shown

NAME = "demo-virtual-lite0"
SHIPPED = Path(MAIN).parents[2] / "checkpoints" / NAME
SEAL = {"weights": "x"}
DIGEST = fingerprint(SEAL)


def report_json() -> dict[str, Any]:
    """The report that is shipped with the demonstration bundle."""
    return json.loads((SHIPPED / "report.json").read_text())


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    folder = tmp_path / "checkpoints" / NAME
    folder.mkdir(parents=True)
    (folder / "bundle.json").write_text(json.dumps({"seal": SEAL}))
    with shown(tmp_path) as built:
        yield built


def with_report(services: Services, **changes: Any) -> None:
    report = report_json() | changes
    for bundle in report["bundles"]:
        bundle["digest"] = DIGEST
    (services.settings.checkpoints / NAME / "report.json").write_text(json.dumps(report))


def with_cases(services: Services, n: int) -> None:
    """Scored cases whose slide embeddings lie on a line, the last one without a slide."""
    rng = np.random.default_rng(1)
    for k in range(n):
        key = f"{k:016x}"
        folder = services.settings.results_dir / key / DIGEST[:16]
        folder.mkdir(parents=True)
        prediction = prediction_json([], seed=k) | {"probability": k / n, "bundle": {"name": NAME, "digest": DIGEST}}
        (folder / "prediction.json").write_text(json.dumps(prediction))
        if k < n - 1:
            slide = (k * np.ones((5, 8)) + 0.01 * rng.normal(size=(5, 8))).astype(np.float32)
            save_file({"slide": slide}, folder / "inputs.safetensors")
        services.cases.put(case_row(key, case_id=f"P-{k}", probability=k / n, bundle=NAME, bundle_digest=DIGEST))


def open_cohort(part: str = "Performance") -> AppTest:
    at = AppTest.from_file(str(MAIN), default_timeout=240)
    at.session_state["cohort_part"] = part
    at.switch_page(str(COHORT)).run()
    assert not at.exception, [e.message for e in at.exception]
    return at


def charts_of(at: AppTest) -> list[dict[str, Any]]:
    return [json.loads(c.proto.spec) for c in at.get("plotly_chart")]


def test_a_model_that_was_not_tested_says_how_to_test_it(services):
    assert "icicore evaluate" in html_of(open_cohort())


def test_performance_shows_every_figure_with_n_and_source(services):
    with_report(services)
    at = open_cohort()
    shown = html_of(at)
    assert "248" in shown and "report.json" in shown and DIGEST[:12] in shown and "Virtual data." in shown
    auc = next(row["auc_roc"] for row in report_json()["models"] if row["name"] == "multimodal")
    value, low, high = (f"{number:.2f}" for number in (auc["value"], *auc["interval95"]))
    assert f"{value}<br><small>{low}–{high}</small>" in shown
    names = [trace.get("name", "") for chart in charts_of(at) for trace in chart["data"]]
    assert len(charts_of(at)) == 4
    assert any(f"AUC {value} ({low}–{high}), n 248" in name for name in names)
    assert {"treat all", "treat none"} <= set(names)


def test_a_proof_alone_shows_what_it_holds_and_says_what_is_missing(services):
    proof = proof_json() | {"bundle_digest": DIGEST}
    (services.settings.checkpoints / NAME / "proof.json").write_text(json.dumps(proof))
    at = open_cohort()
    assert len(charts_of(at)) == 3
    assert "whole report only" in html_of(at)
    assert "whole report only" in html_of(open_cohort("Biomarkers"))


@pytest.mark.parametrize("content", ["{", '{"schema": 1}', "[]"])
def test_a_damaged_report_gets_one_line(services, content):
    (services.settings.checkpoints / NAME / "report.json").write_text(content)
    at = open_cohort()
    assert len(at.error) == 1 and "report" in at.error[0].value


def test_a_report_of_another_state_of_the_bundle_is_refused(services):
    with_report(services)
    with pytest.raises(BundleError, match="another state"):
        read_evaluation(services.settings.checkpoints / NAME, "e" * 64)


def test_the_shipped_report_belongs_to_the_shipped_bundle():
    digest = fingerprint(json.loads((SHIPPED / "bundle.json").read_text())["seal"])
    found = read_evaluation(SHIPPED, digest)
    assert found.whole
    proof = json.loads((SHIPPED / "proof.json").read_text())
    assert found.content["calibration"][proof["main"]]["bins"] == proof["calibration"][proof["main"]]["bins"]


def test_planted_biomarkers_are_marked_where_that_is_known(services):
    with_report(services)
    at = open_cohort("Biomarkers")
    (chart,) = charts_of(at)
    labels = chart["data"][0]["y"]
    first = report_json()["features"][0]["name"]
    assert len(labels) == 20 and labels[-1].startswith(f"1. {first}") and "◆" in labels[-1]
    assert "planted" in html_of(at) and "n 248" in html_of(at)
    features = [f | {"planted": None} for f in report_json()["features"]]
    with_report(services, features=features)
    at = open_cohort("Biomarkers")
    assert "◆" not in "".join(charts_of(at)[0]["data"][0]["y"])
    assert "not known of real patients" in html_of(at)


def test_no_scored_case_is_said(services):
    assert "No case scored by this model" in html_of(open_cohort("Gene attention"))


def test_gene_attention_of_the_scored_patients(services):
    with_cases(services, 5)
    at = open_cohort("Gene attention")
    probability, heat = charts_of(at)[0]["data"][:2]
    assert [c for c in heat["customdata"][0]][:1] == ["P-0"], "patients from the lowest to the highest probability"
    assert len(heat["y"]) == 30
    assert "n 5 cases with genes" in html_of(at)
    assert probability["y"] == ["Probability"]


def test_the_map_needs_three_cases_with_a_slide(services):
    with_cases(services, 3)
    assert "at least 3 scored cases" in html_of(open_cohort("Slide map"))


def test_the_map_shows_cases_and_counts_them(services):
    with_cases(services, 6)
    at = open_cohort("Slide map")
    points = charts_of(at)[0]["data"][0]
    assert set(points["customdata"]) == {f"{k:016x}" for k in range(5)}
    assert "n 5 cases with a slide" in html_of(at)
    at.selectbox(key="cohort_field").set_value("Call").run()
    assert "likely responder (n 5)" in charts_of(at)[0]["data"][0]["name"]


def test_a_lasso_leads_to_the_work_list(services):
    with_cases(services, 6)
    chosen = [{"customdata": f"{k:016x}"} for k in (1, 3)]
    at = AppTest.from_file(str(MAIN), default_timeout=240)
    at.session_state["cohort_part"] = "Slide map"
    at.session_state["cohort_map_picked"] = tuple(p["customdata"] for p in chosen)
    at.switch_page(str(COHORT)).run()
    assert "2" in next(m.value for m in at.markdown if "chosen" in m.value)
    assert at.button(key="picked_compare")
    at.button(key="picked_list").click().run()
    assert at.session_state[worklist_state._WANTED].keys == (f"{1:016x}", f"{3:016x}")


# --- numbers ----------------------------------------------------------------------------------------------------------


def test_components_agree_with_another_implementation_and_are_the_same_again():
    from sklearn.decomposition import PCA

    matrix = np.random.default_rng(0).normal(size=(12, 40))
    xy, explained = principal_components(matrix)
    other = PCA(2).fit(matrix)
    assert np.allclose(np.abs(xy), np.abs(other.transform(matrix)))
    assert np.allclose(explained, other.explained_variance_ratio_)
    assert np.array_equal(xy, principal_components(matrix)[0])


def test_a_summary_is_made_once_and_again_when_the_result_changes(services):
    with_cases(services, 1)
    folder = services.settings.results_dir / f"{0:016x}" / DIGEST[:16]
    first = case_summary(folder)
    assert (folder / SUMMARY).is_file()
    again = case_summary(folder)
    assert np.array_equal(first.attention, again.attention, equal_nan=True) and first.values == again.values
    assert first.tokens == again.tokens
    path = folder / "prediction.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"probability": 0.77}))
    import os

    later = (folder / SUMMARY).stat().st_mtime + 5
    os.utime(path, (later, later))
    assert case_summary(folder).values["Probability of response"] == 0.77
    (folder / SUMMARY).write_bytes(b"broken")
    os.utime(folder / SUMMARY, (later + 5, later + 5))
    assert case_summary(folder).values["Probability of response"] == 0.77
    assert case_summary(folder.with_name("nothing")) is None


def test_genes_are_those_with_the_largest_mean_where_measured(services):
    with_cases(services, 4)
    cohort = scored_cohort(services, DIGEST, by=Person("Ada", Role.READER))
    table = gene_attention(cohort, kinds=("mutation",), most=5)
    assert all(g.endswith("mutation") for g in table.genes) and table.values.shape == (5, 4)
    matrix = np.stack([s.attention for s in cohort.summaries])
    mutations = [k for k, (_, kind) in enumerate(cohort.summaries[0].tokens) if kind == "mutation"]
    assert table.tokens == len(mutations)
    best = np.nanmean(matrix[:, mutations], axis=0).max()
    assert np.isclose(np.nanmean(table.values[0]), best)


def test_only_cases_of_this_state_of_the_bundle_are_in_the_cohort(services):
    with_cases(services, 4)
    services.cases.put(case_row("f" * 16, case_id="other", bundle_digest="e" * 64))
    cohort = scored_cohort(services, DIGEST, by=Person("Ada", Role.READER))
    assert {r.case_id for r in cohort.rows} == {f"P-{k}" for k in range(4)} and cohort.total == 4
    assert embedding_map(cohort) is not None


def test_figures_escape_names():
    report = json.loads(json.dumps(report_json()).replace('"multimodal"', '"<b>x</b>"'))
    drawn = [cohort_figures.roc_plot, cohort_figures.decision_plot, cohort_figures.forest_plot]
    assert all("<b>x</b>" not in plot(report, theme.LIGHT).to_json() for plot in drawn)
    assert "<b>x</b>" not in table_1(report).replace("<b>&lt;b&gt;", "")


def test_figures_of_patients_escape_names(services):
    with_cases(services, 5)
    services.cases.put(case_row(f"{2:016x}", case_id="<b>x</b>", probability=0.5, bundle_digest=DIGEST))
    cohort = scored_cohort(services, DIGEST, by=Person("Ada", Role.READER))
    table = gene_attention(cohort, kinds=("mutation",), most=3)
    for relative in (False, True):
        assert "<b>x" not in attention_plot(table, theme.DARK, relative=relative).to_json()
    assert "<b>x" not in map_plot(embedding_map(cohort), "State", theme.LIGHT).to_json()
