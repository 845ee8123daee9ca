"""Fine textures at the pixel size of the slide: grain, mottling, fibres, and the territories of cells."""

from dataclasses import dataclass

import cv2
import numpy as np

from icicore.simulate.noise import f32, wrapped_noise
from icicore.simulate.spec import SlideSpec
from icicore.types import F32, I32

_PERIOD_UM = 512.0
_FINE = 0.25


@dataclass(frozen=True)
class Window:
    """A rectangle of level-0 pixels, ``x0``, ``y0`` may be negative; ``mpp`` in um."""

    x0: int
    y0: int
    width: int
    height: int
    mpp: float

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    @property
    def box_um(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom in um."""
        m = self.mpp
        return self.x0 * m, self.y0 * m, (self.x0 + self.width) * m, (self.y0 + self.height) * m

    def part(self, coarse: F32, cell_um: float) -> F32:
        """Cut out the cells of a coarse field that the window needs; empty when it lies outside."""
        left, top, right, bottom = (int(v // cell_um) for v in self.box_um)
        return coarse[max(0, top - 3) : max(0, bottom + 4), max(0, left - 3) : max(0, right + 4)]

    def field(self, coarse: F32, cell_um: float, *, cubic: bool = False) -> F32:
        """Interpolate a coarse field at every pixel."""
        scale = self.mpp / cell_um
        move = np.array(
            [[scale, 0, (self.x0 + 0.5) * scale - 0.5], [0, scale, (self.y0 + 0.5) * scale - 0.5]], dtype=np.float32
        )
        how = (cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
        size = (self.width, self.height)
        return np.asarray(
            cv2.warpAffine(coarse, move, size, flags=how, borderMode=cv2.BORDER_REPLICATE), dtype=np.float32
        )


@dataclass(frozen=True)
class Textures:
    """Seamless noise, each (n, n) float32 of unit variance: ``white`` for fibres, then from fine to coarse."""

    mpp: float
    white: F32
    grain: F32
    mottle: F32
    lumps: F32

    def crop(self, texture: F32, window: Window, shift: int = 0) -> F32:
        """Cut the endless repetition of a texture at a window; ``shift`` decorrelates two uses of the same one."""
        n = texture.shape[0]
        top, left = (window.y0 + 7 * shift) % n, (window.x0 + 3 * shift) % n
        out = np.empty(window.shape, dtype=np.float32)
        for y in range(-top, window.height, n):
            for x in range(-left, window.width, n):
                y0, x0 = max(y, 0), max(x, 0)
                part = texture[y0 - y : window.height - y, x0 - x : window.width - x]
                out[y0 : y0 + part.shape[0], x0 : x0 + part.shape[1]] = part
        return out


def _resampled(noise: F32, n: int) -> F32:
    """Resize seamless noise to (n, n) without opening a seam."""
    if noise.shape[0] >= n:
        return f32(cv2.resize(noise, (n, n), interpolation=cv2.INTER_AREA))
    at = (np.arange(n, dtype=np.float32) + np.float32(0.5)) * np.float32(noise.shape[0] / n) - np.float32(0.5)
    x, y = np.meshgrid(at, at)
    return f32(cv2.remap(noise, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_WRAP))


def build_textures(spec: SlideSpec) -> Textures:
    """Make the textures of one slide at 0.25 um/px and average them to its pixel size."""
    rng = spec.rng("textures")
    fine = round(_PERIOD_UM / _FINE)
    n = round(_PERIOD_UM / spec.mpp)

    def at_mpp(sigma_um: float) -> F32:
        step = 4 if sigma_um > 3 else 1  # wide noise needs no fine grid
        out = _resampled(wrapped_noise(rng, fine // step, sigma_um / _FINE / step), n)
        return f32(out / out.std())

    return Textures(spec.mpp, at_mpp(0.35), at_mpp(0.45), at_mpp(1.3), at_mpp(4.5))


def fibres(noise: F32, angle: F32, reach_px: float, steps: int) -> F32:
    """Smear noise along ``angle`` (radians, per pixel) by repeated doubling; about unit variance.

    Line integral convolution (Cabral and Leedom, SIGGRAPH 1993) in ``steps`` averages of two opposite samples
    instead of one long walk.
    """
    height, width = noise.shape
    x, y = np.arange(width, dtype=np.float32)[None, :], np.arange(height, dtype=np.float32)[:, None]
    dx, dy = np.cos(angle), np.sin(angle)
    out = noise
    for k in range(steps):
        step = np.float32(reach_px / 2 ** (steps - k))
        sx, sy = step * dx, step * dy
        ahead = cv2.remap(out, x + sx, y + sy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        behind = cv2.remap(out, x - sx, y - sy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        # two samples are alike while the step is shorter than the grain, and independent later
        out = (ahead + behind) * np.float32(np.sqrt(0.5) if k else 1 / 1.8)
    return f32(out)


def territories(shape: tuple[int, int], points: F32, angle: F32, length_px: float) -> tuple[I32, F32]:
    """Divide pixels among cells: label per pixel (index into ``points``, -1 if there are none) and distance in px.

    Every cell is a short stroke along its axis, so that territories stretch with their nuclei.
    """
    if not len(points):
        return np.full(shape, -1, dtype=np.int32), np.full(shape, 1e6, dtype=np.float32)
    seeds = np.zeros(shape, dtype=np.int32)
    along = np.stack([np.cos(angle), np.sin(angle)], axis=1) * (0.5 * length_px)
    starts, ends = np.round(points - along).astype(int), np.round(points + along).astype(int)
    for i, (a, b) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        cv2.line(seeds, a, b, i + 1, 1)
    hit = seeds > 0
    if not hit.any():
        return np.full(shape, -1, dtype=np.int32), np.full(shape, 1e6, dtype=np.float32)
    distance, near = cv2.distanceTransformWithLabels(
        (~hit).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    owner = np.zeros(int(near.max()) + 1, dtype=np.int32)
    owner[near[hit]] = seeds[hit]
    return owner[near] - 1, np.asarray(distance, dtype=np.float32)


def borders(labels: I32, sigma_px: float) -> F32:
    """Return a soft line of height about one along the borders between territories."""
    edge = np.zeros(labels.shape, dtype=np.float32)
    edge[:, 1:] = labels[:, 1:] != labels[:, :-1]
    edge[1:] = np.maximum(edge[1:], labels[1:] != labels[:-1])
    return np.asarray(cv2.GaussianBlur(edge, (0, 0), sigma_px) * np.float32(2.2 * sigma_px), dtype=np.float32)
