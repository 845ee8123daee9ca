from collections import Counter

import numpy as np
import pytest

from icicore.simulate.bank import TileBank, compose_bag, compose_layout, plan_layout
from icicore.simulate.render import render_slide
from icicore.simulate.slide_specs import bank_specs
from icicore.simulate.spec import CLASSES, SlideSpec
from tests.simulate.cohorts import cohort

SMALL = (1500.0, 1300.0)


def _tissue_index(truth):
    return np.argwhere((truth.tile_class >= 0) & (truth.fractions[..., :5].sum(axis=-1) >= 0.5)).astype(np.int32)


@pytest.fixture(scope="module")
def bank():
    specs = [
        SlideSpec(seed=i, tumour_type=t, phenotype=p, til_density=d, tumour_fraction=f, site=s, size_um=SMALL)
        for i, (s, t, p, d, f) in enumerate(
            (s, t, p, d, f)
            for s in (0, 1)
            for t in ("melanoma", "nsclc")
            for p, d, f in (("inflamed", 2500, 0.4), ("excluded", 1200, 0.7), ("desert", 250, 0.6))
        )
    ]
    truths = [plan_layout(spec) for spec in specs]
    return TileBank.from_slides(truths, [_tissue_index(t) for t in truths])


def test_bank_specs_cover_the_design_evenly():
    specs = bank_specs(108, 0)
    assert specs == bank_specs(108, 0) != bank_specs(108, 1)
    assert set(Counter((s.site, s.tumour_type, s.phenotype) for s in specs).values()) == {3}
    assert set(Counter((s.site, s.tumour_type) for s in bank_specs(24, 0)).values()) == {2}
    assert 5 <= sum(s.necrosis > 0.3 for s in specs) <= 30


def test_bank_slides_have_the_stated_number_of_tiles():
    counts = [len(_tissue_index(plan_layout(spec))) for spec in bank_specs(6, 3)]
    assert min(counts) > 120 and max(counts) < 280


def test_a_bag_has_the_tiles_of_its_own_layout(bank):
    spec = SlideSpec(seed=77, site=1, tumour_type="nsclc", til_density=1800, phenotype="inflamed", size_um=SMALL)
    truth = plan_layout(spec)
    bag = compose_layout(truth, bank, np.random.default_rng(0))
    assert bag.shape == truth.tile_class.shape
    np.testing.assert_array_equal(bag.index, _tissue_index(truth))
    np.testing.assert_array_equal(bag.tile_class, truth.tile_class[bag.index[:, 0], bag.index[:, 1]])
    assert (bank.site[bag.tiles] == 1).all()
    assert (bank.tile_class[bag.tiles] == bag.tile_class).mean() > 0.95
    assert (bank.tumour_type[bag.tiles] == "nsclc").mean() > 0.9
    drawn = bank.content[bag.tiles, -1]
    assert np.corrcoef(drawn, np.log1p(bag.density / 150))[0, 1] > 0.9


def test_few_tiles_are_a_subset_and_chance_is_the_argument(bank):
    truth = plan_layout(SlideSpec(seed=5, site=0, size_um=SMALL))
    few = compose_layout(truth, bank, np.random.default_rng(0), n_tiles=20)
    again = compose_layout(truth, bank, np.random.default_rng(0), n_tiles=20)
    assert len(few.tiles) == 20 == len({tuple(i) for i in few.index.tolist()})
    np.testing.assert_array_equal(few.tiles, again.tiles)


def test_a_patient_without_histology_has_no_bag(bank):
    patients = cohort(200, 3, "missing")
    absent = next(p for p in patients if p.slide_spec is None)
    assert compose_bag(absent, bank, np.random.default_rng(0)) is None
    present = next(p for p in patients if p.slide_spec is not None and p.site == 0)
    bag = compose_bag(present, bank, np.random.default_rng(0), n_tiles=64)
    assert bag is not None and len(bag.tiles) == 64


@pytest.mark.slow
def test_a_layout_agrees_with_the_rendered_slide(tmp_path):
    """What is composed without painting must be what painting would have given."""
    for spec in bank_specs(3, 9):
        planned, rendered = plan_layout(spec), render_slide(spec, tmp_path / f"{spec.seed}.tif")
        mixes = [np.bincount(t.tile_class[t.tile_class >= 0], minlength=len(CLASSES)) for t in (planned, rendered)]
        shares = [mix / mix.sum() for mix in mixes]
        np.testing.assert_allclose(shares[0], shares[1], atol=0.06)
        assert (planned.tile_class == rendered.tile_class).mean() > 0.85
        assert planned.til_density_margin == pytest.approx(rendered.til_density_margin, rel=0.2, abs=60)
