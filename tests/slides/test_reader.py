"""One contract, run on every reader."""

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from icicore.errors import MissingMpp, SlideError
from icicore.slides.reader import ArrayReader, SlideReader, open_slide
from icicore.types import Rgb
from tests.make_slides import he_on_glass, make_slide
from tests.shared_data import shared

SIZE = (1500, 1100)
ODD_LEVELS = (1, 3.1, 10)


def picture(width: int, height: int) -> Rgb:
    return he_on_glass(np.random.default_rng(3), (width, height))


@pytest.fixture(params=["openslide", "array"])
def reader(request: pytest.FixtureRequest, folder: Path) -> SlideReader:
    if request.param == "array":
        return ArrayReader(picture(*SIZE), mpp=0.25, downsamples=ODD_LEVELS)
    path = folder / "contract.tif"
    if not path.exists():
        make_slide(path, size=SIZE, mpp=0.25, levels=ODD_LEVELS, painter=picture, quality=98, rgb_jpeg=True)
    return open_slide(path)


def test_describes_itself(reader: SlideReader) -> None:
    assert isinstance(reader, SlideReader)
    assert reader.dimensions_l0 == SIZE == reader.level_dimensions[0]
    assert reader.level_downsamples[0] == 1
    np.testing.assert_allclose(reader.level_downsamples, ODD_LEVELS, rtol=0.01)
    assert reader.bounds_l0 == (0, 0, *SIZE)
    assert reader.mpp == pytest.approx(0.25, rel=1e-4)
    assert not reader.is_virtual


def test_region_is_rgb_at_its_place(reader: SlideReader) -> None:
    region = reader.read_region((310, 220), 0, (64, 48))
    assert region.shape == (48, 64, 3) and region.dtype == np.uint8 and region.flags["C_CONTIGUOUS"]
    truth = picture(*SIZE)[220:268, 310:374]
    assert np.abs(region.astype(int) - truth).mean() < 3
    shifted = picture(*SIZE)[220:268, 311:375]
    assert np.abs(region.astype(int) - truth).mean() < np.abs(region.astype(int) - shifted).mean()


def test_outside_is_white(reader: SlideReader) -> None:
    region = reader.read_region((SIZE[0] - 10, -20), 0, (40, 40))
    assert (region[:20] == 255).all() and (region[:, 10:] == 255).all()
    assert (region[20:, :10] < 255).any()


@pytest.mark.parametrize("scale", [1.35, 2.0, 3.1, 4.0, 10.0, 12.0])
def test_area_at_any_scale_shows_the_same_place(reader: SlideReader, scale: float) -> None:
    location, side = (400.3, 300.7), 60
    area = reader.read_area(location, (side * scale, side * scale), size_px=(side, side))
    assert area.shape == (side, side, 3)
    full = picture(*SIZE).astype(float)
    rows = [slice(round(300.7 + i * scale), round(300.7 + (i + 1) * scale)) for i in range(side)]
    cols = [slice(round(400.3 + i * scale), round(400.3 + (i + 1) * scale)) for i in range(side)]
    truth = np.array([[full[r, c].reshape(-1, 3).mean(axis=0) for c in cols] for r in rows])
    inside = np.array([[r.stop <= SIZE[1] and c.stop <= SIZE[0] for c in cols] for r in rows])
    assert np.abs(area - truth)[inside].mean() < 9
    assert np.corrcoef(area[inside].ravel(), truth[inside].ravel())[0, 1] > 0.9


def test_native_scale_copies_pixels(reader: SlideReader) -> None:
    assert (reader.read_area((40, 30), (64, 64), size_px=(64, 64)) == reader.read_region((40, 30), 0, (64, 64))).all()
    # Half a per cent of difference is not worth a blur.
    near = reader.read_area((40, 30), (64.3, 64.3), size_px=(64, 64))
    assert (near == reader.read_region((40, 30), 0, (64, 64))).all()


def test_finer_than_level_0_is_interpolated(reader: SlideReader) -> None:
    area = reader.read_area((400, 300), (50, 50), size_px=(100, 100)).astype(float)
    native = reader.read_region((400, 300), 0, (50, 50)).astype(float)
    assert np.abs(area.reshape(50, 2, 50, 2, 3).mean(axis=(1, 3)) - native).mean() < 6


def test_thumbnail(reader: SlideReader) -> None:
    assert reader.thumbnail(300).shape == (220, 300, 3)
    assert reader.thumbnail(10_000).shape == (SIZE[1], SIZE[0], 3)


def test_impossible_requests(reader: SlideReader) -> None:
    for level, size in ((9, (5, 5)), (-1, (5, 5)), (0, (0, 5))):
        with pytest.raises(ValueError):
            reader.read_region((0, 0), level, size)


def test_context_manager_and_reuse(reader: SlideReader) -> None:
    with reader as same:
        assert same is reader
    assert reader.read_region((0, 0), 0, (4, 4)).shape == (4, 4, 3)


def test_survives_pickling(slide_path: Path) -> None:
    reader = open_slide(slide_path, mpp=0.4)
    copy = pickle.loads(pickle.dumps(reader))
    assert copy.mpp == 0.4 and copy.dimensions_l0 == reader.dimensions_l0
    assert (copy.read_region((900, 700), 0, (32, 32)) == reader.read_region((900, 700), 0, (32, 32))).all()


def test_many_threads_read_the_same_pixels(slide_path: Path) -> None:
    reader = open_slide(slide_path)
    places = [(x * 97 % 1800, x * 61 % 1300) for x in range(60)]
    expected = [reader.read_region(p, 0, (100, 100)) for p in places]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda p: reader.read_region(p, 0, (100, 100)), places))
    assert all((a == b).all() for a, b in zip(expected, found, strict=True))


@pytest.mark.parametrize("name", ["Präparat 1 – H&E.tif", "病理.tif", "a'b\"c;$(x) [1].tif", "名 前.TIF"])
def test_odd_file_names(folder: Path, slide_path: Path, name: str) -> None:
    path = folder / name
    path.write_bytes(slide_path.read_bytes())
    assert open_slide(path).dimensions_l0 == (2048, 1536)


def test_bounds_of_a_leica_file(scn_path: Path) -> None:
    reader = open_slide(scn_path)
    assert reader.vendor == "leica"
    assert reader.bounds_l0 == (600, 400, 1024, 768)
    assert reader.dimensions_l0 == (4000, 3000)
    assert reader.thumbnail(256).shape == (192, 256, 3)
    assert reader.thumbnail(256).mean() < 245, "the thumbnail shows the tissue, not the empty glass around it"


def test_virtual_slides_are_recognised(folder: Path) -> None:
    path = make_slide(folder / "virtual.tif", size=(512, 512), levels=(1,), software="icicore virtual slide seed=1")
    assert open_slide(path).is_virtual
    assert not open_slide(make_slide(folder / "real.tif", size=(512, 512), levels=(1,))).is_virtual


def test_missing_mpp_asks_for_it(folder: Path) -> None:
    path = make_slide(folder / "no_mpp.tif", size=(512, 512), levels=(1,), mpp=None)
    with pytest.raises(MissingMpp, match="no_mpp.tif.*pixel size") as caught:
        _ = open_slide(path).mpp
    assert "\n" not in str(caught.value)
    assert open_slide(path, mpp=0.5).mpp == 0.5


@pytest.mark.parametrize("mpp", [352.78, 1000.0, 29.0, 0.05])
def test_implausible_mpp_is_not_believed(folder: Path, mpp: float) -> None:
    path = make_slide(folder / f"mpp_{mpp}.tif", size=(256, 256), levels=(1,), mpp=mpp)
    with pytest.raises(MissingMpp, match="not plausible"):
        _ = open_slide(path).mpp
    assert open_slide(path, mpp=0.25).mpp == 0.25


@pytest.mark.parametrize("mpp", [0.0, -1.0, float("nan"), float("inf"), 353.0])
def test_stated_mpp_is_checked(slide_path: Path, mpp: float) -> None:
    with pytest.raises(MissingMpp):
        open_slide(slide_path, mpp=mpp)


def test_array_reader_refuses_other_arrays() -> None:
    make: Callable[[], object] = lambda: ArrayReader(np.zeros((4, 4), np.uint8), mpp=0.5)  # type: ignore[arg-type] # noqa: E731
    with pytest.raises(SlideError):
        make()
    with pytest.raises(MissingMpp):
        _ = ArrayReader(np.zeros((4, 4, 3), np.uint8), mpp=None).mpp


def test_large_areas_are_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    image = he_on_glass(np.random.default_rng(0), (900, 700))
    reader = ArrayReader(image, mpp=0.5)
    whole = reader.read_area((0, 0), (900, 700), size_px=(90, 70))
    monkeypatch.setattr("icicore.slides.base._MAX_SOURCE_PX", 5000)
    assert np.abs(reader.read_area((0, 0), (900, 700), size_px=(90, 70)).astype(int) - whole).max() <= 1


def test_label_and_macro_are_never_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    import openslide.lowlevel as low

    from icicore.slides.deepzoom import DeepZoomSource
    from icicore.slides.tissue import find_tissue

    def refuse(*_: object) -> None:
        raise AssertionError("an associated image was read")

    monkeypatch.setattr(low, "read_associated_image", refuse)
    path = shared("slides/CMU-1-Small-Region.svs")
    with open_slide(path) as reader:
        find_tissue(reader)
        reader.thumbnail(200)
        DeepZoomSource(reader).tile(8, 0, 0)


def test_dicom_folder_equals_the_svs_it_was_made_from() -> None:
    folder, svs = open_slide(shared("slides/dicom_LUSC_HE3")), open_slide(shared("slides/LUSC_HE3_20x.svs"))
    assert folder.vendor == "dicom" and folder.dimensions_l0 == svs.dimensions_l0 and folder.mpp == svs.mpp
    assert (folder.read_region((4000, 4000), 0, (256, 256)) == svs.read_region((4000, 4000), 0, (256, 256))).all()
