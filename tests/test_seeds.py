"""Tests of several cohorts taken together: what pooling adds, by figures that can be worked out by hand."""

from pathlib import Path

import numpy as np
import pytest

from icicore.evaluation.delong import compare
from icicore.evaluation.metrics import ece

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
KINDS = ("multimodal", "concat", "image", "genomic", "clinical")


@pytest.fixture
def seeds(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import seeds

    return seeds


def cohort(seeds, seed: int, n: int = 248):
    """Outcomes drawn from a probability, which the main model knows; the others see it through noise."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(-0.8, 2.0, n)
    p = 1 / (1 + np.exp(-logit))
    noisy = {kind: 1 / (1 + np.exp(-(logit + k * rng.normal(0, 0.8, n)))) for k, kind in enumerate(KINDS)}
    return seeds.Tested(rng.random(n) < p, noisy, 0.2, p, rng.random(n) < 0.3)


def together(seeds, tests):
    return seeds.together(tests, [seeds.line(t) for t in tests])


def test_a_calibrated_model_has_a_small_error_only_where_many_patients_are_tested(seeds):
    found = together(seeds, [cohort(seeds, k) for k in range(6)])
    assert found["n"] == 6 * 248 and found["cohorts"] == 6
    assert found["ece"] < 0.04 < 0.045 < found["ece_of_each"]["mean"]
    assert found["ece_of_each"]["mean"] == pytest.approx(found["ece_of_each_if_calibrated"]["mean"], abs=0.015)
    assert found["efficiency"]["mean"] == pytest.approx(1.0) == found["efficiency"]["least"]


def test_differences_are_weighted_by_the_inverse_of_their_variance(seeds):
    tests = [cohort(seeds, 1, 400), cohort(seeds, 2, 100)]
    parts = [compare(t.y, t.probability["multimodal"], t.probability["concat"]) for t in tests]
    weight = [p.standard_error**-2 for p in parts]
    found = together(seeds, tests)["over_concat"]
    assert found["difference"] == pytest.approx(np.average([p.difference for p in parts], weights=weight))
    assert found["high"] - found["difference"] == pytest.approx(1.96 / np.sqrt(sum(weight)))
    poor = together(seeds, tests)["over_concat_poor"]
    assert poor["n"] == sum(int(t.poor.sum()) for t in tests) and poor["low"] < found["low"]


def test_a_cohort_that_orders_all_alike_does_not_take_all_the_weight(seeds):
    same = cohort(seeds, 3)
    same.probability["concat"] = same.probability["multimodal"]
    other = cohort(seeds, 4)
    alone = compare(other.y, other.probability["multimodal"], other.probability["concat"]).difference
    found = together(seeds, [same, other])["over_concat"]
    assert found["difference"] == pytest.approx(alone) and found["n"] == len(other.y)
    assert together(seeds, [same])["over_concat"] is None


def test_one_cohort_has_a_mean_and_no_standard_error(seeds):
    one = together(seeds, [cohort(seeds, 6)])
    assert one["auc"]["standard_error"] is None and one["auc"]["mean"] == one["auc"]["least"]


def test_a_line_holds_the_figures_of_its_own_test(seeds):
    one = cohort(seeds, 5)
    found, p = seeds.line(one), one.probability["multimodal"]
    assert found["ece"] == ece(one.y, p) and found["n_poor"] == one.poor.sum()
    assert found["sensitivity"] == pytest.approx((p[one.y] >= 0.2).mean())
    assert found["largest_p_against_arms"] == max(
        compare(one.y, p, one.probability[k]).p for k in ("image", "genomic", "clinical")
    )


@pytest.mark.parametrize(("more", "on"), [((), [1, 2, 3]), (("--next",), [2, 3, 1])])
def test_models_are_tested_on_their_own_cohort_or_on_the_next_one(seeds, monkeypatch, tmp_path, more, on):
    seen, there = [], set()

    def tested(place, other):
        assert {place, other} <= there, "tested before it was made"
        seen.append((place.name, other.name))
        return cohort(seeds, len(seen))

    monkeypatch.setattr(seeds, "made", lambda services, place, seed, patients: there.add(place))
    monkeypatch.setattr(seeds, "tested", tested)
    monkeypatch.setenv("ICICORE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("sys.argv", ["seeds.py", "--seeds", "1", "2", "3", "--work", str(tmp_path), *more])
    seeds.main()
    assert seen == [(str(k), str(m)) for k, m in zip([1, 2, 3], on, strict=True)]


def test_the_next_cohort_of_a_single_one_is_refused(seeds, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["seeds.py", "--seeds", "1", "--work", str(tmp_path), "--next"])
    with pytest.raises(SystemExit, match="2"):
        seeds.main()
