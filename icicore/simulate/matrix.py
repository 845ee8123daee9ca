"""What lies between and around the nuclei: stroma, cytoplasm, necrosis, fat, vessels, as densities of H, E, blood."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from icicore.simulate.cells import Cells, Kind
from icicore.simulate.noise import f32, smoothstep
from icicore.simulate.spec import SlideSpec
from icicore.simulate.texture import Textures, Window, borders, build_textures, fibres, territories
from icicore.simulate.tissue import Architecture
from icicore.types import F32, F64, I32

_Array: TypeAlias = npt.NDArray[np.floating[Any]]
_FAR_UM = 40.0
_TERRITORIAL = (Kind.TUMOUR, Kind.MITOSIS, Kind.APOPTOTIC, Kind.GHOST)


@dataclass(frozen=True)
class Scene:
    """All that is needed to paint any window of one slide."""

    spec: SlideSpec
    arch: Architecture
    cells: Cells
    textures: Textures
    crowd: F32

    @classmethod
    def arrange(cls, spec: SlideSpec, arch: Architecture, cells: Cells) -> "Scene":
        """Bring together what was decided, with the local crowding of lymphocytes (1 is 10,000 per mm2)."""
        ly = cells.of(Kind.LYMPHOCYTE)
        count = np.zeros_like(arch.tissue)
        rows, cols = (ly.y / arch.cell_um).astype(int), (ly.x / arch.cell_um).astype(int)
        np.add.at(count, (rows.clip(0, count.shape[0] - 1), cols.clip(0, count.shape[1] - 1)), 1)
        crowd = cv2.GaussianBlur(count, (0, 0), 18 / arch.cell_um) * np.float32(100 / arch.cell_um**2)
        return cls(spec, arch, cells, build_textures(spec), f32(np.clip(crowd, 0, 1.2)))

    def near(self, window: Window, reach_um: float) -> Cells:
        """Return the cells within ``reach_um`` of a window."""
        left, top, right, bottom = window.box_um
        c = self.cells
        return c.where(
            (c.x > left - reach_um) & (c.x < right + reach_um) & (c.y > top - reach_um) & (c.y < bottom + reach_um)
        )


@dataclass(frozen=True)
class Ground:
    """Per-pixel fields of one window that several painters share."""

    window: Window
    tissue: F32
    tumour: F32
    necrosis: F32
    fat: F32
    lumen: F32
    grain: F32
    mottle: F32
    lumps: F32
    fine: F32
    coarse: F32
    collagen: F32
    thickness: F32
    crowd: F32


def survey(scene: Scene, window: Window) -> Ground:
    """Interpolate the architecture at a window and add the ragged detail that the coarse grid lacks."""
    arch, tex = scene.arch, scene.textures
    grain, mottle, lumps = tex.crop(tex.grain, window), tex.crop(tex.mottle, window), tex.crop(tex.lumps, window)

    def field(coarse: F32) -> F32:
        part = window.part(coarse, arch.cell_um)
        if part.size and part.max() < -_FAR_UM:
            return np.full(window.shape, -_FAR_UM, dtype=np.float32)
        return window.field(coarse, arch.cell_um, cubic=True)

    ragged = 1.0 * mottle + 2.0 * lumps
    fine, coarse = _bundles(scene, window, lumps)
    return Ground(
        window,
        field(arch.tissue) + ragged,
        field(arch.tumour) + np.float32(0.6) * lumps,
        field(arch.necrosis) + 3 * ragged,
        field(arch.fat) + ragged,
        f32(field(arch.lumen) + 0.7 * ragged),
        grain,
        mottle,
        lumps,
        fine,
        coarse,
        window.field(arch.collagen, arch.cell_um),
        window.field(arch.thickness, arch.cell_um),
        window.field(scene.crowd, arch.cell_um),
    )


def _bundles(scene: Scene, window: Window, lumps: F32) -> tuple[F32, F32]:
    """Fibrils and coarse bundles of collagen, both of about unit variance."""
    arch, tex = scene.arch, scene.textures
    cos2, sin2 = window.field(arch.along_cos, arch.cell_um), window.field(arch.along_sin, arch.cell_um)
    angle = 0.5 * np.arctan2(sin2, cos2) + np.float32(0.16) * lumps
    fine = fibres(tex.crop(tex.white, window, 31), angle, 12 / window.mpp, 4)
    half = (max(1, window.width // 2), max(1, window.height // 2))
    small = fibres(
        f32(cv2.resize(tex.crop(tex.mottle, window, 57), half, interpolation=cv2.INTER_AREA)),
        f32(cv2.resize(angle, half, interpolation=cv2.INTER_NEAREST)),
        13 / window.mpp,
        4,
    )
    return fine, f32(cv2.resize(small, (window.width, window.height), interpolation=cv2.INTER_LINEAR))


def _lay(canvas: F32, cover: _Array, h: _Array | float, e: _Array | float, blood: float = 0.0) -> None:
    """Cover the canvas with a new layer in place."""
    canvas *= (1 - cover)[..., None]
    canvas[..., 0] += cover * h
    canvas[..., 1] += cover * e
    if blood:
        canvas[..., 2] += cover * np.float32(blood)


def paint_matrix(scene: Scene, ground: Ground) -> F32:
    """Paint everything but nuclei; returns densities (height, width, 4)."""
    canvas = np.zeros((*ground.window.shape, 4), dtype=np.float32)
    _stroma(ground, canvas)
    _epithelium(scene, ground, canvas)
    if ground.fat.max() > -2:
        _fat(scene, ground, canvas)
    for pearl in scene.arch.pearls:
        _pearl(ground, canvas, pearl)
    for vessel in scene.arch.vessels:
        _vessel(ground, canvas, vessel)
    return canvas


def _stroma(ground: Ground, canvas: F32) -> None:
    """Collagen bundles with gaps: open and pale where collagen is low, compact and pink where it is high."""
    # infiltrated stroma is looser, paler and a little bluer
    firm = np.tanh(ground.collagen * np.float32(0.9) - np.float32(1.3) * ground.crowd)
    bundle = ground.coarse + 0.5 * ground.fine + 0.45 * ground.lumps + 0.25 * ground.mottle
    body = smoothstep(-1.1, 0.9, bundle + 0.15 + 0.9 * firm)
    gap = smoothstep(-0.13, 0.17, 0.8 * ground.coarse + 0.40 * ground.lumps + 0.62 * ground.fine + 1.60 + 0.75 * firm)
    strand = smoothstep(0.55, 1.1, ground.fine + 0.25 * ground.grain) * (0.75 - 0.35 * firm)
    e = 0.07 + body * (0.27 + 0.13 * firm) + 0.07 * ground.fine + 0.03 * ground.mottle + 0.045 * ground.grain
    e = (e * (0.10 + 0.90 * gap) + 0.16 * strand) * (1 - 0.35 * ground.crowd)
    h = (0.075 + 0.03 * body - 0.025 * firm + 0.02 * ground.mottle + 0.02 * ground.lumps) * (
        0.3 + 0.7 * gap
    ) + 0.05 * ground.crowd * gap
    canvas[..., 0] = np.maximum(h, 0)
    canvas[..., 1] = np.maximum(e, 0)


def _epithelium(scene: Scene, ground: Ground, canvas: F32) -> None:
    """Cytoplasm of tumour cells, cell by cell, and the ghosts of dead ones."""
    if max(ground.tumour.max(), ground.necrosis.max()) < -3:
        return
    cells = scene.near(ground.window, 0)
    cells = cells.where(np.isin(cells.kind, _TERRITORIAL))
    mpp, style = ground.window.mpp, scene.arch.style
    left, top, _, _ = ground.window.box_um
    points = np.stack([(cells.x - left) / mpp, (cells.y - top) / mpp], axis=1).astype(np.float32)
    stretch = 0.45 * style.nucleus[0] * (1 - 1 / style.nucleus[1])
    labels, distance = territories(ground.window.shape, points, cells.angle, stretch / mpp)
    labels, distance = _wobble(ground, labels, distance)
    line = borders(labels, max(0.35, 0.38 / mpp))
    tint = np.append(cells.pick, np.float32(0.5))[labels]
    tone = np.append(cells.tone, np.float32(1.0))[labels] - 1
    _cytoplasm(scene, ground, canvas, _CellView(labels, distance * np.float32(mpp), line, tint, tone))
    if ground.necrosis.max() > -2:
        _necrosis(ground, canvas, line, tint)
    if style.lumen:
        _lumen(ground, canvas)


def _wobble(ground: Ground, labels: I32, distance: F32) -> tuple[I32, F32]:
    """Bend the straight borders of territories by about a micrometre."""
    height, width = labels.shape
    reach = np.float32(0.9 / ground.window.mpp)
    x = np.arange(width, dtype=np.float32)[None, :] + reach * ground.mottle
    y = np.arange(height, dtype=np.float32)[:, None] + reach * ground.fine
    moved = cv2.remap(labels.astype(np.float32), x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    further = cv2.remap(distance, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, dtype=np.int32), f32(further)


@dataclass(frozen=True)
class _CellView:
    labels: I32
    distance: F32
    line: F32
    tint: F32
    tone: F32


def _cytoplasm(scene: Scene, ground: Ground, canvas: F32, view: _CellView) -> None:
    style = scene.arch.style
    cover = smoothstep(-0.9, 0.9, ground.tumour) * smoothstep(-14, -6, -ground.necrosis)
    texture = 0.12 * ground.mottle + 0.12 * ground.grain + 0.10 * ground.lumps
    e = style.eosin * (0.86 + 0.30 * (view.tint - 0.5) + 0.5 * view.tone + texture)
    h = style.haze * (0.75 + 0.5 * (0.5 - view.tint) + 0.6 * texture)
    far = smoothstep(3, 8, view.distance)
    e = e * (1 - 0.18 * far)
    h = h * (1 - 0.35 * far)
    # borders are thin membranes where cells cling together and white slits where they part
    loner = (view.tint * 7.31) % 1 - 0.5
    part = smoothstep(
        1.6 * style.cohesion, 1.6 * style.cohesion + 0.7, 1.6 * loner + 0.6 * ground.lumps + 0.35 * ground.coarse
    )
    corner = smoothstep(6.5, 9.5, view.distance + 0.5 * ground.mottle)
    slit = np.minimum(smoothstep(0.12, 0.55, view.line) + corner, 1) * part
    membrane = view.line * (1 - part)
    open_ = 1 - 0.9 * slit
    _lay(canvas, cover, (h + 0.05 * membrane) * open_, (e + 0.10 * membrane) * open_)
    if style.pigment:
        laden = smoothstep(1 - 0.75 * style.pigment, 1.05 - 0.5 * style.pigment, view.tint + 0.15 * ground.lumps)
        canvas[..., 3] += (
            cover * open_ * laden * (0.12 + 0.5 * smoothstep(0.2, 1.6, ground.mottle + 0.6 * ground.grain))
        )
    # nests shrink away from the stroma here and there
    loose = smoothstep(0.6, 2.0, ground.lumps + 0.8 * ground.coarse + 0.3 * ground.collagen)
    cleft = smoothstep(-0.8, 0.8, 3.5 * loose - np.abs(ground.tumour + 1.0 + 2.0 * loose)) * (loose > 0)
    canvas *= (1 - 0.85 * cleft)[..., None]


def _necrosis(ground: Ground, canvas: F32, line: F32, tint: F32) -> None:
    """Pale granular pink with faint cell outlines, cracks and little haematoxylin."""
    cover = smoothstep(-8, 8, ground.necrosis)
    loose = ground.lumps + 0.5 * ground.coarse + 0.5 * ground.collagen
    crack = smoothstep(0.10, 0.45, line * 0.8 + 0.20 * ground.mottle - 0.62 + 0.30 * np.clip(loose, -1, 1.7))
    grainy = 0.22 * ground.mottle + 0.20 * ground.grain
    e = 0.31 * (1 + 0.5 * (tint - 0.5) + grainy + 0.14 * ground.lumps + 0.10 * ground.collagen) + 0.05 * line
    h = 0.05 * (1 + grainy) + 0.06 * np.maximum(ground.lumps, 0) + 0.03 * np.maximum(-ground.collagen, 0)
    _lay(canvas, cover, h * (1 - 0.88 * crack), e * (1 - 0.88 * crack))


def _lumen(ground: Ground, canvas: F32) -> None:
    """Gland lumens: empty but for wisps of mucin, with a pink apical border."""
    cover = smoothstep(-1.2, 1.2, ground.lumen)
    wisps = np.maximum(ground.lumps * 0.5 + ground.collagen * 0.5 - 0.4, 0)
    canvas[..., 1] += 0.16 * np.exp(-(((ground.lumen + 1.5) / 1.4) ** 2))
    _lay(canvas, cover, 0.09 * wisps, 0.05 * wisps)


def _fat(scene: Scene, ground: Ground, canvas: F32) -> None:
    """Adipocytes: large empty cells with thin shared rims."""
    cover = smoothstep(-3, 3, ground.fat)
    left, top, right, bottom = ground.window.box_um
    pad, grid = 130.0, 1.5
    # the grid is anchored to the slide, so that neighbouring windows agree
    x0, y0 = (np.floor((v - pad) / grid) * grid for v in (left, top))
    f = scene.arch.fat_cells
    f = f[(f[:, 0] > x0) & (f[:, 0] < right + pad) & (f[:, 1] > y0) & (f[:, 1] < bottom + pad)]
    shape = (int((bottom + pad - y0) / grid), int((right + pad - x0) / grid))
    points = f32((f - (x0, y0)) / grid)
    labels, _ = territories(shape, points, np.zeros(len(points), dtype=np.float32), 1)
    line = borders(labels, 0.5) > 0.4
    apart = f32(cv2.distanceTransform((~line).astype(np.uint8), cv2.DIST_L2, 5)) * np.float32(grid)
    apart = f32(cv2.GaussianBlur(apart, (0, 0), 1.8)) - np.float32(0.9)
    scale = ground.window.mpp / grid
    shift = [(v - v0) / grid + 0.5 * scale - 0.5 for v, v0 in ((left, x0), (top, y0))]
    move = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], dtype=np.float32)
    size = (ground.window.width, ground.window.height)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    away = f32(cv2.warpAffine(apart, move, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))
    thick = 0.75 + 0.12 * ground.lumps
    rim = smoothstep(-0.9, 0.8, thick - away + 0.08 * ground.mottle)
    _lay(canvas, cover, 0.05 * rim, rim * (0.44 + 0.10 * ground.mottle))


def _disc(ground: Ground, centre: F64, reach_um: float) -> tuple[tuple[slice, slice], F32, F32] | None:
    """Cut out the square around a point: slices and offsets in um, or None when it is outside the window."""
    w = ground.window
    x = (centre[0] / w.mpp) - w.x0
    y = (centre[1] / w.mpp) - w.y0
    r = reach_um / w.mpp + 1
    x0, x1 = max(0, int(x - r)), min(w.width, int(x + r) + 1)
    y0, y1 = max(0, int(y - r)), min(w.height, int(y + r) + 1)
    if x0 >= x1 or y0 >= y1:
        return None
    v, u = np.mgrid[y0:y1, x0:x1].astype(np.float32)
    u, v = (u + 0.5 - np.float32(x)) * np.float32(w.mpp), (v + 0.5 - np.float32(y)) * np.float32(w.mpp)
    return (slice(y0, y1), slice(x0, x1)), u, v


def _vessel(ground: Ground, canvas: F32, vessel: F64) -> None:
    """Lumen with pale plasma inside a wall of concentric fibres."""
    _, _, long, short, angle = vessel
    wall = 1.2 + 0.16 * short
    cut = _disc(ground, vessel[:2], long + wall + 4)
    if cut is None:
        return
    where, u, v = cut
    p = (u * np.cos(angle) + v * np.sin(angle)) / long
    q = (v * np.cos(angle) - u * np.sin(angle)) / short
    depth = (1 - np.sqrt(p * p + q * q)) * np.float32(np.sqrt(long * short)) + 0.8 * ground.lumps[where]
    layer = 0.5 + 0.5 * np.sin(depth * 2.2 + 1.5 * ground.mottle[where])
    outer = smoothstep(-wall - 1, -wall + 0.6, depth)
    view = canvas[where]
    _lay(view, outer, 0.10, 0.40 + 0.12 * layer)
    _lay(view, smoothstep(-0.5, 0.5, depth), 0.01, np.float32(0.03) + 0.02 * (ground.lumps[where] > 0.5))


def _pearl(ground: Ground, canvas: F32, pearl: F64) -> None:
    """Concentric keratin, bright and homogeneous."""
    radius = pearl[2]
    cut = _disc(ground, pearl[:2], radius * 1.4)
    if cut is None:
        return
    where, u, v = cut
    r = np.hypot(u, v) * (1 + 0.07 * ground.lumps[where])
    rings = 0.5 + 0.5 * np.sin(r * 1.3 + 2.0 * ground.lumps[where] + 1.2 * ground.mottle[where])
    cover = 0.92 * smoothstep(-5, 5, radius - r)
    flake = smoothstep(0.75, 0.98, rings) * smoothstep(0.3, 1.2, ground.lumps[where] + 0.3 * ground.mottle[where])
    _lay(canvas[where], cover, 0.05, (0.72 + 0.20 * rings) * (1 - 0.8 * flake), blood=0.08)
