from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from icicore.domain import HISTOLOGY
from icicore.slides.density import optical_density, white_point
from icicore.slides.focus import is_blurred
from icicore.slides.fold import find_folds
from icicore.slides.quality import QualityReport, assess
from icicore.slides.reader import ArrayReader, open_slide
from icicore.slides.stain_kind import stain_kind
from icicore.slides.tissue import TissueMask, find_tissue
from icicore.types import Rgb
from tests.make_slides import he_on_glass, make_he_image
from tests.shared_data import shared

GOOD = QualityReport(5.0, 0.0, 0.0, 0.0, "H&E", n_tiles=300, stain_method="macenko")
GLASS = np.full((200, 200, 3), 243, np.uint8)


def load(path: Path) -> Rgb:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8)


def jpeg(image: Rgb) -> Rgb:
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 80])[1], 1), np.uint8)


def absorbing(amounts: np.ndarray, colours: object) -> Rgb:
    return np.clip(245 * np.exp(-(amounts @ np.asarray(colours))), 0, 255).astype(np.uint8)


def test_good_slide_has_no_reasons() -> None:
    assert GOOD.reasons() == ()


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"blur_fraction": 0.35}, "blur", "35% of the tissue is out of focus"),
        ({"pen_fraction": 0.1}, "pen", "Pen or ink"),
        ({"fold_fraction": 0.2}, "fold", "folds"),
        ({"stain_kind": "IHC"}, "not_he", "immunohistochemistry"),
        ({"stain_kind": "fluorescence"}, "not_he", "fluorescence"),
        ({"stain_kind": "unknown"}, "not_he", "colours of H&E"),
        ({"unreadable_tiles": 30}, "unreadable_tiles", "30 of 330"),
        ({"upsampling": 1.48}, "coarse_resolution", "1.5 times coarser"),
        ({"n_tiles": 7}, "few_tiles", "Only 7 tissue tiles"),
        ({"stain_method": "identity", "stain_note": "hardly any eosin"}, "stain_not_normalised", "hardly any eosin"),
    ],
)
def test_each_limit_has_its_reason(change: dict[str, object], code: str, words: str) -> None:
    (reason,) = replace(GOOD, **change).reasons()  # type: ignore[arg-type]
    assert reason.code == code and words in reason.message and reason.modality == HISTOLOGY


def test_limits_are_exclusive() -> None:
    assert replace(GOOD, unreadable_tiles=15).reasons() == ()  # 15 of 315 is under 5 %
    assert replace(GOOD, upsampling=1.1, pen_fraction=0.02, blur_fraction=0.2).reasons() == ()


def test_json_round_trip() -> None:
    assert QualityReport.from_json(GOOD.to_json()) == GOOD


def test_blur_is_found_whatever_the_tissue() -> None:
    sharp = make_he_image(np.random.default_rng(0), (256, 256))
    assert not is_blurred(sharp)
    assert is_blurred(jpeg(cv2.GaussianBlur(sharp, (0, 0), 3)))


def test_blur_on_real_tiles() -> None:
    rates = {}
    for folder in sorted(shared("tiles/slide_regions").iterdir()):
        if folder.name == "background":
            continue
        tiles = [load(path) for path in sorted(folder.iterdir())[:25]]
        assert not any(is_blurred(t) for t in tiles), folder.name
        rates[folder.name] = np.mean([is_blurred(jpeg(cv2.GaussianBlur(t, (0, 0), 2.5))) for t in tiles])
    assert min(rates.values()) >= 0.95, rates


def folded(strength: float) -> tuple[Rgb, TissueMask, np.ndarray]:
    """Tissue at 8 µm/px with a strip, 100 µm wide and 1 mm long, of multiplied density."""
    tissue = make_he_image(np.random.default_rng(4), (800, 800))  # 0.5 µm/px, averaged to 8
    tissue = np.tile(cv2.resize(tissue, (50, 50), interpolation=cv2.INTER_AREA), (4, 4, 1))
    strip = np.zeros((200, 200), np.uint8)
    cv2.line(strip, (50, 60), (150, 130), 1, 12)
    white = white_point(tissue)
    double = white * np.exp(-strength * optical_density(tissue, white))
    image = np.where(strip[..., None] > 0, double, tissue).astype(np.uint8)
    return image, TissueMask(np.ones((200, 200), bool), (0.0, 0.0), 16.0), strip > 0


def test_fold_is_found_as_a_strip() -> None:
    image, tissue, strip = folded(2.0)
    found = find_folds(image, tissue.mask, 8.0)
    assert (found & strip).sum() > 0.6 * strip.sum() and (found & ~strip).sum() < 0.3 * strip.sum()


def test_no_fold_in_plain_tissue_or_round_dense_areas() -> None:
    image, tissue, _ = folded(1.0)
    assert not find_folds(image, tissue.mask, 8.0).any()
    round_area = cv2.circle(image.copy(), (100, 100), 40, (120, 80, 150), -1)
    assert not find_folds(round_area, tissue.mask, 8.0).any()
    assert not find_folds(image, np.zeros((200, 200), bool), 8.0).any()


def test_stain_kinds() -> None:
    rng = np.random.default_rng(0)
    he = make_he_image(rng, (200, 200)).reshape(-1, 3)
    blue = absorbing(rng.random((20_000, 1)) * 1.2 + 0.2, [[0.75, 0.66, 0.25]])
    brown = absorbing(rng.random((8000, 1)) * 1.2 + 0.4, [[0.27, 0.57, 0.78]])
    assert stain_kind(GLASS, he) == "H&E"
    assert stain_kind(GLASS, np.concatenate([blue, brown])) == "IHC"
    assert stain_kind(GLASS, blue) == "IHC", "counterstain alone: a negative reaction"
    assert stain_kind(GLASS, np.concatenate([he, brown])) == "H&E", "melanin beside eosin"
    assert stain_kind(np.full((50, 50, 3), 8, np.uint8), he) == "fluorescence"
    assert stain_kind(GLASS, np.zeros((0, 3), np.uint8)) == "unknown"
    grey = absorbing(rng.random((20_000, 1)) * 1.5, [[0.6, 0.6, 0.6]])
    assert stain_kind(GLASS, grey) == "unknown"


def test_stain_kind_of_real_images() -> None:
    for folder in sorted(shared("tiles/slide_regions").iterdir()):
        if folder.name in ("background", "artefact_black_ink"):
            continue
        pixels = np.concatenate([cv2.resize(load(p), (64, 64)).reshape(-1, 3) for p in sorted(folder.iterdir())])
        assert stain_kind(GLASS, pixels) == "H&E", folder.name
    white = load(shared("tiles/pen/almost-white-ihc.png"))
    assert stain_kind(white, white.reshape(-1, 3)) == "unknown"


def test_assess_measures_a_slide() -> None:
    image = he_on_glass(np.random.default_rng(0), (2400, 1800))
    reader = ArrayReader(image, mpp=0.5, downsamples=(1, 4))
    report = assess(reader, find_tissue(reader))
    assert report.stain_kind == "H&E" and report.reasons() == ()
    assert report.tissue_mm2 == pytest.approx(1440 * 1080 * 0.25e-6, rel=0.05)
    blurred = ArrayReader(cv2.GaussianBlur(image, (0, 0), 3), mpp=0.5, downsamples=(1, 4))
    codes = [r.code for r in assess(blurred, find_tissue(blurred)).reasons()]
    assert codes == ["blur"]


def test_assess_copes_with_nothing() -> None:
    reader = ArrayReader(np.full((600, 600, 3), 244, np.uint8), mpp=0.5)
    report = assess(reader, find_tissue(reader))
    assert report.tissue_mm2 == 0 and report.blur_fraction == 0 and report.stain_kind == "unknown"


@pytest.mark.parametrize(
    ("name", "codes"),
    [("LUSC_HE3_20x.svs", []), ("LUSC_HE4_10x.svs", []), ("LN_metastasis_HE_10x.svs", ["pen"])],
)
def test_real_slides(name: str, codes: list[str]) -> None:
    with open_slide(shared(f"slides/{name}")) as reader:
        assert [r.code for r in assess(reader, find_tissue(reader)).reasons()] == codes
