"""What was planted is what is counted: densities, phenotypes, compartments and artefacts, without drawing pixels."""

from dataclasses import replace

import numpy as np
import pytest

from icicore.simulate.artefacts import plan_artefacts
from icicore.simulate.cells import Cells, Kind, place_cells
from icicore.simulate.spec import CLASSES, MARGIN_UM, RICH_PER_MM2, TILE_UM, SlideSpec
from icicore.simulate.stains import slide_stain
from icicore.simulate.tissue import Architecture, build_architecture
from icicore.simulate.truth import SlideTruth, count_truth

SPEC = SlideSpec(seed=21, tumour_type="nsclc", til_density=1500, size_um=(2200, 1800))


def plant(spec: SlideSpec) -> tuple[Architecture, Cells, SlideTruth]:
    arch = build_architecture(spec)
    cells = place_cells(spec, arch)
    return arch, cells, count_truth(spec, arch, cells, plan_artefacts(spec, arch.tissue, arch.cell_um))


@pytest.mark.parametrize("phenotype", ["inflamed", "excluded", "desert"])
@pytest.mark.parametrize("density", [100, 800, 2500])
def test_the_margin_holds_the_density_that_was_asked_for(phenotype: str, density: float) -> None:
    _, _, truth = plant(replace(SPEC, phenotype=phenotype, til_density=density))
    assert truth.til_density_margin == pytest.approx(density, rel=0.12)


def test_tile_counts_match_the_cells() -> None:
    _, cells, truth = plant(SPEC)
    lymphocytes = cells.of(Kind.LYMPHOCYTE)
    rows, cols = truth.tile_class.shape
    # the same count by another road
    counts, _, _ = np.histogram2d(
        lymphocytes.y, lymphocytes.x, bins=(np.arange(rows + 1) * TILE_UM, np.arange(cols + 1) * TILE_UM)
    )
    area_mm2 = truth.fractions[..., :5].sum(-1) * (TILE_UM / 1000) ** 2
    full = truth.fractions[..., :5].sum(-1) > 0.95
    np.testing.assert_allclose(truth.lymphocytes_per_mm2[full], counts[full] / area_mm2[full], rtol=1e-4)


def test_rich_tiles_lie_at_the_margin_and_hold_many_lymphocytes() -> None:
    arch, _, truth = plant(replace(SPEC, phenotype="excluded", til_density=2500))
    rich = truth.tile_class == CLASSES.index("margin_lymphocytes")
    assert rich.sum() >= 5
    assert (truth.lymphocytes_per_mm2[rich] >= RICH_PER_MM2).all()
    rows, cols = np.nonzero(rich)
    away = np.abs(arch.at(arch.bulk, (cols + 0.5) * TILE_UM, (rows + 0.5) * TILE_UM))
    assert (away < MARGIN_UM + TILE_UM).all()


def test_phenotypes_differ_in_where_lymphocytes_go() -> None:
    def share_in_nests(phenotype: str) -> float:
        arch, cells, _ = plant(replace(SPEC, phenotype=phenotype))
        found = cells.of(Kind.LYMPHOCYTE)
        return float((arch.at(arch.tumour, found.x, found.y) > 3).mean())

    assert share_in_nests("inflamed") > 4 * share_in_nests("excluded")
    arch, cells, _ = plant(replace(SPEC, phenotype="desert", til_density=120))
    assert len(cells.of(Kind.LYMPHOCYTE).x) < 0.2 * len(plant(SPEC)[1].of(Kind.LYMPHOCYTE).x)


@pytest.mark.parametrize("fraction", [0.25, 0.5, 0.75])
def test_the_tumour_share_is_near_the_request(fraction: float) -> None:
    for tumour_type in ("melanoma", "nsclc"):
        _, _, truth = plant(replace(SPEC, tumour_fraction=fraction, tumour_type=tumour_type))
        assert truth.tumour_stroma_ratio == pytest.approx(fraction, abs=0.12)


@pytest.mark.parametrize("necrosis", [0.0, 0.1, 0.5])
def test_necrosis_is_what_was_asked_for(necrosis: float) -> None:
    _, _, truth = plant(replace(SPEC, necrosis=necrosis))
    assert truth.necrosis_fraction == pytest.approx(necrosis, abs=0.03)


@pytest.mark.parametrize("artefact", ["pen", "blur", "fold", "bubble"])
def test_an_artefact_shows_in_the_truth_and_nothing_else_moves(artefact: str) -> None:
    _, _, clean = plant(SPEC)
    _, _, spoiled = plant(replace(SPEC, artefacts=(artefact,)))
    assert clean.fractions[..., 5].sum() == 0
    assert spoiled.fractions[..., 5].sum() > 0
    np.testing.assert_array_equal(clean.fractions[..., :5], spoiled.fractions[..., :5])
    changed = clean.tile_class != spoiled.tile_class
    assert (spoiled.tile_class[changed] == CLASSES.index("artefact")).all()


def test_nuclei_of_a_kind_do_not_pile_up() -> None:
    _, cells, _ = plant(SPEC)
    for kind, gap in ((Kind.LYMPHOCYTE, 4.0), (Kind.TUMOUR, 5.0)):
        some = cells.of(kind)
        points = np.stack([some.x, some.y], axis=1)
        order = np.argsort(points[:, 0])
        close = np.hypot(*np.diff(points[order], axis=0).T) < gap
        assert close.mean() < 0.01


def test_sites_stain_differently_and_slides_of_a_site_alike() -> None:
    matrices = [[np.array(slide_stain(replace(SPEC, seed=s, site=k)).matrix) for s in range(5)] for k in range(6)]
    within = np.mean([np.std(m, axis=0)[:2].mean() for m in matrices])
    between = np.std([np.mean(m, axis=0) for m in matrices], axis=0)[:2].mean()
    assert between > 1.5 * within
