"""Painted tiles that show a network the range of what stained tissue looks like; no patient's, the same everywhere."""

import cv2
import numpy as np

from icicore.slides.stain import LIGHT, REFERENCE_STAINS
from icicore.types import F32, Rgb, RgbTiles

SIDE, N_TILES = 256, 48
_SHARPNESS = 3.0


def calibration_tiles(seed: int = 7) -> RgbTiles:
    """Tiles in the reference colours, uint8 (48, 256, 256, 3): from bare glass to crowded nuclei. Deterministic."""
    rng = np.random.default_rng(seed)
    return np.stack([_tile(rng, crowding=number / (N_TILES - 1)) for number in range(N_TILES)])


def _tile(rng: np.random.Generator, *, crowding: float) -> Rgb:
    """Nuclei of one size and density on fibres, with holes as between fat cells or vessels."""
    eosin = (0.1 + 0.5 * rng.random()) * (0.4 + 0.8 * _noise(rng, (9, 3 + int(rng.integers(30)))))
    eosin += 0.1 * _noise(rng, (90, 90))
    haematoxylin = 0.1 * _noise(rng, (40, 40)) + np.zeros((SIDE, SIDE), np.float32)
    radius = float(rng.uniform(4, 12))
    for _ in range(round(crowding * 0.6 * SIDE**2 / (np.pi * radius**2))):
        nucleus = np.zeros((SIDE, SIDE), np.float32)
        centre = (int(rng.integers(SIDE)), int(rng.integers(SIDE)))
        axes = (round(radius * rng.uniform(0.7, 1.4)), round(radius * rng.uniform(0.5, 1.0)))
        cv2.ellipse(nucleus, centre, axes, float(rng.integers(180)), 0, 360, float(rng.uniform(0.6, 1.6)), -1)
        haematoxylin = np.maximum(haematoxylin, nucleus)
    haematoxylin = cv2.GaussianBlur(haematoxylin, (0, 0), 0.9) * (0.7 + 0.6 * _noise(rng, (128, 128)))
    holes = 1 / (1 + np.exp(-_SHARPNESS * 8 * (_noise(rng, (6, 6)) - rng.uniform(0.0, 0.7))))
    stains = np.stack([haematoxylin, eosin], axis=-1) * (holes[..., None] if rng.random() < 0.7 else 1.0)
    light = LIGHT * np.exp(-(stains @ np.asarray(REFERENCE_STAINS, np.float32)))
    return np.asarray(np.clip(light + rng.normal(0, 2, light.shape), 0, 255), np.uint8)


def _noise(rng: np.random.Generator, cells: tuple[int, int]) -> F32:
    """Smooth noise of (rows, columns) cells, 0 to 1."""
    grid = rng.random(cells).astype(np.float32)
    return np.asarray(cv2.resize(grid, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC).clip(0, 1), np.float32)
