"""Faults of preparation and scanning: pen, blur, fold, bubble; each also reported as a mask for the truth."""

from dataclasses import dataclass

import cv2
import numpy as np

from icicore.simulate.noise import f32, smooth_noise, smoothstep
from icicore.simulate.spec import SlideSpec
from icicore.simulate.texture import Window
from icicore.types import F32, Mask, Rgb

_INKS = ((0.9, 0.25, 0.75), (1.3, 0.75, 0.15), (1.5, 1.5, 1.4), (1.1, 0.3, 0.9))
_BLUR_UM = 3.2


@dataclass(frozen=True)
class Artefacts:
    """Coarse strengths in 0..1, (rows, cols) on the architecture grid, None where absent; ``ink`` absorbs R, G, B."""

    cell_um: float
    pen: F32 | None
    ink: tuple[float, float, float]
    blur: F32 | None
    fold: F32 | None
    bubble: F32 | None
    rim: F32 | None

    def mask(self, shape: tuple[int, int]) -> Mask:
        """Cells of the coarse grid that an artefact spoils."""
        out = np.zeros(shape, dtype=bool)
        for field in (self.pen, self.blur, self.fold, self.rim):
            if field is not None:
                out |= field > 0.4
        return out


def plan_artefacts(spec: SlideSpec, tissue: F32, cell: float) -> Artefacts:
    """Draw the artefacts that were asked for, placed so that they touch tissue."""
    rng = spec.rng("artefacts")
    ink = _INKS[int(rng.integers(len(_INKS)))]
    fields = {name: _PLANS[name](rng, tissue, cell) for name in ("pen", "blur", "fold", "bubble")}
    chosen = {name: field if name in spec.artefacts else None for name, field in fields.items()}
    depth = chosen["bubble"]
    rim = None if depth is None else np.asarray(np.exp(-((depth / 14) ** 2)), dtype=np.float32)
    return Artefacts(cell, chosen["pen"], ink, chosen["blur"], chosen["fold"], depth, rim)


def _on_tissue(rng: np.random.Generator, tissue: F32, deep: float) -> tuple[float, float]:
    rows, cols = np.nonzero(tissue > min(deep, 0.6 * float(tissue.max())))
    i = int(rng.integers(len(rows))) if len(rows) else 0
    return (float(cols[i]), float(rows[i])) if len(rows) else (tissue.shape[1] / 2, tissue.shape[0] / 2)


def _stroke(shape: tuple[int, int], points: F32, width: float) -> F32:
    canvas = np.zeros(shape, dtype=np.uint8)
    thick = max(1, round(width))
    cv2.polylines(canvas, [np.round(points * 8).astype(np.int32)], isClosed=False, color=255, thickness=thick, shift=3)
    return f32(canvas / 255)


def _pen(rng: np.random.Generator, tissue: F32, cell: float) -> F32:
    """A hand-drawn line of 250 to 450 um that runs along the specimen and crosses it."""
    height, width = tissue.shape
    x, y = _on_tissue(rng, tissue, 60)
    t = np.linspace(-1, 1, 60)
    angle = rng.uniform(0, np.pi)
    reach = 0.5 * min(height, width) * rng.uniform(0.5, 0.9)
    sway = reach * 0.25 * np.sin(t * rng.uniform(1.5, 4) + rng.uniform(0, 6))
    points = np.stack(
        [x + reach * t * np.cos(angle) - sway * np.sin(angle), y + reach * t * np.sin(angle) + sway * np.cos(angle)],
        axis=1,
    )
    side = min(height, width) * cell
    stroke = _stroke(tissue.shape, points.astype(np.float32), min(rng.uniform(250, 450), 0.12 * side) / cell)
    streaks = 0.86 + 0.12 * smooth_noise(rng, tissue.shape, 4) + 0.08 * smooth_noise(rng, tissue.shape, 14)
    return np.asarray(cv2.GaussianBlur(stroke, (0, 0), 1.0) * np.clip(streaks, 0.3, 1.2), dtype=np.float32)


def _blur(rng: np.random.Generator, tissue: F32, cell: float) -> F32:
    """Areas out of focus that fade in smoothly."""
    x, y = _on_tissue(rng, tissue, 200)
    v, u = np.mgrid[0 : tissue.shape[0], 0 : tissue.shape[1]].astype(np.float32)
    radius = min(tissue.shape) * rng.uniform(0.18, 0.28)
    distance = np.hypot((u - x) / rng.uniform(1, 1.6), v - y) + 0.12 * radius * smooth_noise(
        rng, tissue.shape, radius * 0.4
    )
    return 1 - smoothstep(0.75 * radius, 1.35 * radius, distance.astype(np.float32))


def _fold(rng: np.random.Generator, tissue: F32, cell: float) -> F32:
    """A narrow strip of doubled tissue, tapering at both ends."""
    x, y = _on_tissue(rng, tissue, 150)
    angle = rng.uniform(0, np.pi)
    reach = min(tissue.shape) * rng.uniform(0.25, 0.45)
    v, u = np.mgrid[0 : tissue.shape[0], 0 : tissue.shape[1]].astype(np.float32)
    along = ((u - x) * np.cos(angle) + (v - y) * np.sin(angle)) / reach
    across = ((v - y) * np.cos(angle) - (u - x) * np.sin(angle)) * cell
    across = (
        across + 0.12 * reach * cell * np.sin(along * rng.uniform(1.5, 3)) + 5 * smooth_noise(rng, tissue.shape, 12)
    )
    half = min(rng.uniform(45, 85), 0.06 * min(tissue.shape) * cell) * np.sqrt(np.clip(1 - along * along, 0, 1))
    return smoothstep(-3, 3, np.asarray(half - np.abs(across), dtype=np.float32)) * (tissue > 0)


def _bubble(rng: np.random.Generator, tissue: F32, cell: float) -> F32:
    """Air under the cover slip: signed depth in um of a few overlapping discs."""
    x, y = _on_tissue(rng, tissue, 50)
    v, u = np.mgrid[0 : tissue.shape[0], 0 : tissue.shape[1]].astype(np.float32)
    depth = np.full(tissue.shape, -1e4, dtype=np.float32)
    for i in range(int(rng.integers(1, 4))):
        r = min(tissue.shape) * rng.uniform(0.07, 0.16) / (1 + 0.6 * i)
        depth = np.maximum(depth, r - np.hypot(u - x, (v - y) * rng.uniform(0.9, 1.1)))
        x, y = x + r * rng.normal(0, 1.3), y + r * rng.normal(0, 1.3)
    return depth * np.float32(cell)


_PLANS = {"pen": _pen, "blur": _blur, "fold": _fold, "bubble": _bubble}


def fold_density(plan: Artefacts, window: Window, density: F32) -> None:
    """Lay a shifted copy of the tissue over itself inside the fold, in place."""
    if plan.fold is None:
        return
    strength = window.field(plan.fold, plan.cell_um)
    if strength.max() <= 0:
        return
    shift = round(22 / window.mpp)
    upper = np.roll(cv2.GaussianBlur(density, (0, 0), 0.8 / window.mpp), (shift, shift // 2), axis=(0, 1))
    density += upper * (strength * np.float32(1.05))[..., None]


def ink_density(plan: Artefacts, window: Window) -> F32 | None:
    """Absorption (height, width, 3) of pen ink and of the dark edge of bubbles, or None."""
    out: F32 | None = None
    if plan.pen is not None:
        stroke = window.field(plan.pen, plan.cell_um)
        if stroke.max() > 0:
            out = stroke[..., None] * np.array(plan.ink, dtype=np.float32)
    if plan.bubble is not None:
        depth = window.field(plan.bubble, plan.cell_um)
        if depth.max() > -60:
            ring = (
                1.1 * np.exp(-((depth / 5) ** 2))
                + 0.30 * np.exp(-(((depth - 13) / 9) ** 2))
                - 0.16 * np.exp(-(((depth - 8) / 3) ** 2))
            )
            ring = ring + 0.10 * smoothstep(0, 4, depth)
            out = (0 if out is None else out) + np.asarray(ring, dtype=np.float32)[..., None] * np.float32(0.8)
    return None if out is None else np.asarray(out, dtype=np.float32)


def blur_pixels(plan: Artefacts, window: Window, pixels: Rgb) -> Rgb:
    """Defocus smoothly; bubbles lift the tissue a little out of focus too."""
    strength: F32 | None = None
    if plan.blur is not None:
        strength = window.field(plan.blur, plan.cell_um)
    if plan.bubble is not None:
        under = 0.35 * smoothstep(0, 8, window.field(plan.bubble, plan.cell_um))
        strength = under if strength is None else np.maximum(strength, under)
    if strength is None or strength.max() <= 0.01:
        return pixels
    out = pixels.astype(np.float32)
    for share, sigma in ((0.5, 0.35 * _BLUR_UM), (1.0, _BLUR_UM)):
        mix = np.clip(strength / 0.5 - 2 * share + 1, 0, 1)[..., None]
        out += mix * (cv2.GaussianBlur(pixels, (0, 0), sigma / window.mpp).astype(np.float32) - out)
    return np.asarray(np.clip(out, 0, 255), dtype=np.uint8)
