"""Pen detection on synthetic strokes and on real pen images."""

import cv2
import numpy as np
import pytest

from icicore.slides.pen import PEN_COLOURS, find_pen, pen_colours
from icicore.types import Rgb
from tests.make_slides import make_he_image
from tests.shared_data import shared

WITH_PEN = (
    "diagnostic-slide-thumb-rgb",
    "diagnostic-slide-thumb",
    "high-nuclei-score-red-pen-level1",
    "medium-nuclei-score-green-pen-level1",
    "no-tissue-green-pen",
    "no-tissue-red-pen",
    "tcga-green-pen",
    "tcga-red-pen",
    "very-low-nuclei-score-red-pen-level1",
    "wsi-blue-pen",
)
LINE_OF_COVERSLIP = "no-tissue-line"
THUMBNAILS = ("diagnostic-slide-thumb", "wsi-blue-pen")


def load(path: object) -> Rgb:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8)


def marked(colour: tuple[int, int, int], *, over_tissue: bool) -> Rgb:
    """A translucent stroke, multiplied onto tissue or glass."""
    tissue = cv2.resize(make_he_image(np.random.default_rng(2), (1600, 1600)), (100, 100), interpolation=cv2.INTER_AREA)
    base = tissue if over_tissue else np.full((100, 100, 3), 243, np.uint8)
    stroke = np.ones((100, 100, 3), np.float32)
    cv2.line(stroke, (20, 10), (80, 90), tuple(c / 255 for c in colour), 12)
    return (base * stroke).astype(np.uint8)


@pytest.mark.parametrize("over_tissue", [False, True])
@pytest.mark.parametrize(
    ("name", "colour"),
    [("green", (40, 160, 120)), ("blue", (50, 90, 210)), ("red", (240, 25, 40)), ("black", (45, 45, 48))],
)
def test_strokes_of_every_colour(name: str, colour: tuple[int, int, int], over_tissue: bool) -> None:
    masks = pen_colours(marked(colour, over_tissue=over_tissue), 8.0)
    assert masks.shape == (4, 100, 100)
    found = masks.any(axis=0)
    assert found[50, 50] and not found[10, 90]
    if not over_tissue:
        assert masks[PEN_COLOURS.index(name), 50, 50]


@pytest.mark.parametrize("um", [0.5, 2.0, 8.0])
def test_fake_tissue_is_not_pen(um: float) -> None:
    assert not find_pen(make_he_image(np.random.default_rng(0), (400, 400)), um).any()


def test_real_pen_images() -> None:
    found, false = [], []
    for path in sorted(shared("tiles/pen").glob("*.png")):
        image = load(path)
        um = 8.0 if path.stem.startswith(THUMBNAILS) else 2.0 if max(image.shape) > 400 else 4.0
        share = find_pen(image, um).mean()
        if path.stem in WITH_PEN and share > 0.02:
            found.append(path.stem)
        elif path.stem not in (*WITH_PEN, LINE_OF_COVERSLIP) and share > 0.02:
            false.append(path.stem)
    assert sorted(found) == sorted(WITH_PEN)
    assert not false


def test_real_tissue_tiles_are_not_pen() -> None:
    shares: dict[str, list[float]] = {}
    for path in sorted(shared("tiles/slide_regions").glob("*/*.png")):
        small = cv2.resize(load(path), (64, 64), interpolation=cv2.INTER_AREA)
        shares.setdefault(path.parent.name, []).append(float(find_pen(small, 2.0).mean()))
    ink = shares.pop("artefact_black_ink")
    assert np.mean(np.array(ink) > 0.05) >= 0.7
    assert max(max(values) for values in shares.values()) < 0.02
