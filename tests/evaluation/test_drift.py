"""The rule that flags a site: rarely without drift, mostly with it, and never for a shift too small to matter."""

import numpy as np
import pytest

from icicore.evaluation.drift import ALPHA, FEWEST_CASES, SMALLEST_SHIFT, SiteCase, site_shifts
from icicore.models.drift import expression_measures, slide_measures
from icicore.training.drift import training_drift
from tests.factories import make_study

SITES, CASES = 5, 12


def odd_study(rng, n, dim=24, genes=140):
    """Patients whose embeddings and genes are skewed and correlated, as real ones are."""
    from dataclasses import replace

    study = make_study(n, dim=dim)
    mixing = np.random.default_rng(1).normal(size=(dim, dim)) * np.linspace(3, 0.2, dim)[:, None]
    tiles = np.concatenate([drawn(rng, 1, mixing) + 0.1 * rng.normal(size=(3, dim)) for _ in range(n)])
    offsets = np.arange(0, 3 * n + 1, 3).astype(np.int64)
    values = profiles(rng, n, genes)
    return replace(
        study,
        tiles=tiles.astype(np.float16),
        offsets=offsets,
        gene_values=values,
        gene_measured=np.ones(values.shape, bool),
        tokens=tuple(f"E{i}" for i in range(genes)),
        token_kinds=("expression",) * genes,
    ), mixing


def drawn(rng, n, mixing):
    return (rng.gamma(1.5, size=(n, len(mixing))) - 1.5) @ mixing


def profiles(rng, n, genes):
    """Log expression with a level of its own for each patient."""
    return (rng.normal(5, 1, size=(n, genes)) + rng.gamma(2.0, 0.3, size=(n, 1))).astype(np.float32)


def cases_of(rng, reference, mixing, n, *, slides=0.0, level=0.0):
    """Scores of new patients, moved by so many SD along the main direction of the slides, or up in all genes."""
    known = np.ones(140, bool)
    means = drawn(rng, n, mixing)
    spread = np.std((means - reference.slides.mean) @ reference.slides.axes[0])
    means += slides * spread * reference.slides.axes[0]
    values = profiles(rng, n, 140) + np.float32(level)
    return [
        {
            name: row["score"]
            for name, row in reference.place(
                slide_measures(reference.slides, means[i]) | expression_measures(reference.genes, values[i], known)
            ).items()
        }
        for i in range(n)
    ]


def test_without_drift_a_page_is_rarely_flagged():
    """400 pages of 5 sites and 12 cases each: the share with any flag stays near the 1 % that is promised."""
    flagged = pages = 0
    for trained in range(5):  # another training cohort now and then: its chance is part of the rate
        rng = np.random.default_rng([5, trained])
        study, mixing = odd_study(rng, 300)
        reference = training_drift(study, np.arange(300, dtype=np.int32), rng=rng)
        counts = {name: reference.n(name) for name in reference.measures}
        assert len(counts) == 11, "eight axes, a distance, location and spread"
        scored = cases_of(rng, reference, mixing, 20 * SITES * CASES)
        for _ in range(4):  # the same cases dealt to other sites and pages
            for page in rng.permutation(len(scored)).reshape(-1, SITES * CASES):
                cases = [SiteCase(f"site{k % SITES}", scored[i]) for k, i in enumerate(page)]
                flagged += any(row["moved"] for row in site_shifts(cases, counts))
                pages += 1
    # Of 400 pages at a true rate of 1 %, more than 10 would be flagged in 3 of 1,000 repeats of this test.
    assert pages == 400 and flagged <= 10, f"{flagged} of {pages}"
    assert ALPHA == 0.01


@pytest.mark.parametrize(
    ("moved", "expected"), [({"slides": 1.6}, "slide axis 1"), ({"level": 1.5}, "expression location")]
)
def test_a_site_that_moved_is_flagged_and_named(moved, expected):
    rng = np.random.default_rng(2)
    study, mixing = odd_study(rng, 300)
    reference = training_drift(study, np.arange(300, dtype=np.int32), rng=rng)
    counts = {name: reference.n(name) for name in reference.measures}
    found = 0
    for _ in range(20):
        own = [SiteCase("moved", s) for s in cases_of(rng, reference, mixing, CASES, **moved)]
        others = [SiteCase("as before", s) for s in cases_of(rng, reference, mixing, 40)]
        rows = [row for row in site_shifts([*own, *others], counts) if row["moved"]]
        found += any(row["site"] == "moved" and row["measure"].startswith(expected) for row in rows)
    assert found >= 18


def test_few_cases_are_not_judged_and_small_shifts_are_never_flagged():
    few = [SiteCase("few", {"x": 9.0})] * (FEWEST_CASES - 1)
    assert site_shifts(few, {"x": 400}) == []
    many = [SiteCase("many", {"x": SMALLEST_SHIFT - 0.01})] * 5000
    (row,) = site_shifts(many, {"x": 10**6})
    assert abs(row["z"]) > row["limit"] and not row["moved"]
    (row,) = site_shifts([SiteCase("many", {"x": -SMALLEST_SHIFT - 0.01})] * 5000, {"x": 10**6})
    assert row["moved"] and row["n"] == 5000


def test_the_limit_rises_with_everything_that_is_tested():
    cases = [SiteCase(f"s{k}", {"x": 0.0, "y": 0.0}) for k in range(10) for _ in range(5)]
    one = site_shifts(cases[:5], {"x": 100})[0]["limit"]
    assert one == pytest.approx(2.5758, abs=1e-3)
    assert site_shifts(cases, {"x": 100, "y": 100})[0]["limit"] == pytest.approx(3.4808, abs=1e-3)
