"""Change tiles as laboratories and scanners do, so that a head fitted on virtual tiles does not lean on their looks.

All functions take stain-normalised RGB tiles, uint8 (n, side, side, 3), and return new ones of the same shape.
"""

import cv2
import numpy as np

from icicore.simulate.noise import smooth_noise
from icicore.slides.stain import LIGHT, REFERENCE_STAINS
from icicore.types import F32, F64, Rgb, RgbTiles

_STAIN_SPREAD, _STAIN_SHIFT = 0.38, 0.1
"""Of the logarithm of each stain's strength: what normalisation makes of a slide depends on what else lies on it."""
_TURN_SPREAD = 0.05
_HAZE, _GRAIN, _TORN = 0.12, 0.15, 0.2
_INKS = ((2.2, 2.1, 1.9), (2.0, 1.6, 0.9), (1.8, 0.7, 1.4), (0.5, 1.4, 1.5))
"""Absorption of R, G, B by black, blue, green and red marking ink."""


def vary_look(tiles: RgbTiles, rng: np.random.Generator) -> RgbTiles:
    """Give all tiles of a slide one new look: stain strengths and tints, contrast, light, focus, compression.

    What differs from slide to slide is drawn once; orientation, thickness, cytoplasm (haze), grain and tears are drawn
    for each tile.
    """
    matrix, contrast = _stain_change(rng), rng.uniform(0.75, 1.35)
    light = (LIGHT + rng.uniform(-8, 12) + rng.normal(0, 2, 3)).astype(np.float32)
    scale, blur = rng.uniform(0.5, 1.0), rng.uniform(0, 1.3)
    sharpen, quality = max(0.0, rng.uniform(-0.6, 1.1)), int(rng.integers(40, 96))
    haze, grain = np.abs(rng.normal(0, _HAZE, 2)), abs(rng.normal(0, _GRAIN))
    out = np.empty_like(tiles)
    for i, tile in enumerate(tiles):
        density = np.log((LIGHT + 1) / (_turned(tile, rng).astype(np.float32) + 1)).clip(0) ** contrast
        density = (
            _rougher(np.asarray(density, np.float32), rng, haze=haze, grain=grain)
            @ matrix.T
            * np.float32(rng.normal(1, 0.08))
        )
        pixels = _optics(np.exp(-density) * light, scale=scale, blur=blur, sharpen=sharpen)
        out[i] = _compressed(np.clip(pixels, 0, 255).astype(np.uint8), quality)
    return out


def _stain_change(rng: np.random.Generator) -> F32:
    """3x3 on optical density that strengthens or weakens each stain and turns colours a little."""
    basis = np.asarray(REFERENCE_STAINS).T
    basis = np.column_stack([basis, np.cross(basis[:, 0], basis[:, 1])])
    gain = np.diag(np.exp(np.append(rng.normal(_STAIN_SHIFT, _STAIN_SPREAD, 2), 0.0)))
    turn = np.eye(3) + rng.normal(0, _TURN_SPREAD, (3, 3))
    return np.asarray(turn @ basis @ gain @ np.linalg.inv(basis), np.float32)


def _rougher(density: F32, rng: np.random.Generator, *, haze: F64, grain: float) -> F32:
    """Optical density (side, side, 3) with stained haze between the nuclei, grain, and now and then a tear."""
    shape = density.shape[:2]
    tissue = cv2.GaussianBlur(np.clip((density.mean(axis=2) - 0.06) * 8, 0, 1), (0, 0), 4.0)
    for strength, stain in zip(haze, REFERENCE_STAINS, strict=True):
        cloud = np.clip(1 + 0.5 * smooth_noise(rng, shape, rng.uniform(8, 50)), 0, None) * tissue
        density = density + np.float32(strength) * cloud[..., None] * np.asarray(stain, np.float32)
    density = (
        density * np.clip(1 + np.float32(grain) * smooth_noise(rng, shape, rng.uniform(0.8, 3)), 0.2, 2)[..., None]
    )
    if rng.random() < _TORN:
        course = np.abs(smooth_noise(rng, shape, rng.uniform(10, 40)))
        open_ = cv2.GaussianBlur((course < rng.uniform(0.03, 0.2)).astype(np.float32), (0, 0), 1.0)
        density = density * (1 - open_)[..., None]
    return np.asarray(density, np.float32)


def _turned(tile: Rgb, rng: np.random.Generator) -> Rgb:
    """One of the eight orientations of a square."""
    turned = np.rot90(tile, int(rng.integers(4)))
    return np.ascontiguousarray(turned[:, ::-1] if rng.random() < 0.5 else turned)


def _optics(pixels: F32, *, scale: float, blur: float, sharpen: float) -> F32:
    """Coarser sampling enlarged again, defocus, and the edge enhancement of a scanner."""
    side = pixels.shape[0]
    if scale < 0.95:
        small = cv2.resize(pixels, (round(side * scale),) * 2, interpolation=cv2.INTER_AREA)
        pixels = np.asarray(cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC), np.float32)
    if blur > 0.3:
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), blur), np.float32)
    if sharpen > 0:
        pixels = pixels + np.float32(sharpen) * (pixels - cv2.GaussianBlur(pixels, (0, 0), 1.6))
    return np.asarray(pixels, np.float32)


def _compressed(tile: Rgb, quality: int) -> Rgb:
    _, data = cv2.imencode(".jpg", tile, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def blank_tiles(rng: np.random.Generator, n: int, *, side: int) -> RgbTiles:
    """Glass as a camera sees it: nearly white, a little tinted and shaded, with noise, dust and smears."""
    return np.stack([_blank(rng, side) for _ in range(n)]) if n else np.zeros((0, side, side, 3), np.uint8)


def _blank(rng: np.random.Generator, side: int) -> Rgb:
    white = rng.uniform(226, 252) + rng.normal(0, 2.5, 3)
    shade = 1 + rng.uniform(0, 0.012) * smooth_noise(rng, (side, side), side / 2)
    density = np.zeros((side, side), np.float32)
    for _ in range(int(rng.poisson(1.5))):
        x, y, radius = *rng.uniform(0, side, 2), rng.uniform(1, 5)
        spot = np.zeros_like(density)
        cv2.circle(spot, (int(x), int(y)), max(1, round(radius)), float(rng.uniform(0.05, 0.8)), -1)
        density += cv2.GaussianBlur(spot, (0, 0), rng.uniform(0.5, 3))
    if rng.random() < 0.3:
        density += rng.uniform(0.01, 0.05) * np.clip(smooth_noise(rng, (side, side), side / 6), 0, None)
    pixels = white * (shade * np.exp(-density))[..., None] + rng.normal(0, rng.uniform(0.3, 2.5), (side, side, 3))
    return np.asarray(np.clip(pixels, 0, 255), np.uint8)


def inked(tiles: RgbTiles, rng: np.random.Generator) -> RgbTiles:
    """Lay marking ink over tiles: granular deposits along an edge, or an even stroke over at least a third."""
    out = np.empty_like(tiles)
    for i, tile in enumerate(tiles):
        cover = _deposit(rng, tile.shape[0])
        ink = np.asarray(_INKS[0 if rng.random() < 0.6 else int(rng.integers(1, len(_INKS)))], np.float32)
        pixels = tile * np.exp(-cover[..., None] * ink * np.float32(rng.uniform(0.6, 1.3)))
        out[i] = np.clip(pixels, 0, 255).astype(np.uint8)
    return out


def _deposit(rng: np.random.Generator, side: int) -> F32:
    """Ink per pixel, 0 to about 1.5."""
    course = smooth_noise(rng, (side, side), side * rng.uniform(0.2, 0.4))
    ragged = course + 0.25 * smooth_noise(rng, (side, side), 8) + 0.12 * smooth_noise(rng, (side, side), 2.5)
    if rng.random() < 0.65:  # soaked into a cut edge: a band that crumbles
        width = np.quantile(np.abs(ragged), rng.uniform(0.15, 0.5))
        grains = np.clip(0.7 + 0.7 * smooth_noise(rng, (side, side), 2.0), 0, 1.6)
        return np.asarray((np.abs(ragged) < width) * grains, np.float32)
    stroke = course > np.quantile(course, rng.uniform(0.0, 0.65))
    streaks = np.clip(0.8 + 0.25 * smooth_noise(rng, (side, side), 12), 0.2, 1.3)
    return np.asarray(cv2.GaussianBlur((stroke * streaks).astype(np.float32), (0, 0), 2.0), np.float32)
