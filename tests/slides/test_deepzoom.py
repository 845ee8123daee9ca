import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from icicore.errors import SlideError
from icicore.slides.deepzoom import DeepZoomSource
from icicore.slides.reader import OpenSlideReader, open_slide
from icicore.slides.tile_cache import TileCache
from icicore.types import Rgb
from tests.make_slides import he_on_glass, make_slide
from tests.shared_data import shared
from tests.slides.test_broken import corrupt

SIZE = (1900, 1300)


def decode(data: bytes) -> Rgb:
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB), np.uint8)


@pytest.fixture(params=["ycbcr", "rgb"])
def slide(request: pytest.FixtureRequest, folder: Path) -> OpenSlideReader:
    path = folder / f"zoom_{request.param}.tif"
    if not path.exists():
        make_slide(path, size=SIZE, rgb_jpeg=request.param == "rgb")
    return open_slide(path)


def check_passed_tiles(reader: OpenSlideReader, source: DeepZoomSource) -> int:
    """Every tile that is passed through must equal OpenSlide's own decoding, pixel by pixel."""
    count, side = 0, source.tile_size
    for level in source.direct_levels:
        factor = 2 ** (source.max_level - level)
        index = min(range(len(reader.level_downsamples)), key=lambda i: abs(reader.level_downsamples[i] - factor))
        width, height = source.level_size(level)
        for row in range(height // side):
            for col in range(width // side):
                data = source._pass_through(level, col, row)
                if data is None:
                    continue
                place = (round(col * side * reader.level_downsamples[index]),
                         round(row * side * reader.level_downsamples[index]))  # fmt: skip
                assert (decode(data) == reader.read_region(place, index, (side, side))).all()
                assert source.tile(level, col, row) == data
                count += 1
    return count


def test_passed_tiles_equal_openslide(slide: OpenSlideReader) -> None:
    source = DeepZoomSource(slide)
    assert source.tile_size == 256 and source.max_level in source.direct_levels
    assert check_passed_tiles(slide, source) >= 7 * 5


def test_passed_tiles_of_a_real_rgb_jpeg_slide() -> None:
    with open_slide(shared("slides/CMU-1-Small-Region.svs")) as reader:
        source = DeepZoomSource(reader)
        assert source.tile_size == 240 and source.direct_levels == (source.max_level,)
        assert check_passed_tiles(reader, source) == 9 * 12


def test_levels_halve_down_to_one_pixel(slide: OpenSlideReader) -> None:
    source = DeepZoomSource(slide)
    assert source.min_level == 0 and source.level_size(source.max_level) == SIZE
    assert source.level_size(0) == (1, 1)
    for level in range(source.max_level + 1):
        scale = 2 ** (source.max_level - level)
        assert source.level_size(level) == (math.ceil(SIZE[0] / scale), math.ceil(SIZE[1] / scale))


def test_every_tile_of_every_level_fits_together(slide: OpenSlideReader) -> None:
    source = DeepZoomSource(slide)
    full = slide.read_region((0, 0), 0, SIZE)
    for level in range(source.max_level + 1):
        width, height = source.level_size(level)
        canvas = np.zeros((height, width, 3), np.uint8)
        for row in range(-(-height // 256)):
            for col in range(-(-width // 256)):
                tile = decode(source.tile(level, col, row))
                y, x = row * 256, col * 256
                assert tile.shape[:2] == (min(256, height - y), min(256, width - x)), "edge tiles are cropped"
                canvas[y : y + 256, x : x + 256] = tile
        scale = 2 ** (source.max_level - level)
        padded = np.full((height * scale, width * scale, 3), 255, np.uint8)
        padded[: SIZE[1], : SIZE[0]] = full
        truth = cv2.resize(padded, (width, height), interpolation=cv2.INTER_AREA)
        if min(width, height) >= 32:  # a few pixels as JPEG are not worth comparing
            assert np.abs(canvas.astype(int) - truth).mean() < 6, level


def test_tiles_that_do_not_exist(slide: OpenSlideReader) -> None:
    source = DeepZoomSource(slide)
    for address in ((-1, 0, 0), (source.max_level + 1, 0, 0), (source.max_level, 8, 0), (source.max_level, 0, 6),
                    (source.max_level, -1, 0), (0, 1, 0)):  # fmt: skip
        with pytest.raises(ValueError):
            source.tile(*address)


def test_another_tile_size_is_decoded(slide: OpenSlideReader) -> None:
    source = DeepZoomSource(slide, 512)
    assert source.direct_levels == () and source.tile_size == 512
    tile = decode(source.tile(source.max_level, 1, 1))
    assert np.abs(tile.astype(int) - slide.read_region((512, 512), 0, (512, 512))).mean() < 4


def test_odd_downsamples_are_decoded(folder: Path) -> None:
    reader = open_slide(make_slide(folder / "odd_zoom.tif", size=SIZE, levels=(1, 3.1, 10)))
    source = DeepZoomSource(reader)
    assert source.direct_levels == (source.max_level,)
    low = decode(source.tile(source.max_level - 3, 0, 0))
    truth = cv2.resize(reader.read_region((0, 0), 0, SIZE), (238, 163), interpolation=cv2.INTER_AREA)
    assert low.shape == truth.shape and np.abs(low.astype(int) - truth).mean() < 5


def test_bounds_are_the_origin(scn_path: Path) -> None:
    reader = open_slide(scn_path)
    source = DeepZoomSource(reader)
    assert (source.width, source.height) == (1024, 768) and source.origin_l0 == (600, 400)
    assert source.direct_levels == ()
    tile = decode(source.tile(source.max_level, 1, 1))
    assert np.abs(tile.astype(int) - reader.read_region((856, 656), 0, (256, 256))).mean() < 4
    region = source.region(856, 656, 256, 256)
    assert (region == reader.read_region((856, 656), 0, (256, 256))).all()


def test_slide_without_low_levels_is_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = open_slide(make_slide(folder / "flat_zoom.tif", size=SIZE, levels=(1,)))
    source = DeepZoomSource(reader)
    source.tile(5, 0, 0)
    monkeypatch.setattr(reader, "read_region", lambda *_: pytest.fail("read again"))
    small = decode(source.tile(8, 0, 0))
    assert small.shape == (163, 238, 3)


def test_cache_is_bounded_and_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = open_slide(make_slide(folder / "cache_zoom.tif", size=SIZE))
    cache = TileCache(60_000)
    source = DeepZoomSource(reader, 128, cache=cache)
    tiles = [source.tile(source.max_level, c, r) for r in range(8) for c in range(8)]
    assert 0 < cache.used_bytes <= 60_000
    monkeypatch.setattr(reader, "read_region", lambda *_: pytest.fail("not taken from the cache"))
    assert source.tile(source.max_level, 7, 7) == tiles[-1]


def test_threads_get_the_same_tiles(slide: OpenSlideReader) -> None:
    source = DeepZoomSource(slide)
    addresses = [(level, 0, 0) for level in range(source.max_level + 1)] * 4
    with ThreadPoolExecutor(8) as pool:
        tiles = list(pool.map(lambda a: source.tile(*a), addresses))
    alone = DeepZoomSource(slide)
    assert all(t == alone.tile(*a) for t, a in zip(tiles, addresses, strict=True))


def test_damaged_tile_raises_and_others_go_on(folder: Path, tmp_path: Path) -> None:
    source_path = make_slide(folder / "sound_zoom.tif", size=(1024, 1024))
    source = DeepZoomSource(open_slide(corrupt(source_path, tmp_path / "hurt.tif", [5])))
    with pytest.raises(SlideError):
        source.tile(source.max_level, 1, 1)
    assert decode(source.tile(source.max_level, 2, 1)).shape == (256, 256, 3)


def test_pass_through_is_dropped_when_it_does_not_match(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the stored JPEG, as a browser decodes it, is not what OpenSlide shows, it is not used."""
    reader = open_slide(make_slide(folder / "liar.tif", size=(1024, 1024)))
    monkeypatch.setattr(reader, "read_region", lambda location, level, size: he_on_glass(
        np.random.default_rng(9), size, margin=0))  # fmt: skip
    assert DeepZoomSource(reader).direct_levels == ()


@pytest.mark.parametrize("name", ["LUSC_HE3_20x.svs", "LN_metastasis_HE_10x.svs"])
def test_real_levels_are_passed_through_in_place(name: str) -> None:
    """Rounded level sizes (downsample 4.0007) shift stored tiles by less than a pixel."""
    with open_slide(shared(f"slides/{name}")) as reader:
        source = DeepZoomSource(reader)
        assert source.max_level in source.direct_levels and len(source.direct_levels) >= 3
        level = source.direct_levels[-2]
        scale = 2 ** (source.max_level - level)
        width, height = source.level_size(level)
        col, row = width // 512, height // 512
        tile = decode(source.tile(level, col, row)).astype(int)
        truth = source.region(col * 256 * scale, row * 256 * scale, 256 * scale, 256)
        assert np.abs(tile - truth).mean() < 6


def test_opening_is_fast_and_reads_no_pixels(slide_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OpenSlideReader, "read_region", lambda *_: pytest.fail("pixels were read"))
    open_slide(slide_path)
