import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from icicore.errors import MissingMpp
from icicore.slides.overview import read_overview
from icicore.slides.reader import ArrayReader, open_slide
from icicore.slides.tissue import TissueMask, find_tissue, tissue_of_image
from tests.make_slides import he_on_glass, make_he_image
from tests.shared_data import shared

UM = 8.0


def glass(side: int = 300) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 1.2, (side, side, 3))
    return np.clip(243 + noise, 0, 255).astype(np.uint8)


def disk(image: np.ndarray, centre: tuple[int, int], radius: int, colour: tuple[int, int, int]) -> np.ndarray:
    return cv2.circle(image.copy(), centre, radius, colour, -1)


def test_clean_glass_has_no_tissue() -> None:
    assert not tissue_of_image(glass(), UM).any()


@pytest.mark.parametrize(
    "colour",
    [(214, 160, 200), (230, 205, 220), (150, 105, 165), (110, 70, 140), (240, 190, 215), (225, 180, 190)],
    ids=["tumour", "pale necrosis", "dense", "lymphoid", "eosin", "stroma"],
)
def test_tissue_of_every_shade_is_found(colour: tuple[int, int, int]) -> None:
    image = disk(glass(), (150, 150), 60, colour)
    truth = disk(np.zeros((300, 300, 3), np.uint8), (150, 150), 60, (1, 1, 1))[..., 0] > 0
    mask = tissue_of_image(image, UM)
    assert (mask & truth).sum() / (mask | truth).sum() > 0.93


@pytest.mark.parametrize(
    "colour",
    [(40, 150, 120), (40, 70, 170), (215, 25, 45), (30, 30, 32), (110, 190, 170)],
    ids=["green", "blue", "red", "black", "faint green"],
)
def test_pen_is_not_tissue(colour: tuple[int, int, int]) -> None:
    tissue = (205, 150, 190)
    image = disk(glass(), (90, 150), 50, tissue)
    image = cv2.line(image, (200, 20), (240, 280), colour, 14)
    mask = tissue_of_image(image, UM)
    assert mask[150, 90] and not mask[:, 190:].any()


def test_dust_is_not_tissue() -> None:
    image = glass()
    for x in range(20, 280, 40):
        image = disk(image, (x, 40), 3, (120, 90, 130))
    assert not tissue_of_image(image, UM).any()


def test_small_holes_are_closed_and_large_ones_kept() -> None:
    image = disk(glass(), (150, 150), 100, (205, 150, 190))
    image = disk(image, (110, 150), 5, (243, 243, 243))
    image = disk(image, (190, 150), 30, (243, 243, 243))
    mask = tissue_of_image(image, UM)
    assert mask[150, 110] and not mask[150, 190]


def test_mask_lies_on_the_slide_where_the_tissue_does() -> None:
    image = np.full((1600, 2000, 3), 243, np.uint8)
    image[600:1200, 500:1300] = make_he_image(np.random.default_rng(0), (800, 600))
    reader = ArrayReader(image, mpp=0.5, downsamples=(1, 4), bounds_l0=(200, 100, 1800, 1500))
    tissue = find_tissue(reader)
    assert tissue.origin_l0 == (200.0, 100.0) and tissue.scale_l0 == 16
    assert tissue.fraction(500, 600, 600) > 0.95
    assert tissue.fraction(1300, 600, 256) < 0.1
    assert tissue.fraction(-5000, 0, 256) == 0
    assert tissue.area_mm2(0.5) == pytest.approx(800 * 600 * 0.25e-6, rel=0.1)


@settings(max_examples=80, deadline=None)
@given(st.floats(-50, 250), st.floats(-50, 250), st.floats(1, 120), st.floats(0.7, 9))
def test_fraction_equals_the_area_by_hand(x: float, y: float, size: float, scale: float) -> None:
    rng = np.random.default_rng(1)
    mask = TissueMask(rng.random((12, 15)) < 0.5, (10.0, -7.0), scale)
    rows, cols = np.nonzero(mask.mask)
    left, top = 10.0 + cols * scale, -7.0 + rows * scale
    width = np.clip(np.minimum(left + scale, x + size) - np.maximum(left, x), 0, None)
    height = np.clip(np.minimum(top + scale, y + size) - np.maximum(top, y), 0, None)
    assert mask.fraction(x, y, size) == pytest.approx(float((width * height).sum() / size**2), abs=1e-6)


def test_needs_the_pixel_size() -> None:
    with pytest.raises(MissingMpp):
        find_tissue(ArrayReader(he_on_glass(np.random.default_rng(0), (400, 400)), mpp=None))


def test_overview_has_the_asked_scale() -> None:
    reader = ArrayReader(he_on_glass(np.random.default_rng(0), (3000, 2000)), mpp=0.37, downsamples=(1, 4))
    overview = read_overview(reader, 8.0)
    assert overview.scale_l0 == pytest.approx(8 / 0.37)
    assert overview.image.shape[:2] == (round(2000 * 0.37 / 8), round(3000 * 0.37 / 8))
    assert overview.readable.all()


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("LUSC_HE3_20x.svs", 7.2, 8.2),
        ("LUSC_HE4_10x.svs", 9.6, 11.2),
        ("LN_metastasis_HE_10x.svs", 18.0, 22.0),
        ("CMU-1-Small-Region.svs", 0.6, 0.75),
    ],
)
def test_tissue_area_of_real_slides(name: str, low: float, high: float) -> None:
    with open_slide(shared(f"slides/{name}")) as reader:
        assert low < find_tissue(reader).area_mm2(reader.mpp) < high


def test_ink_in_fat_of_the_lymph_node_is_left_out() -> None:
    with open_slide(shared("slides/LN_metastasis_HE_10x.svs")) as reader:
        tissue = find_tissue(reader)
        assert tissue.fraction(4000, 4500, 1500) > 0.95, "the node"
        assert tissue.fraction(10_150, 4000, 300) < 0.4, "the strip of black ink"
