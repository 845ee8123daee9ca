import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from icicore.errors import NoTissue, TooCoarse
from icicore.slides.reader import ArrayReader, open_slide
from icicore.slides.tiling import TileGrid
from icicore.slides.tissue import TissueMask, find_tissue
from tests.make_slides import he_on_glass
from tests.shared_data import shared


def everywhere(reader: ArrayReader) -> TissueMask:
    x, y, width, height = reader.bounds_l0
    return TissueMask(np.ones((height // 8 + 1, width // 8 + 1), bool), (float(x), float(y)), 8.0)


def flat(width: int, height: int, mpp: float, **options: object) -> ArrayReader:
    return ArrayReader(np.full((height, width, 3), 180, np.uint8), mpp=mpp, **options)  # type: ignore[arg-type]


@settings(max_examples=25, deadline=None)
@given(st.sampled_from([0.25, 0.37, 0.499, 0.5, 0.52]), st.integers(0, 300), st.integers(0, 300))
def test_positions_are_multiples_of_the_tile(mpp: float, x: int, y: int) -> None:
    reader = flat(2200, 1900, mpp, bounds_l0=(x, y, 1800, 1500))
    plan = TileGrid().plan(reader, everywhere(reader))
    assert plan.origin_l0 == (x, y)
    assert plan.tile_l0 == 256 * 0.5 / mpp
    expected = np.array([x, y]) + plan.index[:, ::-1] * plan.tile_l0
    assert (plan.coords_l0 == expected).all()
    assert plan.index.dtype == np.int32
    order = plan.index[:, 0] * plan.cols + plan.index[:, 1]
    assert (np.diff(order) > 0).all(), "row by row, each tile once"
    assert plan.index.min() >= 0 and (plan.index < (plan.rows, plan.cols)).all()


@pytest.mark.parametrize("mpp", [0.25, 0.37, 0.5])
def test_tiles_show_their_place(mpp: float) -> None:
    """A dot painted in the middle of tile (3, 5) appears in the middle of that tile and in no other."""
    tile_l0 = 128 / mpp
    side = int(8 * tile_l0)
    image = np.full((side, side, 3), 200, np.uint8)
    centre = (round(5.5 * tile_l0), round(3.5 * tile_l0))
    radius = max(2, int(2 / mpp))
    image[centre[1] - radius : centre[1] + radius, centre[0] - radius : centre[0] + radius] = 0
    reader = ArrayReader(image, mpp=mpp, downsamples=(1, 3.1))
    plan = TileGrid().plan(reader, everywhere(reader))
    for i, (row, col) in enumerate(plan.index.tolist()):
        tile = plan.read_tile(reader, i)
        assert tile.shape == (256, 256, 3)
        dark = np.argwhere(tile[..., 0] < 100)
        if (row, col) == (3, 5):
            assert np.abs(dark.mean(axis=0) - 127.5).max() < 1.0
        else:
            assert not len(dark)


def test_grid_starts_at_the_bounds(scn_path: object) -> None:
    with open_slide(scn_path) as reader:  # type: ignore[arg-type]
        plan = TileGrid(min_tissue=0.3).plan(reader, find_tissue(reader))
        assert plan.origin_l0 == (600.0, 400.0) and (plan.rows, plan.cols) == (3, 4)
        first = plan.read_tile(reader, 0)
        x, y = plan.coords_l0[0].astype(int)
        assert (first == reader.read_region((x, y), 0, (256, 256))).all()


def test_coarse_slides_are_refused_unless_allowed() -> None:
    reader = flat(1000, 1000, 0.74)
    with pytest.raises(TooCoarse, match=r"0\.74.*0\.5") as caught:
        TileGrid().plan(reader, everywhere(reader))
    assert "\n" not in str(caught.value)
    plan = TileGrid(max_upsampling=2.0).plan(reader, everywhere(reader))
    assert plan.upsampling == pytest.approx(1.48)
    assert plan.read_tile(reader, 0).shape == (256, 256, 3)
    with pytest.raises(TooCoarse):
        TileGrid(max_upsampling=2.0).plan(flat(1000, 1000, 1.01), everywhere(reader))


@pytest.mark.parametrize("mpp", [0.1, 0.25, 0.5, 0.55])
def test_fine_slides_are_not_upsampled(mpp: float) -> None:
    reader = flat(3000, 3000, mpp)
    assert TileGrid().plan(reader, everywhere(reader)).upsampling == pytest.approx(max(1.0, mpp / 0.5))


def test_no_tissue_says_why() -> None:
    empty = TissueMask(np.zeros((100, 100), bool), (0.0, 0.0), 16.0)
    with pytest.raises(NoTissue, match="no tissue was found"):
        TileGrid().plan(flat(1600, 1600, 0.5), empty)
    with pytest.raises(NoTissue, match="too small"):
        TileGrid().plan(flat(16, 16, 0.5), TissueMask(np.zeros((1, 1), bool), (0.0, 0.0), 16.0))


def test_share_of_tissue_decides() -> None:
    reader = flat(1024, 512, 0.5)
    mask = np.zeros((32, 64), bool)
    mask[:, :24] = True  # one and a half tiles of 16 px
    tissue = TissueMask(mask, (0.0, 0.0), 16.0)
    assert TileGrid(min_tissue=0.5).plan(reader, tissue).index.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert TileGrid(min_tissue=0.51).plan(reader, tissue).index.tolist() == [[0, 0], [1, 0]]


def test_unknown_tile_number() -> None:
    reader = flat(512, 512, 0.5)
    plan = TileGrid().plan(reader, everywhere(reader))
    assert len(plan) == 4
    for i in (-1, 4):
        with pytest.raises(IndexError):
            plan.read_tile(reader, i)


def test_edge_tiles_are_filled_with_white() -> None:
    reader = ArrayReader(he_on_glass(np.random.default_rng(0), (400, 256), margin=0), mpp=0.5)
    plan = TileGrid(min_tissue=0.4).plan(reader, everywhere(reader))
    assert plan.index.tolist() == [[0, 0], [0, 1]]
    assert (plan.read_tile(reader, 1)[:, 144:] == 255).all()


def test_real_slide_has_the_known_number_of_tiles() -> None:
    with open_slide(shared("slides/LUSC_HE3_20x.svs")) as reader:
        assert 450 <= len(TileGrid().plan(reader, find_tissue(reader))) <= 480
