"""Pixel sizes as files state them in other units, and a stated one against them."""

import numpy as np
import pytest
import tifffile

from icicore.errors import MissingMpp
from icicore.slides.reader import open_slide
from tests.make_slides import make_slide


def write(path, *, unit, resolution, description=None):
    """A single-level BigTIFF with its resolution in a unit."""
    image = np.full((512, 768, 3), 230, np.uint8)
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        tiff.write(
            image, tile=(256, 256), photometric="rgb", compression="jpeg", metadata=None,
            resolution=(resolution, resolution), resolutionunit=unit, description=description,
        )  # fmt: skip
    return path


APERIO = "Aperio Image Library v12.0.1\n768x512 [0,0 768x512] (256x256) JPEG/RGB Q=70|AppMag = 40|MPP = {}"


@pytest.mark.parametrize(
    ("unit", "resolution", "mpp"),
    [("CENTIMETER", 1e4 / 0.25, 0.25), ("CENTIMETER", 1e4 / 0.74, 0.74), ("INCH", 25400 / 0.37, 0.37)],
)
def test_any_unit_gives_micrometres(tmp_path, unit, resolution, mpp):
    with open_slide(write(tmp_path / "a.tif", unit=unit, resolution=resolution)) as slide:
        assert slide.mpp == pytest.approx(mpp, rel=1e-3)
        assert slide.dimensions_l0 == (768, 512)


@pytest.mark.parametrize(
    ("unit", "resolution"),
    [("NONE", 1e4 / 0.25), ("INCH", 72), ("INCH", 300), ("CENTIMETER", 10), ("CENTIMETER", 28.3)],
)
def test_a_print_resolution_or_none_is_asked_for(tmp_path, unit, resolution):
    with (
        open_slide(write(tmp_path / "a.tif", unit=unit, resolution=resolution)) as slide,
        pytest.raises(MissingMpp) as e,
    ):
        _ = slide.mpp
    assert "state the scanner's pixel size" in str(e.value) and "\n" not in str(e.value)


@pytest.mark.parametrize(("text", "mpp"), [("0.2520", 0.252), ("0.4990", 0.499), ("0,2520", 0.252)])
def test_the_scanner_s_word_counts_before_the_tag(tmp_path, text, mpp):
    path = write(tmp_path / "a.svs", unit="INCH", resolution=72, description=APERIO.format(text))
    with open_slide(path) as slide:
        assert slide.vendor == "aperio"
        assert slide.mpp == pytest.approx(mpp)


@pytest.mark.parametrize("text", ["", "353", "0", "x"])
def test_a_scanner_s_word_that_is_no_pixel_size_is_asked_for(tmp_path, text):
    path = write(tmp_path / "a.svs", unit="NONE", resolution=1, description=APERIO.format(text))
    with open_slide(path) as slide, pytest.raises(MissingMpp):
        _ = slide.mpp


@pytest.mark.parametrize(("stated", "overruled"), [(None, None), (0.5, None), (0.51, None), (0.25, 0.5), (1.0, 0.5)])
def test_a_stated_size_against_the_file_is_known(tmp_path, stated, overruled):
    path = make_slide(tmp_path / "a.tif", size=(512, 512), levels=(1,), mpp=0.5)
    with open_slide(path, mpp=stated) as slide:
        assert slide.mpp == (stated or pytest.approx(0.5))
        assert slide.overruled_mpp == (None if overruled is None else pytest.approx(overruled))


def test_a_stated_size_where_the_file_has_none_or_nonsense_overrules_nothing(tmp_path):
    bare = make_slide(tmp_path / "a.tif", size=(512, 512), levels=(1,), mpp=None)
    silly = make_slide(tmp_path / "b.tif", size=(512, 512), levels=(1,), mpp=353.0)
    for path in (bare, silly):
        with open_slide(path, mpp=0.25) as slide:
            assert slide.mpp == 0.25
            assert slide.overruled_mpp is None
