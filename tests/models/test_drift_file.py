"""The drift reference of a bundle: what is kept, how a case is placed, and that older bundles do without."""

import numpy as np
import pytest

from icicore.errors import BundleError
from icicore.models.bundle import load_bundle
from icicore.models.bundle_files import DRIFT
from icicore.models.drift import (
    DISTANCE,
    LOCATION,
    SPREAD,
    GeneScale,
    expression_measures,
    read_drift,
    slide_measures,
    write_drift,
)
from icicore.training.drift import gene_scale, slide_axes, training_drift
from tests.factories import make_bundle, make_study


@pytest.fixture(scope="module")
def reference():
    return training_drift(make_study(200), np.arange(140, dtype=np.int32), rng=np.random.default_rng(0))


def test_a_bundle_without_one_loads_and_has_none(tmp_path):
    bundle = make_bundle(tmp_path / "old")
    assert read_drift(bundle.folder, bundle.digest) is None


def test_it_comes_back_as_it_was_written_and_changes_no_seal(tmp_path, reference):
    bundle = make_bundle(tmp_path / "b")
    write_drift(bundle.folder, bundle.digest, reference)
    assert load_bundle(bundle.folder).digest == bundle.digest
    found = read_drift(bundle.folder, bundle.digest)
    assert set(found.measures) == set(reference.measures)
    assert all(found.n(name) == reference.n(name) for name in found.measures)
    place = {DISTANCE: 1.3, "slide axis 1": -0.2}
    assert found.place(place) == reference.place(place)
    assert read_drift(bundle.folder, "0" * 64) is None, "it belongs to another bundle"
    (bundle.folder / DRIFT).write_bytes(b"\x80\x04 no tensors")
    with pytest.raises(BundleError, match="cannot be read"):
        read_drift(bundle.folder, bundle.digest)


def test_scores_are_normal_places_among_the_second_half(reference):
    median = reference.measures[DISTANCE].median
    assert reference.place({DISTANCE: median})[DISTANCE]["score"] == pytest.approx(0, abs=0.02)
    far = reference.place({DISTANCE: 1e6})[DISTANCE]["score"]
    assert far == pytest.approx(2.5758, abs=1e-3), "beyond all of them nothing more is known"
    assert reference.place({"unknown": 1.0, DISTANCE: float("nan")}) == {}


def test_axes_are_those_of_largest_spread():
    rng = np.random.default_rng(0)
    means = (rng.normal(size=(200, 6)) * [5, 2, 0.1, 0.1, 0.1, 0.1] + 3).astype(np.float32)
    axes = slide_axes(means)
    assert abs(axes.axes[0][0]) > 0.99 and abs(axes.axes[1][1]) > 0.99
    found = slide_measures(axes, axes.mean)
    assert found[DISTANCE] == pytest.approx(0, abs=1e-6)
    typical = np.median(np.linalg.norm(means - means.mean(axis=0), axis=1))
    assert slide_measures(axes, axes.mean + axes.axes[0] * typical)[DISTANCE] == pytest.approx(1, abs=1e-3)


def test_location_and_spread_of_a_profile():
    genes = GeneScale(np.full(300, 2.0, np.float32), np.full(300, 0.5, np.float32))
    z = np.random.default_rng(0).normal(size=300)
    known = np.ones(300, bool)
    found = expression_measures(genes, (2 + 0.5 * (1.5 * z + 0.7)).astype(np.float32), known)
    assert found[LOCATION] == pytest.approx(0.7 + 1.5 * np.median(z), abs=1e-3)
    assert found[SPREAD] == pytest.approx(1.5, rel=0.1)
    known[50:] = False
    assert expression_measures(genes, np.zeros(300, np.float32), known) == {}, "too few genes were measured"


def test_genes_that_nobody_has_stay_unknown():
    measured = np.array([[True, False], [True, False]])
    scale = gene_scale(np.array([[1.0, 0.0], [3.0, 0.0]], np.float32), measured)
    assert scale.mean[0] == 2 and scale.deviation[0] == 1 and np.isnan(scale.mean[1])


def test_a_small_study_gives_no_reference():
    few = training_drift(make_study(60), np.arange(30, dtype=np.int32), rng=np.random.default_rng(0))
    assert few.slides is None and few.genes is None and not few.measures
