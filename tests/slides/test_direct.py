"""Stored tiles decoded directly: the same pixels as OpenSlide, and OpenSlide for all that is unusual."""

from pathlib import Path

import numpy as np
import pytest

from icicore.errors import SlideError
from icicore.slides.array_reader import ArrayReader
from icicore.slides.direct import DirectReader, decode_strict, fastest_reader
from icicore.slides.jpeg_tiff import JpegTiff
from icicore.slides.reader import open_slide
from icicore.slides.tiling import TileGrid
from icicore.slides.tissue import find_tissue
from tests.make_slides import he_on_glass, make_scn, make_slide
from tests.shared_data import shared

SIZE = (1900, 1300)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("direct")


@pytest.mark.parametrize("rgb_jpeg", [False, True])
def test_any_region_has_the_pixels_of_openslide(folder, rgb_jpeg):
    with open_slide(make_slide(folder / f"a{rgb_jpeg}.tif", size=SIZE, rgb_jpeg=rgb_jpeg)) as plain:
        fast = fastest_reader(plain)
        assert isinstance(fast, DirectReader) and 0 in fast.direct_levels
        rng = np.random.default_rng(0)
        for level in range(3):
            factor = plain.level_downsamples[level]
            for _ in range(25):
                place = (int(rng.integers(-50, SIZE[0])), int(rng.integers(-50, SIZE[1])))
                size = (int(rng.integers(1, 700 / factor + 2)), int(rng.integers(1, 700 / factor + 2)))
                want = plain.read_region(place, level, size)
                assert np.array_equal(fast.read_region(place, level, size), want), (level, place, size)


def test_tiles_of_the_grid_are_the_same(folder):
    with open_slide(make_slide(folder / "grid.tif", size=(2048, 1536), mpp=0.37)) as plain:
        fast, plan = fastest_reader(plain), TileGrid().plan(plain, find_tissue(plain))
        assert len(plan) > 10 and plan.tile_l0 != round(plan.tile_l0)
        for i in range(len(plan)):
            assert np.array_equal(plan.read_tile(fast, i), plan.read_tile(plain, i))


@pytest.mark.parametrize("name", ["LUSC_HE3_20x.svs", "CMU-1-Small-Region.svs"])
def test_real_slides_have_the_same_pixels(name):
    with open_slide(shared(f"slides/{name}")) as plain:
        fast = fastest_reader(plain)
        assert isinstance(fast, DirectReader) and 0 in fast.direct_levels
        rng, (width, height) = np.random.default_rng(1), plain.dimensions_l0
        for _ in range(20):
            place = (int(rng.integers(width - 100)), int(rng.integers(height - 100)))
            assert np.array_equal(fast.read_region(place, 0, (350, 300)), plain.read_region(place, 0, (350, 300)))


def damaged(source: Path, target: Path, col: int, row: int) -> Path:
    """A copy whose one tile ends early: most decoders would give half a picture."""
    with open_slide(source) as reader:
        level = JpegTiff.open(reader)._levels[0]
    number, content = row * level.columns + col, bytearray(source.read_bytes())
    start, count = level.offsets[number], level.counts[number]
    content[start + count // 2 : start + count] = bytes(count - count // 2)
    target.write_bytes(content)
    return target


def test_a_damaged_tile_is_refused_as_openslide_does(folder):
    source = make_slide(folder / "sound.tif", size=SIZE)
    with open_slide(damaged(source, folder / "hurt.tif", 2, 2)) as plain:
        fast = fastest_reader(plain)
        assert isinstance(fast, DirectReader)
        for reader in (plain, fast):
            with pytest.raises(SlideError, match="cannot be read"):
                reader.read_region((600, 600), 0, (64, 64))
        assert np.array_equal(fast.read_region((0, 0), 0, (300, 300)), plain.read_region((0, 0), 0, (300, 300)))


def test_a_picture_cut_short_is_no_picture(folder):
    with open_slide(make_slide(folder / "whole.tif", size=SIZE)) as reader:
        data = JpegTiff.open(reader).tile(0, 2, 2)
    assert decode_strict(data).shape == (256, 256, 3)
    assert decode_strict(data[:-2]) is None and decode_strict(data[: len(data) // 2]) is None
    assert decode_strict(b"not a jpeg") is None


def test_what_does_not_match_is_read_by_openslide(folder, monkeypatch):
    reader = open_slide(make_slide(folder / "liar.tif", size=SIZE))
    other = he_on_glass(np.random.default_rng(9), (256, 256), margin=0)
    monkeypatch.setattr(reader, "read_region", lambda place, level, size: other[: size[1], : size[0]])
    assert fastest_reader(reader) is reader


def test_readers_of_other_layouts_stay_as_they_are(folder):
    array = ArrayReader(he_on_glass(np.random.default_rng(1), (300, 300)), mpp=0.5)
    assert fastest_reader(array) is array
    for path in (
        make_slide(folder / "deflate.tif", size=(600, 500), compression="deflate"),
        make_scn(folder / "leica.scn"),
    ):
        with open_slide(path) as reader:
            assert fastest_reader(reader) is reader


def test_held_tiles_are_bounded(folder):
    with open_slide(make_slide(folder / "held.tif", size=SIZE)) as plain:
        fast = fastest_reader(plain, held_bytes=3 * 256 * 256 * 3)
        for top in range(10, 1000, 200):
            fast.read_region((10, top), 0, (1800, 190))
        assert len(fast._held.tiles) == 3


def test_only_tiles_that_a_neighbour_shares_are_held(folder):
    """Where the grid of a slide lies on its stored tiles, as on most 40x scans, none has to be kept."""
    with open_slide(make_slide(folder / "shared.tif", size=SIZE)) as plain:
        fast = fastest_reader(plain)
        fast.read_region((256, 256), 0, (512, 512))
        assert not fast._held.tiles
        fast.read_region((300, 256), 0, (512, 512))
        assert {(col, row) for _, col, row in fast._held.tiles} == {(1, 1), (1, 2), (3, 1), (3, 2)}
