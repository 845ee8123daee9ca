"""Where every cell lies: positions, kinds and poses of all nuclei of one slide, in micrometres."""

from dataclasses import dataclass
from enum import IntEnum

import cv2
import numpy as np
from scipy.spatial import cKDTree

from icicore.simulate.noise import f32, smooth_noise, smoothstep
from icicore.simulate.spec import SlideSpec
from icicore.simulate.tissue import Architecture
from icicore.types import F32, F64, Mask

_MOST_PER_MM2 = 13_000.0


class Kind(IntEnum):
    """Kinds of stamped cells."""

    TUMOUR = 0
    LYMPHOCYTE = 1
    PLASMA = 2
    FIBROBLAST = 3
    ENDOTHELIAL = 4
    NEUTROPHIL = 5
    RED_CELL = 6
    DEBRIS = 7
    MACROPHAGE = 8
    MITOSIS = 9
    APOPTOTIC = 10
    GHOST = 11


@dataclass(frozen=True)
class Cells:
    """One row per cell: ``x``, ``y`` in um, ``kind``, ``angle`` in radians, ``tone`` around 1, ``pick`` in 0..1."""

    x: F64
    y: F64
    kind: np.ndarray[tuple[int], np.dtype[np.int8]]
    angle: F32
    tone: F32
    pick: F32

    def where(self, keep: Mask) -> "Cells":
        """Return the rows of a boolean mask."""
        return Cells(self.x[keep], self.y[keep], self.kind[keep], self.angle[keep], self.tone[keep], self.pick[keep])

    def of(self, kind: Kind) -> "Cells":
        """Return the rows of one kind."""
        return self.where(self.kind == kind)

    @staticmethod
    def join(parts: list["Cells"]) -> "Cells":
        """Stack several tables."""
        names = ("x", "y", "kind", "angle", "tone", "pick")
        return Cells(*(np.concatenate([getattr(p, n) for p in parts]) for n in names))


def _lattice(
    spec: SlideSpec, purpose: str, spacing: float, jitter: float, *, bend: float = 1.3
) -> tuple[F64, F64, np.random.Generator]:
    """Points about ``spacing`` um apart: a hexagonal lattice, bent by smooth noise and shaken."""
    rng = spec.rng(purpose)
    width, height = spec.size_um
    dy = spacing * np.sqrt(3) / 2
    rows, cols = int(height / dy) + 9, int(width / spacing) + 9
    j, i = np.mgrid[0:rows, 0:cols]
    x = (i - 4 + 0.5 * (j % 2)) * spacing
    y = (j - 4) * dy
    x = x + bend * spacing * smooth_noise(rng, (rows, cols), 8.0)
    y = y + bend * spacing * smooth_noise(rng, (rows, cols), 8.0)
    x = (x + rng.normal(0, jitter * spacing, x.shape)).ravel()
    y = (y + rng.normal(0, jitter * spacing, y.shape)).ravel()
    keep = (x > 0) & (x < width) & (y > 0) & (y < height)
    return x[keep], y[keep], rng


def _spread(x: F64, y: F64, gap: float, rounds: int = 4) -> tuple[F64, F64]:
    """Push points apart that are closer than ``gap`` um, as packed cells do; no row of the lattice survives."""
    points = np.stack([x, y], axis=1)
    for _ in range(rounds if len(points) else 0):
        pairs = cKDTree(points).query_pairs(gap, output_type="ndarray")
        apart = points[pairs[:, 0]] - points[pairs[:, 1]]
        length = np.maximum(np.hypot(apart[:, 0], apart[:, 1]), 0.05)
        push = apart * (0.42 * (gap - length) / length)[:, None]
        for axis in (0, 1):
            points[:, axis] += np.bincount(pairs[:, 0], push[:, axis], len(points))
            points[:, axis] -= np.bincount(pairs[:, 1], push[:, axis], len(points))
    return points[:, 0], points[:, 1]


def _make(
    rng: np.random.Generator, x: F64, y: F64, kind: Kind, angle: F32 | None = None, spread: float = 0.12
) -> Cells:
    n = len(x)
    turn = rng.uniform(0, np.pi, n) if angle is None else angle
    tone = np.exp(rng.normal(0, spread, n))
    kinds = np.full(n, kind, dtype=np.int8)
    return Cells(x, y, kinds, f32(turn), f32(tone), rng.random(n, dtype=np.float32))


def _fibre_angle(arch: Architecture, x: F64, y: F64) -> F32:
    return np.asarray(0.5 * np.arctan2(arch.at(arch.along_sin, x, y), arch.at(arch.along_cos, x, y)), dtype=np.float32)


def place_cells(spec: SlideSpec, arch: Architecture) -> Cells:
    """Place all cells of a slide."""
    lymphocytes = _lymphocytes(spec, arch)
    tumour = _tumour(spec, arch)
    stroma = _stroma(spec, arch)
    vascular, blood = _vascular(spec, arch)
    dead = _necrotic(spec, arch)
    lymphocytes = _outside_vessels(arch, lymphocytes)
    stroma = _outside_vessels(arch, stroma)
    if len(lymphocytes.x):
        tree = cKDTree(np.stack([lymphocytes.x, lymphocytes.y], axis=1))
        tumour = _give_way(tumour, tree, 4.6)
        stroma = _give_way(stroma, tree, 4.4)
    return Cells.join([tumour, stroma, lymphocytes, dead, vascular, _adipose(spec, arch), blood])


def _give_way(cells: Cells, tree: cKDTree, gap: float) -> Cells:
    """Drop cells whose centre lies under a lymphocyte."""
    distance, _ = tree.query(np.stack([cells.x, cells.y], axis=1), distance_upper_bound=gap)
    return cells.where(np.isinf(distance))


def _outside_vessels(arch: Architecture, cells: Cells) -> Cells:
    """Drop cells that would lie in a vessel lumen or in its wall."""
    keep = np.ones(len(cells.x), dtype=bool)
    if not len(cells.x) or not len(arch.vessels):
        return cells
    tree = cKDTree(np.stack([cells.x, cells.y], axis=1))
    for x, y, long, short, angle in arch.vessels:
        near = np.asarray(tree.query_ball_point((x, y), long + 5), dtype=int)
        u, v = cells.x[near] - x, cells.y[near] - y
        p = (u * np.cos(angle) + v * np.sin(angle)) / (long + 4)
        q = (v * np.cos(angle) - u * np.sin(angle)) / (short + 4)
        keep[near[p * p + q * q < 1]] = False
    return cells.where(keep)


def _tumour(spec: SlideSpec, arch: Architecture) -> Cells:
    """Tumour cells of the nests, palisaded at the rim, with a few mitoses and dying cells."""
    style = arch.style
    x, y, rng = _lattice(spec, "tumour cells", style.cell_um, 0.36, bend=0.7)
    x, y = _spread(x, y, style.cell_um, 8)
    keep = (arch.at(arch.tumour, x, y) > 3.5) & (arch.at(arch.tissue, x, y) > 2) & (rng.random(len(x)) > 0.05)
    keep &= arch.at(arch.lumen, x, y) < -4.5
    for px, py, radius in arch.pearls:
        keep &= np.hypot(x - px, y - py) > radius * 0.75
    x, y = x[keep], y[keep]
    angle = _fibre_angle(arch, x, y) + rng.normal(0, 0.35 if style.cohesion > 0.5 else 0.9, len(x))
    rim = np.maximum(arch.at(arch.tumour, x, y) < 11, arch.at(arch.lumen, x, y) > -16)
    palisade = rim & (rng.random(len(x)) < (0.85 if style.lumen else 0.4))
    angle = angle + palisade * np.pi / 2
    cells = _make(rng, x, y, Kind.TUMOUR, f32(angle), 0.16)
    chance = rng.random(len(x))
    kind = cells.kind.copy()
    kind[chance < 0.003] = Kind.MITOSIS
    kind[(chance > 0.003) & (chance < 0.0055)] = Kind.APOPTOTIC
    return Cells(x, y, kind, cells.angle, cells.tone, cells.pick)


def _stroma(spec: SlideSpec, arch: Architecture) -> Cells:
    """Fibroblasts along the fibres, with scattered macrophages."""
    x, y, rng = _lattice(spec, "stroma cells", 12.5, 0.3)
    chance = 0.24 + 0.16 * np.tanh(arch.at(arch.cellular, x, y))
    chance = chance + 0.16 * smoothstep(-60, -5, arch.at(arch.tumour, x, y))
    keep = (rng.random(len(x)) < chance) & _in_stroma(arch, x, y, 2.5)
    x, y = x[keep], y[keep]
    angle = _fibre_angle(arch, x, y) + rng.normal(0, 0.2, len(x))
    cells = _make(rng, x, y, Kind.FIBROBLAST, f32(angle), 0.18)
    kind = cells.kind.copy()
    kind[rng.random(len(x)) < 0.09] = Kind.MACROPHAGE
    return Cells(x, y, kind, cells.angle, cells.tone, cells.pick)


def _in_stroma(arch: Architecture, x: F64, y: F64, gap: float) -> Mask:
    inside = (arch.at(arch.tissue, x, y) > gap) & (arch.at(arch.tumour, x, y) < -gap)
    return np.asarray(inside & (arch.at(arch.necrosis, x, y) < 0) & (arch.at(arch.fat, x, y) < -gap))


def vessel_mask(arch: Architecture) -> Mask:
    """Return the coarse cells that lie in vessel lumens."""
    canvas = np.zeros(arch.tissue.shape, dtype=np.uint8)
    for x, y, long, short, angle in arch.vessels:
        at, axes = (
            (round(x / arch.cell_um), round(y / arch.cell_um)),
            (round(long / arch.cell_um), round(short / arch.cell_um)),
        )
        cv2.ellipse(canvas, at, axes, float(np.degrees(angle)), 0, 360, 1, -1)
    return canvas > 0


def lymphocyte_field(spec: SlideSpec, arch: Architecture) -> F32:
    """Return the intended density per mm2 on the coarse grid; its mean over the margin band is ``til_density``.

    Infiltrates are patchy: crowds of high density with thinly populated tissue between, both growing with the
    requested mean. Inflamed tumours let the crowds into the nests, excluded ones keep them in the stroma.
    """
    rng, cell, shape = spec.rng("lymphocyte field"), arch.cell_um, arch.tissue.shape
    living = (arch.tissue > 3) & (arch.necrosis < 0) & (arch.fat < 0) & (arch.lumen < 0)
    target = spec.til_density
    crowd, thin = 4800 + 0.8 * target, 0.13 * target
    share = (target - thin) / (crowd - thin) if target else 0.0
    mood = smooth_noise(rng, shape, 75 / cell) + 0.45 * smooth_noise(rng, shape, 26 / cell)
    reach = smoothstep(-330, -190, arch.bulk) * (1 - smoothstep(190, 330, arch.bulk))
    core = smoothstep(190, 330, arch.bulk)
    into_nest, into_core, outside = {"inflamed": (0.62, 0.55, 0.10), "excluded": (0.03, 0.16, 0.10)}.get(
        spec.phenotype, (0.35, 0.35, 0.5)
    )
    access = np.where(arch.tumour > 2, into_nest, 1.0) * (reach + into_core * core + outside * (1 - reach - core))
    score = mood + 2.2 * np.log(np.maximum(access, 0.02)) * 0.45
    band = arch.margin if (arch.margin & living).any() else arch.tissue > 0
    limit = np.quantile(score[band & living], 1 - share) if (band & living).any() and share > 0 else np.inf
    field = (thin + (crowd - thin) * smoothstep(-0.25, 0.25, f32(score - limit))) * access
    open_ = living & ~vessel_mask(arch)
    return _to_mean(f32(np.where(open_, field, 0.0)), _follicles(spec, arch, open_), band, target)


def _to_mean(field: F32, follicles: F32, band: Mask, target: float) -> F32:
    """Scale a density around fixed follicles such that the mean over ``band`` is ``target``."""
    fixed = float(follicles[band].mean()) if band.any() else 0.0
    if fixed > 0.5 * target:  # too small a specimen for them
        follicles, fixed = np.zeros_like(follicles), 0.0
    field = np.where(follicles > 0, np.float32(0), field)
    for _ in range(4):  # the cap takes some away, so the rest is raised a little more
        mean = float(field[band].mean()) if band.any() else 0.0
        field = np.minimum(field * ((target - fixed) / mean if mean > 0 else 0.0), _MOST_PER_MM2)
    return f32(field + follicles)


def _follicles(spec: SlideSpec, arch: Architecture, open_: Mask) -> F32:
    """Density of lymphoid follicles in the stroma of the margin: dense mantle, paler centre; more with more TIL."""
    rng, out = spec.rng("follicles"), np.zeros_like(arch.tissue)
    rows, cols = np.nonzero(arch.margin & open_ & (arch.tumour < -70) & (arch.tissue > 80))
    if spec.phenotype == "desert" or not len(rows):
        return out
    y, x = np.mgrid[0 : out.shape[0], 0 : out.shape[1]].astype(np.float32) * np.float32(arch.cell_um)
    rough = 10 * smooth_noise(rng, out.shape, 30 / arch.cell_um)
    for _ in range(int(rng.poisson(spec.til_density / 1200 * arch.margin.sum() * arch.cell_um**2 / 2.5e6))):
        i = int(rng.integers(len(rows)))
        radius = rng.uniform(55, 130)
        away = np.hypot(x - cols[i] * arch.cell_um, (y - rows[i] * arch.cell_um) * rng.uniform(0.8, 1.25)) + rough
        dense = 16000 - 6500 * smoothstep(-0.5 * radius, 0, -away)
        out = np.maximum(out, smoothstep(-radius - 12, -radius + 12, -away) * dense)
    return out * open_


def _lymphocytes(spec: SlideSpec, arch: Architecture) -> Cells:
    spacing = 6.4
    x, y, rng = _lattice(spec, "lymphocytes", spacing, 0.45)
    field = lymphocyte_field(spec, arch)
    slots = 1e6 / (spacing**2 * np.sqrt(3) / 2)
    keep = (rng.random(len(x)) < arch.at(field, x, y) / slots) & (arch.at(arch.tissue, x, y) > 3)
    keep &= (arch.at(arch.lumen, x, y) < 0) & (arch.at(arch.necrosis, x, y) < 4)
    lymphocytes = _make(rng, *_spread(x[keep], y[keep], 6.3), Kind.LYMPHOCYTE, None, 0.14)
    plasma = (rng.random(len(x)) < 0.10 * arch.at(field, x, y) / slots) & ~keep & _in_stroma(arch, x, y, 5)
    return Cells.join([lymphocytes, _make(rng, x[plasma], y[plasma], Kind.PLASMA, None, 0.12)])


def _adipose(spec: SlideSpec, arch: Architecture) -> Cells:
    """Flat nuclei in the rims between adipocytes."""
    x, y, rng = _lattice(spec, "adipose", 9.0, 0.4)
    keep = (arch.at(arch.fat, x, y) > -4) & (arch.at(arch.tissue, x, y) > 2) & (rng.random(len(x)) < 0.13)
    x, y = x[keep], y[keep]
    gap, near = cKDTree(arch.fat_cells).query(np.stack([x, y], axis=1), k=2)
    rim = gap[:, 1] - gap[:, 0] < 3.0
    apart = arch.fat_cells[near[rim, 1]] - arch.fat_cells[near[rim, 0]]
    angle = np.arctan2(apart[:, 1], apart[:, 0]) + np.pi / 2
    return _make(rng, x[rim], y[rim], Kind.ENDOTHELIAL, f32(angle), 0.2)


def _necrotic(spec: SlideSpec, arch: Architecture) -> Cells:
    """Nuclear dust and neutrophils in necrosis."""
    x, y, rng = _lattice(spec, "necrosis", 10.0, 0.33)
    depth = arch.at(arch.necrosis, x, y)
    inside = (depth > 0) & (arch.at(arch.tissue, x, y) > 2)
    chance = 0.05 + 0.30 * (1 - smoothstep(10, 90, depth))
    keep = inside & (rng.random(len(x)) < chance)
    cells = _make(rng, x[keep], y[keep], Kind.DEBRIS, None, 0.3)
    kind = cells.kind.copy()
    kind[rng.random(len(kind)) < 0.25] = Kind.NEUTROPHIL
    ghosts = _make(rng, x[inside], y[inside], Kind.GHOST)
    return Cells.join([Cells(cells.x, cells.y, kind, cells.angle, cells.tone, cells.pick), ghosts])


def _vascular(spec: SlideSpec, arch: Architecture) -> tuple[Cells, Cells]:
    """Endothelium around the vessel lumens, red cells within and in bleedings."""
    rng = spec.rng("vascular")
    walls: list[F64] = []
    red: list[F64] = []
    for x, y, long, short, angle in arch.vessels:
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        n = max(3, int(2.4 * (long + short) / 9))
        t = np.linspace(0, 2 * np.pi, n, endpoint=False) + rng.normal(0, 0.5 / n, n)
        ring = np.stack([(long + 1.2) * np.cos(t), (short + 1.2) * np.sin(t)], axis=1) @ turn + (x, y)
        tangent = np.arctan2((short * np.cos(t)), -(long * np.sin(t))) + angle
        walls.append(np.column_stack([ring, tangent])[rng.random(n) < 0.8])
        red.append(_packed(rng, long - 2.6, short - 2.6, rng.choice([0.1, 0.5, 0.9])) @ turn + (x, y))
    red.append(_bled(spec, arch))
    wall = np.concatenate(walls) if walls else np.zeros((0, 3))
    blood = np.concatenate(red)
    return (
        _make(rng, wall[:, 0], wall[:, 1], Kind.ENDOTHELIAL, f32(wall[:, 2]), 0.15),
        _make(rng, blood[:, 0], blood[:, 1], Kind.RED_CELL, None, 0.15),
    )


def _packed(rng: np.random.Generator, long: float, short: float, share: float) -> F64:
    """Red cells about 5.5 um apart inside an ellipse at the origin."""
    if short < 1:
        return np.zeros((0, 2))
    u, v = np.meshgrid(np.arange(-long, long + 1, 5.6), np.arange(-short, short + 1, 5.0))
    points = np.stack([u.ravel(), v.ravel()], axis=1) + rng.normal(0, 1.3, (u.size, 2))
    inside = (points[:, 0] / long) ** 2 + (points[:, 1] / short) ** 2 < 1
    return np.asarray(points[inside & (rng.random(u.size) < share)], dtype=np.float64)


def _bled(spec: SlideSpec, arch: Architecture) -> F64:
    x, y, rng = _lattice(spec, "bleeding", 5.8, 0.22)
    keep = (arch.at(arch.bleeding, x, y) > rng.normal(0, 6, len(x))) & (arch.at(arch.tissue, x, y) > 2)
    keep &= rng.random(len(x)) < 0.85
    return np.stack([x[keep], y[keep]], axis=1)
