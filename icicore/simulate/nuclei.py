"""Bank of cell sprites: nuclei with contour, membrane, chromatin and nucleoli, drawn once and stamped often.

Sprites are drawn at 0.25 um/px and averaged to the pixel size of the slide, so edges are anti-aliased and the same
seed gives the same nuclei at every pixel size.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from icicore.simulate.cells import Kind
from icicore.simulate.noise import f32, smoothstep, wrapped_noise
from icicore.simulate.spec import SlideSpec
from icicore.simulate.tissue import Style
from icicore.types import F32

_FINE = 0.25
_Array: TypeAlias = npt.NDArray[np.floating[Any]]
_BINS = 24


@dataclass(frozen=True)
class Sprite:
    """``keep`` (height, width, 1) of what lies beneath, and ``add`` (height, width, 4) of H, E, blood, pigment."""

    keep: F32
    add: F32


@dataclass(frozen=True)
class _Pen:
    """Random source and chromatin textures shared while a bank is drawn."""

    rng: np.random.Generator
    clumps: F32
    fine: F32

    def crop(self, texture: F32, shape: tuple[int, ...]) -> F32:
        y, x = (int(self.rng.integers(0, texture.shape[i] - shape[i])) for i in (0, 1))
        return texture[y : y + shape[0], x : x + shape[1]]


@dataclass(frozen=True)
class _Blob:
    """A drawn outline: ``depth`` in um (positive inside) and the local axes ``u``, ``v`` in um."""

    depth: F32
    u: F32
    v: F32

    @property
    def cover(self) -> F32:
        return smoothstep(-0.28, 0.28, self.depth)


def _blob(
    rng: np.random.Generator,
    size: tuple[float, float],
    angle: float,
    *,
    rough: float,
    bend: float = 0.0,
    room: float = 0.0,
) -> _Blob:
    """Outline an ellipse of ``size`` (length, width) in um with a wavy contour."""
    length, width = size
    half = int((0.5 * length * (1 + 2 * rough) + 1.0 + room) / _FINE) + 1
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32) * np.float32(_FINE)
    u = x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))
    v = y * np.float32(np.cos(angle)) - x * np.float32(np.sin(angle))
    v = v + np.float32(bend / length) * (u * u - np.float32(length * length / 12))
    p, q = u * np.float32(2 / length), v * np.float32(2 / width)
    radius, turn = np.hypot(p, q), np.arctan2(q, p)
    contour = np.ones_like(radius)
    for k in range(2, 6):
        contour += np.float32(rng.normal(0, rough / k)) * np.cos(np.float32(k) * turn + np.float32(rng.uniform(0, 6.3)))
    depth = (contour - radius) * np.float32(0.5 * width)
    return _Blob(np.asarray(depth, dtype=np.float32), u, v)


def _finish(cover: _Array, h: _Array, e: _Array, mpp: float, *, blood: _Array | None = None) -> Sprite:
    """Average a sprite drawn at the fine grid down (or up) to the pixel size of the slide."""
    zero = np.zeros_like(cover)
    add = f32(np.stack([h, e, zero if blood is None else blood, zero], axis=-1))
    keep = f32(1 - cover)
    if mpp != _FINE:
        n = max(3, round(cover.shape[0] * _FINE / mpp))
        way = cv2.INTER_AREA if mpp > _FINE else cv2.INTER_LINEAR
        add, keep = (f32(cv2.resize(a, (n, n), interpolation=way)) for a in (add, keep))
    return Sprite(keep[..., None], add.clip(0))


def _tumour(pen: _Pen, style: Style, angle: float, mpp: float) -> Sprite:
    rng = pen.rng
    mean, aspect = style.nucleus
    length = mean * float(np.exp(np.clip(rng.normal(0, style.pleomorphism), -0.45, 0.45)))
    ratio = max(1.03, aspect * float(np.exp(rng.normal(0, 0.17))))
    blob = _blob(
        rng, (length, max(length / ratio, 4.0)), angle, rough=0.10 * rng.uniform(0.3, 1.5), bend=rng.normal(0, 0.12)
    )
    cover = blob.cover
    vesicular = float(np.clip(style.vesicular + rng.normal(0, 0.25), 0.05, 1))
    dense = float(np.clip(rng.normal(1.18 - 0.42 * vesicular, 0.12), 0.6, 1.8))
    clumps, fine = pen.crop(pen.clumps, cover.shape), pen.crop(pen.fine, cover.shape)
    h = dense * (1 + (0.13 + 0.19 * vesicular) * clumps + 0.14 * fine)
    h += (0.22 + 0.42 * vesicular) * np.exp(-(((blob.depth - 0.32) / 0.34) ** 2))
    e = np.full_like(h, 0.30)
    for _ in range(int(rng.choice([0, 1, 1, 2, 3]) * (vesicular > 0.35))):
        r, turn = length * 0.2 * np.sqrt(rng.random()), rng.uniform(0, 6.3)
        spot = smoothstep(
            -0.3, 0.3, rng.uniform(0.55, 1.35) - np.hypot(blob.u - r * np.cos(turn), blob.v - r * np.sin(turn) / ratio)
        )
        h, e = h * (1 - 0.3 * spot) + 0.85 * spot, e + 0.5 * spot
    return _finish(cover * 0.9, h * cover, e * cover, mpp)


def _lymphocyte(pen: _Pen, style: Style, angle: float, mpp: float) -> Sprite:
    rng = pen.rng
    length = float(np.clip(rng.normal(7.2, 0.85), 5.4, 10))
    blob = _blob(rng, (length, length / rng.uniform(1.0, 1.35)), angle, rough=0.11, room=1.6)
    cover = blob.cover
    plump = max(0.0, (length - 7.6) / 2.4)
    h = (rng.normal(1.95, 0.22) - 0.6 * plump) * (
        1 + 0.24 * pen.crop(pen.clumps, cover.shape) + 0.12 * pen.crop(pen.fine, cover.shape)
    )
    h += 0.25 * np.exp(-(((blob.depth - 0.3) / 0.3) ** 2))
    halo = smoothstep(-1.5, -0.2, blob.depth) * (1 - cover) * rng.uniform(-0.5, 0.5)
    halo = np.maximum(halo, 0)
    return _finish(np.maximum(cover * 0.95, halo), h * cover + 0.04 * halo, 0.32 * cover + 0.12 * halo, mpp)


def _plasma(pen: _Pen, style: Style, angle: float, mpp: float) -> Sprite:
    rng = pen.rng
    body = _blob(rng, (rng.normal(13, 1), rng.normal(9, 0.7)), angle, rough=0.07)
    nucleus = smoothstep(-0.28, 0.28, 3.5 - np.hypot(body.u - 2.4, body.v))
    clock = 0.5 + 0.5 * np.cos(6 * np.arctan2(body.v, body.u - 2.4))
    hof = np.exp(-((body.u + 1.6) ** 2 + body.v**2) / 4)
    cover = body.cover
    flesh = cover * (1 - nucleus)
    h = nucleus * (1.45 + 0.22 * clock + 0.2 * pen.crop(pen.clumps, cover.shape)) + flesh * (0.40 - 0.25 * hof)
    return _finish(np.maximum(0.85 * cover, nucleus), np.asarray(h), 0.30 * nucleus + flesh * (0.42 - 0.2 * hof), mpp)


def _fibroblast(pen: _Pen, style: Style, angle: float, mpp: float) -> Sprite:
    rng = pen.rng
    length = float(np.clip(rng.normal(13.5, 3.4), 6, 22))
    blob = _blob(rng, (length, float(rng.uniform(2.0, 4.3))), angle, rough=0.16, bend=rng.normal(0, 0.3), room=1)
    cover = blob.cover
    h = rng.normal(1.2, 0.22) * (1 + 0.16 * pen.crop(pen.clumps, cover.shape) + 0.1 * pen.crop(pen.fine, cover.shape))
    tail = smoothstep(-1.3, 0.0, blob.depth) * (1 - cover) * 0.5
    return _finish(np.maximum(cover * 0.9, tail * 0.3), h * cover, 0.3 * cover + 0.22 * tail, mpp)


def _endothelial(pen: _Pen, style: Style, angle: float, mpp: float) -> Sprite:
    rng = pen.rng
    blob = _blob(
        rng, (float(rng.normal(10, 1.8)), float(rng.uniform(2.0, 3.4))), angle, rough=0.12, bend=rng.normal(0, 0.3)
    )
    cover = blob.cover
    return _finish(
        cover * 0.9, cover * rng.normal(1.45, 0.2) * (1 + 0.12 * pen.crop(pen.clumps, cover.shape)), 0.2 * cover, mpp
    )


def _neutrophil(pen: _Pen, style: Style, angle: float, mpp: float) -> Sprite:
    rng = pen.rng
    body = _blob(rng, (9.5, 9.0), angle, rough=0.06)
    lobes = np.zeros_like(body.depth)
    for i in range(int(rng.integers(2, 5))):
        turn = i * 1.5 + rng.normal(0, 0.3)
        lobes = np.maximum(
            lobes,
            smoothstep(
                -0.3, 0.3, rng.uniform(1.2, 1.8) - np.hypot(body.u - 2 * np.cos(turn), body.v - 2 * np.sin(turn))
            ),
        )
    flesh = body.cover * (1 - lobes)
    return _finish(np.maximum(0.7 * body.cover, lobes), 1.8 * lobes + 0.06 * flesh, 0.1 * lobes + 0.38 * flesh, mpp)


def _red_cell(pen: _Pen, style: Style, angle: float, mpp: float) -> Sprite:
    rng = pen.rng
    length = float(rng.normal(6.6, 0.5))
    blob = _blob(rng, (length, length / float(rng.choice([1.05, 1.25, 1.9]))), angle, rough=0.07)
    cover = blob.cover
    dish = 1 - 0.28 * smoothstep(0.8, 2.6, blob.depth)
    return _finish(
        cover * 0.85, np.zeros_like(cover), 0.12 * cover, mpp, blood=cover * dish * np.float32(rng.normal(0.62, 0.1))
    )


def _debris(pen: _Pen, style: Style, angle: float, mpp: float) -> Sprite:
    rng = pen.rng
    body = _blob(rng, (8.0, 8.0), angle, rough=0.1)
    dots = np.zeros_like(body.depth)
    for _ in range(int(rng.integers(1, 6))):
        at, r = rng.normal(0, 1.9, 2), rng.uniform(0.3, 1.5)
        stretch = rng.uniform(0.6, 1.6)
        dots = np.maximum(
            dots, smoothstep(-0.4, 0.4, r - np.hypot((body.u - at[0]) * stretch, body.v - at[1])) * rng.uniform(0.4, 1)
        )
    return _finish(0.8 * dots, 1.3 * dots, 0.15 * dots, mpp)


def _macrophage(pen: _Pen, style: Style, angle: float, mpp: float) -> Sprite:
    rng = pen.rng
    body = _blob(rng, (float(rng.normal(15, 2)), float(rng.normal(11, 1.2))), angle, rough=0.12)
    inner = _blob(rng, (8.0, 5.2), angle, rough=0.08, bend=0.5)
    grow = (body.depth.shape[0] - inner.depth.shape[0]) // 2
    depth = np.pad(inner.depth, grow, constant_values=-9)[: body.depth.shape[0], : body.depth.shape[1]]
    nucleus = smoothstep(-0.28, 0.28, depth)
    flesh = body.cover * (1 - nucleus)
    foam = 1 + 0.35 * pen.crop(pen.clumps, flesh.shape)
    h = (
        nucleus * (0.95 + 0.15 * pen.crop(pen.clumps, flesh.shape))
        + 0.3 * np.exp(-(((depth - 0.3) / 0.3) ** 2))
        + 0.10 * flesh
    )
    return _finish(
        np.maximum(0.75 * body.cover, nucleus),
        np.asarray(h, dtype=np.float32),
        0.25 * nucleus + 0.26 * flesh * foam,
        mpp,
    )


def _mitosis(pen: _Pen, style: Style, angle: float, mpp: float) -> Sprite:
    rng = pen.rng
    body = _blob(rng, (15.0, 14.0), angle, rough=0.06)
    gap = rng.choice([0.0, 4.0])
    arm = np.maximum(*(3.9 - np.hypot(body.u / 1.0, (body.v - s * gap / 2) * 2.6) for s in (-1, 1)))
    plate = smoothstep(-0.6, 0.6, np.asarray(arm + 0.9 * pen.crop(pen.clumps, body.depth.shape), dtype=np.float32))
    flesh = body.cover * (1 - plate)
    return _finish(np.maximum(0.8 * body.cover, plate), 1.9 * plate + 0.14 * flesh, 0.2 * plate + 0.22 * flesh, mpp)


def _apoptotic(pen: _Pen, style: Style, angle: float, mpp: float) -> Sprite:
    rng = pen.rng
    body = _blob(rng, (float(rng.normal(11, 1)), 10.0), angle, rough=0.08, room=2)
    core = smoothstep(-0.3, 0.3, rng.uniform(1.6, 2.6) - np.hypot(body.u - 0.6, body.v))
    core = np.maximum(core, smoothstep(-0.3, 0.3, 0.9 - np.hypot(body.u + 2.2, body.v - 1)))
    halo = smoothstep(-1.6, -0.2, body.depth) * (1 - body.cover) * rng.uniform(0, 0.8)
    flesh = body.cover * (1 - core)
    return _finish(
        np.maximum(np.maximum(0.9 * body.cover, core), 0.8 * halo),
        2.0 * core + 0.1 * flesh,
        0.3 * core + 0.58 * flesh,
        mpp,
    )


_Draw = Callable[[_Pen, Style, float, float], Sprite]
# kind: how to draw it, number of angle bins, individuals per bin
_RECIPES: dict[Kind, tuple[_Draw, int, int]] = {
    Kind.TUMOUR: (_tumour, _BINS, 34),
    Kind.LYMPHOCYTE: (_lymphocyte, 1, 200),
    Kind.PLASMA: (_plasma, 1, 64),
    Kind.FIBROBLAST: (_fibroblast, _BINS, 16),
    Kind.ENDOTHELIAL: (_endothelial, _BINS, 8),
    Kind.NEUTROPHIL: (_neutrophil, 1, 32),
    Kind.RED_CELL: (_red_cell, 1, 80),
    Kind.DEBRIS: (_debris, 1, 80),
    Kind.MACROPHAGE: (_macrophage, 1, 48),
    Kind.MITOSIS: (_mitosis, 1, 16),
    Kind.APOPTOTIC: (_apoptotic, 1, 24),
}


@dataclass(frozen=True)
class SpriteBank:
    """Sprites of one slide, each drawn from a seed of its own when it is first needed."""

    spec: SlideSpec
    style: Style
    clumps: F32
    fine: F32
    drawn: dict[tuple[Kind, int, int], Sprite] = field(default_factory=dict)

    def pick(self, kind: Kind, angle: float, pick: float) -> Sprite:
        """Return the sprite for a pose; ``pick`` in 0..1 chooses the individual."""
        draw, bins, count = _RECIPES[kind]
        key = (kind, round(angle / np.pi * bins) % bins, int(pick * count) % count)
        if key not in self.drawn:
            pen = _Pen(np.random.default_rng([self.spec.seed, 7, *key]), self.clumps, self.fine)
            turn = np.pi * key[1] / bins if bins > 1 else float(pen.rng.uniform(0, 2 * np.pi))
            self.drawn[key] = draw(pen, self.style, turn, self.spec.mpp)
        return self.drawn[key]


def open_bank(spec: SlideSpec, style: Style) -> SpriteBank:
    """Return the empty bank of one slide."""
    rng = spec.rng("chromatin")
    return SpriteBank(spec, style, wrapped_noise(rng, 256, 1.9), wrapped_noise(rng, 256, 0.8))
