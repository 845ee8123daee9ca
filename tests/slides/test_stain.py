import cv2
import numpy as np
import pytest

from icicore.slides.reader import ArrayReader, open_slide
from icicore.slides.stain import (
    LIGHT,
    REFERENCE_STAINS,
    StainFit,
    fit_slide_stain,
    fit_stain,
    normalise,
)
from icicore.slides.tissue import TissueMask, find_tissue
from tests.make_slides import he_on_glass
from tests.shared_data import shared

HAEMATOXYLIN, EOSIN = np.array([0.62, 0.72, 0.31]), np.array([0.11, 0.89, 0.44])


def two_stains(strength: tuple[float, float] = (1.5, 0.8), n: int = 40_000) -> np.ndarray:
    rng = np.random.default_rng(0)
    amounts = rng.random((n, 2)) ** 2 * strength
    amounts[: n // 8, 0] = 0
    amounts[n // 8 : n // 4, 1] = 0
    density = amounts @ np.stack([HAEMATOXYLIN, EOSIN])
    return np.clip(np.rint(LIGHT * np.exp(-density)), 0, 255).astype(np.uint8)


def direction(fit: StainFit, stain: np.ndarray) -> np.ndarray:
    mapped = np.array(fit.matrix).reshape(3, 3) @ stain
    return mapped / np.linalg.norm(mapped)


def unit(vector: object) -> np.ndarray:
    array = np.asarray(vector, float)
    return array / np.linalg.norm(array)


def test_both_stains_are_mapped_to_the_reference() -> None:
    fit = fit_stain(two_stains())
    assert fit.method == "macenko" and fit.note == ""
    assert direction(fit, HAEMATOXYLIN) @ unit(REFERENCE_STAINS[0]) > 0.99
    assert direction(fit, EOSIN) @ unit(REFERENCE_STAINS[1]) > 0.99


def test_two_scanners_of_the_same_tissue_look_alike_afterwards() -> None:
    pale, strong = two_stains((1.2, 0.7)), two_stains((2.1, 1.2))
    before = np.abs(pale.mean(axis=0) - strong.mean(axis=0)).max()
    a, b = normalise(pale[None, None], fit_stain(pale)), normalise(strong[None, None], fit_stain(strong))
    after = np.abs(a.reshape(-1, 3).mean(axis=0) - b.reshape(-1, 3).mean(axis=0)).max()
    assert before > 15 and after < before / 3


def test_deterministic_and_independent_of_order() -> None:
    pixels = two_stains()
    assert fit_stain(pixels) == fit_stain(pixels)
    shuffled = np.random.default_rng(1).permutation(pixels)
    np.testing.assert_allclose(fit_stain(shuffled).matrix, fit_stain(pixels).matrix, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.full((5000, 3), 243, np.uint8), "too few"),
        (np.zeros((0, 3), np.uint8), "too few"),
        (np.full((5000, 3), (200, 120, 170), np.uint8), "one direction"),
        (np.repeat(np.arange(40, 200, dtype=np.uint8), 30)[:, None].repeat(3, axis=1), "one direction|degrees apart"),
    ],
    ids=["glass", "empty", "one colour", "grey"],
)
def test_falls_back_to_identity_and_says_so(pixels: np.ndarray, words: str) -> None:
    fit = fit_stain(pixels)
    assert fit.method == "identity" and fit.matrix == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    assert pytest.importorskip("re").search(words, fit.note)


def test_noise_does_not_crash() -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        fit = fit_stain(rng.integers(0, 256, (3000, 3), np.uint8))
        assert fit.method in ("macenko", "identity") and np.isfinite(fit.matrix).all()


def test_apply_equals_the_formula_by_hand() -> None:
    tiles = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)
    fit = fit_stain(two_stains())
    density = np.maximum(0, -np.log((tiles.astype(float) + 1) / (LIGHT + 1)))
    mapped = (LIGHT + 1) * np.exp(-density @ np.array(fit.matrix).reshape(3, 3).T) - 1
    result = normalise(tiles, fit)
    assert result.shape == tiles.shape and result.dtype == np.uint8
    assert np.abs(result.astype(int) - np.clip(np.rint(mapped), 0, 255)).max() <= 1


def test_every_colour_there_is_equals_the_formula() -> None:
    """Ink of pure colours is far outside what stains give: the exponential passes every whole number's range."""
    steps = np.array([0, 1, 2, 60, 127, 128, 200, 239, 240, 254, 255], np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    fit = StainFit((1.9, -2.9, 0.2, -1.4, 2.0, -2.1, 0.3, -2.9, 1.7), "macenko")
    density = np.maximum(0, -np.log((colours.astype(float) + 1) / (LIGHT + 1)))
    mapped = (LIGHT + 1) * np.exp(-density @ np.reshape(fit.matrix, (3, 3)).T) - 1
    assert mapped.max() > 2**31 and mapped.min() < 0
    clipped = np.clip(mapped, 0, 255)
    assert np.abs(normalise(colours, fit).astype(float) - clipped).max() <= 0.5 + 1e-3


def test_identity_changes_nothing_but_copies() -> None:
    tiles = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
    result = normalise(tiles, StainFit())
    assert (result == tiles).all() and not np.shares_memory(result, tiles)
    assert normalise(np.zeros((0, 8, 8, 3), np.uint8), fit_stain(two_stains())).shape == (0, 8, 8, 3)


def test_each_tile_is_mapped_alone() -> None:
    tiles = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8)
    fit = fit_stain(two_stains())
    assert (normalise(tiles, fit)[2] == normalise(tiles[2:3], fit)[0]).all()
    assert (normalise(tiles, fit)[2] == normalise(tiles[2], fit)).all()


def test_glass_becomes_the_same_neutral_white() -> None:
    glass = np.stack([np.full((4, 4, 3), v, np.uint8) for v in (241, 248, 255)])
    result = normalise(glass, fit_stain(two_stains()))
    assert (result == result[0, 0, 0, 0]).all() and result[0, 0, 0, 0] == LIGHT


def test_json_round_trip() -> None:
    fit = fit_stain(two_stains())
    assert StainFit.from_json(fit.to_json()) == fit


def test_slide_fit() -> None:
    reader = ArrayReader(he_on_glass(np.random.default_rng(0), (1600, 1200)), mpp=0.5, downsamples=(1, 4))
    tissue = find_tissue(reader)
    fit = fit_slide_stain(reader, tissue)
    assert fit.method == "macenko" and fit == fit_slide_stain(reader, tissue)
    nothing = TissueMask(np.zeros_like(tissue.mask), tissue.origin_l0, tissue.scale_l0)
    assert fit_slide_stain(reader, nothing).note == "no tissue to measure the stains on"


@pytest.mark.parametrize(
    "name", ["LUSC_HE3_20x.svs", "LUSC_HE4_10x.svs", "LN_metastasis_HE_10x.svs", "CMU-1-Small-Region.svs"]
)
def test_real_slides_come_out_pink_and_purple(name: str) -> None:
    with open_slide(shared(f"slides/{name}")) as reader:
        tissue = find_tissue(reader)
        fit = fit_slide_stain(reader, tissue)
        assert fit.method == "macenko"
        image = reader.thumbnail(900)
    result = normalise(image[None], fit)[0]
    stained = cv2.cvtColor(result, cv2.COLOR_RGB2HSV)
    hue = stained[..., 0][stained[..., 1] > 60].astype(int) * 2
    assert np.mean((hue > 240) & (hue < 355)) > 0.95, "violet to pink, in degrees"
