"""Architecture of a virtual slide: coarse fields that decide what grows where, in micrometres, free of pixel size."""

from dataclasses import dataclass

import cv2
import numpy as np

from icicore.simulate.noise import f32, sample, signed_distance, smooth_noise, smoothstep, top_fraction
from icicore.simulate.spec import MARGIN_UM, SlideSpec
from icicore.simulate.texture import territories
from icicore.types import F32, F64, Mask


@dataclass(frozen=True)
class Style:
    """Looks of one tumour, drawn from the seed.

    ``nest_um`` is the size of nests, ``septa`` the stromal share of the bulk, ``cell_um`` the spacing of tumour
    cells, ``nucleus`` mean length and aspect of their nuclei, the rest are shares or strengths in 0..1.
    """

    name: str
    nest_um: float
    septa: float
    cell_um: float
    nucleus: tuple[float, float]
    vesicular: float
    cohesion: float
    pleomorphism: float
    pigment: float = 0.0
    lumen: float = 0.0
    keratin: float = 0.0
    eosin: float = 0.5
    haze: float = 0.3


def draw_style(spec: SlideSpec) -> Style:
    """Choose the histological subtype and its variation."""
    rng = spec.rng("style")
    u = rng.uniform(0.85, 1.15, 4)
    pleomorphism = float(rng.uniform(0.12, 0.3))
    if spec.tumour_type == "melanoma":
        pigment = float(rng.choice([0.0, 0.25, 0.8], p=[0.45, 0.35, 0.2]))
        if rng.random() < 0.3:
            return Style("spindle melanoma", 130 * u[0], 0.18, 12.6 * u[1], (14.5 * u[2], 2.1), 0.65, 0.6,
                         pleomorphism, pigment=pigment, eosin=0.40, haze=0.30)  # fmt: skip
        return Style("epithelioid melanoma", 78 * u[0], 0.24, 14.4 * u[1], (11.6 * u[2], 1.22), 0.85, 0.35,
                     pleomorphism, pigment=pigment, eosin=0.42, haze=0.22)  # fmt: skip
    if rng.random() < 0.55:
        return Style("squamous carcinoma", 135 * u[0], 0.22, 13.4 * u[1], (12.2 * u[2], 1.5), 0.45, 0.6,
                     pleomorphism, keratin=float(rng.uniform(0.2, 1)), eosin=0.55, haze=0.34)  # fmt: skip
    return Style("adenocarcinoma", 62 * u[0], 0.34, 12.3 * u[1], (10.6 * u[2], 1.5), 0.7, 0.8,
                 pleomorphism, lumen=float(rng.uniform(0.5, 1)), eosin=0.36, haze=0.38)  # fmt: skip


@dataclass(frozen=True)
class Architecture:
    """Coarse fields, each (rows, cols) float32 on a grid of ``cell_um``; distances in um, positive inside.

    ``along_cos`` and ``along_sin`` hold cos and sin of twice the fibre angle, ``collagen`` and ``cellular`` are
    unit-variance moods of the stroma; ``vessels`` is (n, 5): x, y, half axes, angle in um and radians,
    ``pearls`` (n, 3): x, y, radius, ``fat_cells`` (n, 2) centres, ``thickness`` a factor around 1.
    """

    cell_um: float
    style: Style
    tissue: F32
    bulk: F32
    tumour: F32
    necrosis: F32
    fat: F32
    bleeding: F32
    lumen: F32
    along_cos: F32
    along_sin: F32
    collagen: F32
    cellular: F32
    vessels: F64
    pearls: F64
    fat_cells: F64
    thickness: F32

    def at(self, field: F32, x_um: F64, y_um: F64) -> F32:
        """Interpolate one of the fields at points in um."""
        return sample(field, x_um, y_um, self.cell_um)

    @property
    def margin(self) -> Mask:
        """Tissue within the invasive margin band."""
        return np.asarray((np.abs(self.bulk) <= MARGIN_UM) & (self.tissue > 0) & (self.fat < 0))


def build_architecture(spec: SlideSpec) -> Architecture:
    """Lay out the tissue of one slide."""
    width, height = spec.size_um
    cell = 4.0 if width * height < 60e6 else 8.0
    shape = (int(np.ceil(height / cell)), int(np.ceil(width / cell)))
    style = draw_style(spec)
    tissue = _tissue(spec, shape, cell)
    inside = tissue > 0
    bulk_mask = _bulk(spec, style, inside, cell)
    bulk = _front_distance(bulk_mask, inside, cell)
    tumour_mask = _nests(spec, style, bulk_mask, bulk, inside, cell)
    necrosis = _necrosis(spec, bulk, inside, cell)
    fat, bleeding, fat_cells = _soft_parts(spec, bulk, tissue, cell)
    tumour = signed_distance(tumour_mask & (necrosis < 12) & (fat < 0), cell)
    lumen = _lumen(spec, style, tumour, cell)
    rng = spec.rng("stroma")
    along = _fibre_direction(rng, tumour, cell)
    collagen = smooth_noise(rng, shape, 110 / cell) + 0.5 * smooth_noise(rng, shape, 35 / cell)
    cellular = smooth_noise(rng, shape, 80 / cell)
    stroma = inside & (tumour < 0) & (necrosis < 0) & (fat < 0)
    vessels = _vessels(spec, stroma, np.minimum(-tumour, tissue), along, cell)
    pearls = _pearls(spec, style, tumour, cell)
    thickness = 1 + 0.06 * smooth_noise(rng, shape, 300 / cell) + 0.03 * smooth_noise(rng, shape, 60 / cell)
    return Architecture(cell, style, tissue, bulk, tumour, necrosis, fat, bleeding, lumen, *along, collagen, cellular,
                        vessels, pearls, fat_cells, thickness)  # fmt: skip


def _tissue(spec: SlideSpec, shape: tuple[int, int], cell: float) -> F32:
    """Outline of the specimen: one ragged block, or a few cores, with holes and cracks; distance to its border."""
    rng = spec.rng("tissue")
    height, width = shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) * np.float32(cell)
    side = min(spec.size_um)
    rough = 0.055 * side * smooth_noise(rng, shape, 0.13 * side / cell) + 0.012 * side * smooth_noise(
        rng, shape, 0.025 * side / cell
    )
    rough += 6 * smooth_noise(rng, shape, 12 / cell)
    needle = side >= 3500 and rng.random() < 0.3
    depth = (_cores if needle else _block)(rng, x, y, spec.size_um)
    mask = depth + (0.35 if needle else 1.0) * rough > 0
    holes = smooth_noise(rng, shape, 45 / cell) * smooth_noise(rng, shape, 130 / cell)
    mask &= holes < rng.uniform(4.5, 6.5)
    course = np.abs(smooth_noise(rng, shape, 70 / cell) + 0.12 * smooth_noise(rng, shape, 8 / cell))
    mask &= course > 0.10 * smoothstep(0.5, 1.8, smooth_noise(rng, shape, 160 / cell))
    return signed_distance(mask, cell)


def _block(rng: np.random.Generator, x: F32, y: F32, size: tuple[float, float]) -> F32:
    """Depth in um inside a rotated super-ellipse that fills most of the slide."""
    cx, cy = size[0] * rng.uniform(0.47, 0.53), size[1] * rng.uniform(0.47, 0.53)
    angle, power = rng.uniform(-0.2, 0.2), rng.uniform(2.6, 4.5)
    u = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)
    v = -(x - cx) * np.sin(angle) + (y - cy) * np.cos(angle)
    half = np.array(size) * rng.uniform(0.42, 0.46, 2)
    radius = (np.abs(u / half[0]) ** power + np.abs(v / half[1]) ** power) ** (1 / power)
    return np.asarray((1 - radius) * half.min(), dtype=np.float32)


def _cores(rng: np.random.Generator, x: F32, y: F32, size: tuple[float, float]) -> F32:
    """Depth in um inside two or three roughly parallel strips, as of needle biopsies."""
    depth = np.full(x.shape, -1e6, dtype=np.float32)
    n = int(rng.integers(2, 4))
    slope = rng.uniform(-0.12, 0.12)
    for i in range(n):
        middle = size[1] * (i + 0.5) / n + rng.uniform(-0.03, 0.03) * size[1]
        half = min(size[1] / n * rng.uniform(0.27, 0.36), 1400)
        bend = rng.uniform(-0.05, 0.05) * size[1] * np.sin(x / size[0] * np.pi * rng.uniform(0.6, 1.6))
        across = half - np.abs(y - middle - slope * (x - size[0] / 2) - bend)
        ends = np.minimum(x - size[0] * rng.uniform(0.04, 0.16), size[0] * rng.uniform(0.84, 0.96) - x)
        depth = np.maximum(depth, np.minimum(across, ends))
    return depth


def _bulk(spec: SlideSpec, style: Style, inside: Mask, cell: float) -> Mask:
    """Region invaded by tumour, septa included; its border is the invasive front."""
    rng = spec.rng("bulk")
    side = min(spec.size_um)
    score = smooth_noise(rng, inside.shape, max(0.14 * side, 180) / cell)
    score += 0.22 * smooth_noise(rng, inside.shape, max(0.04 * side, 60) / cell)
    score += 0.05 * smooth_noise(rng, inside.shape, 20 / cell)
    room = 1 - spec.necrosis
    return top_fraction(score, inside, min(spec.tumour_fraction * room / (1 - style.septa) + spec.necrosis, 0.93))


def _front_distance(bulk: Mask, inside: Mask, cell: float) -> F32:
    """Distance to the invasive front in um, positive in the bulk; where bulk meets glass there is no front."""
    to_host = cv2.distanceTransform((~(inside & ~bulk)).astype(np.uint8), cv2.DIST_L2, 5)
    to_bulk = cv2.distanceTransform((~bulk).astype(np.uint8), cv2.DIST_L2, 5)
    distance = np.where(bulk, to_host, -to_bulk).clip(-2e4, 2e4) * np.float32(cell)
    return np.asarray(cv2.GaussianBlur(distance, (0, 0), 1.2), dtype=np.float32)


def _nests(spec: SlideSpec, style: Style, bulk_mask: Mask, bulk: F32, inside: Mask, cell: float) -> Mask:
    """Nests of tumour cells: the bulk less a net of septa, and a few buds beyond the front."""
    rng = spec.rng("nests")
    wide = smooth_noise(rng, bulk.shape, style.nest_um / cell)
    other = smooth_noise(rng, bulk.shape, 0.7 * style.nest_um / cell)
    solid = np.minimum(np.abs(wide), 0.9 * np.abs(other)) + 0.1 * smooth_noise(rng, bulk.shape, 9 / cell)
    want = spec.tumour_fraction * (1 - spec.necrosis) * inside.sum() / max(1, bulk_mask.sum()) if bulk_mask.any() else 0
    share = np.clip(want / max(1e-3, 1 - spec.necrosis * inside.sum() / max(1, bulk_mask.sum())), 0.2, 0.94)
    nests = top_fraction(np.asarray(solid, dtype=np.float32), bulk_mask, float(share))
    buds = smooth_noise(rng, bulk.shape, 0.3 * style.nest_um / cell)
    return nests | ((buds > 1.9 - bulk / 200) & (bulk > -170) & (bulk < 0) & inside)


def _necrosis(spec: SlideSpec, bulk: F32, inside: Mask, cell: float) -> F32:
    """Necrotic centre of the bulk, far from the front; distance to its border."""
    rng = spec.rng("necrosis")
    score = (
        np.minimum(bulk, 600)
        + 70 * smooth_noise(rng, bulk.shape, 90 / cell)
        + 12 * smooth_noise(rng, bulk.shape, 14 / cell)
    )
    mask = top_fraction(np.asarray(score, dtype=np.float32), inside, spec.necrosis)
    return signed_distance(mask, cell) if mask.any() else np.full(bulk.shape, -1e4, dtype=np.float32)


def _soft_parts(spec: SlideSpec, bulk: F32, tissue: F32, cell: float) -> tuple[F32, F32, F64]:
    """Fat far from the tumour, made of whole adipocytes, and extravasated blood; borders and adipocyte centres."""
    rng = spec.rng("soft")
    inside = tissue > 0
    far = -bulk + 130 * smooth_noise(rng, bulk.shape, 130 / cell) + 45 * smooth_noise(rng, bulk.shape, 35 / cell)
    room = float((inside & (bulk < -1.1 * MARGIN_UM)).sum()) / max(1, int(inside.sum()))
    mask = top_fraction(np.asarray(far, dtype=np.float32), inside, min(rng.uniform(0, 0.16), 0.8 * room))
    mask &= bulk < -MARGIN_UM
    none = np.full(bulk.shape, -1e4, dtype=np.float32)
    centres = _adipocytes(rng, spec.size_um)
    if mask.any():
        labels, _ = territories(bulk.shape, f32(centres / cell), np.zeros(len(centres), dtype=np.float32), 1)
        mask = np.append(sample(f32(mask), centres[:, 0], centres[:, 1], cell) > 0.5, False)[labels]
    fat = signed_distance(mask & (bulk < -0.8 * MARGIN_UM), cell) if mask.any() else none
    pool = smooth_noise(rng, bulk.shape, 60 / cell) + 0.3 * smooth_noise(rng, bulk.shape, 12 / cell)
    blood = top_fraction(pool, inside & (fat < 0), max(0.0, rng.uniform(-0.006, 0.014)))
    return fat, signed_distance(blood, cell) if blood.any() else none, centres


def _adipocytes(rng: np.random.Generator, size: tuple[float, float]) -> F64:
    """Return centres of adipocytes about 60 um apart over the whole slide, used only where there is fat."""
    step = 58.0
    x, y = np.meshgrid(np.arange(-2, size[0] / step + 3), np.arange(-2, size[1] / step + 3))
    points = np.stack([x + 0.5 * (y % 2), y], axis=-1).reshape(-1, 2) * step
    points = points + rng.normal(0, 0.33 * step, points.shape)
    return np.asarray(points[rng.random(len(points)) < 0.9], dtype=np.float64)


def _lumen(spec: SlideSpec, style: Style, tumour: F32, cell: float) -> F32:
    """Gland lumens inside nests; distance to their border."""
    if style.lumen <= 0:
        return np.full(tumour.shape, -1e4, dtype=np.float32)
    rng = spec.rng("lumen")
    rough = 3 * smooth_noise(rng, tumour.shape, 8 / cell)
    wall = 17 + 9 * (1 - style.lumen) + 4 * smooth_noise(rng, tumour.shape, 60 / cell)
    mask = tumour + rough - wall > 0
    mask &= tumour + rough - wall < 26 + 14 * smooth_noise(rng, tumour.shape, 90 / cell)
    mask &= smooth_noise(rng, tumour.shape, 50 / cell) > 0.3 - 0.8 * style.lumen
    return signed_distance(mask, cell) if mask.any() else np.full(tumour.shape, -1e4, dtype=np.float32)


def _fibre_direction(rng: np.random.Generator, tumour: F32, cell: float) -> tuple[F32, F32]:
    """Fibres follow the nests close to them and their own slow waves elsewhere; cos and sin of twice the angle."""
    import cv2

    near = smoothstep(-160, -10, tumour)
    wave = rng.uniform(0, np.pi) + 0.75 * smooth_noise(rng, tumour.shape, 260 / cell)
    wave += 0.30 * smooth_noise(rng, tumour.shape, 55 / cell) + 0.16 * smooth_noise(rng, tumour.shape, 14 / cell)
    gy, gx = np.gradient(cv2.GaussianBlur(np.clip(tumour, -190, 60), (0, 0), 14 / cell))
    tangent = np.arctan2(gy, gx) + np.pi / 2 + 0.25 * smooth_noise(rng, tumour.shape, 25 / cell)
    cos2 = near * np.cos(2 * tangent) + (1 - near) * np.cos(2 * wave)
    sin2 = near * np.sin(2 * tangent) + (1 - near) * np.sin(2 * wave)
    return cos2.astype(np.float32), sin2.astype(np.float32)


def _vessels(spec: SlideSpec, stroma: Mask, room: F32, along: tuple[F32, F32], cell: float) -> F64:
    """Ellipses of vessel lumens with room around them: x, y, half axes, angle."""
    rng = spec.rng("vessels")
    rows, cols = np.nonzero(stroma & (room > 14))
    count = rng.poisson(len(rows) * cell * cell * 22e-6)
    if not len(rows) or not count:
        return np.zeros((0, 5))
    pick = rng.integers(0, len(rows), count)
    short = np.minimum(np.exp(rng.normal(1.75, 0.65, count)), room[rows[pick], cols[pick]] - 8)
    long = short * rng.uniform(1.1, 3.2, count)
    angle = 0.5 * np.arctan2(along[1][rows[pick], cols[pick]], along[0][rows[pick], cols[pick]])
    angle += rng.normal(0, 0.25, count)
    table = np.stack([(cols[pick] + 0.5) * cell, (rows[pick] + 0.5) * cell, long, short, angle], axis=1)
    kept: list[int] = []
    for i in np.argsort(-table[:, 2]):
        gap = np.hypot(*(table[kept, :2] - table[i, :2]).T) - table[kept, 2] - table[i, 2]
        if short[i] > 2.5 and (gap > 25).all():
            kept.append(int(i))
    return np.asarray(table[kept], dtype=np.float64)


def _pearls(spec: SlideSpec, style: Style, tumour: F32, cell: float) -> F64:
    """Keratin pearls deep in squamous nests: x, y, radius."""
    rng = spec.rng("pearls")
    rows, cols = np.nonzero(tumour > 38)
    count = rng.poisson(style.keratin * len(rows) * cell * cell * 18e-6)
    if not len(rows) or not count:
        return np.zeros((0, 3))
    pick = rng.integers(0, len(rows), count)
    radius = np.minimum(tumour[rows[pick], cols[pick]] * 0.7, rng.uniform(14, 48, count))
    table = np.stack([(cols[pick] + 0.5) * cell, (rows[pick] + 0.5) * cell, radius], axis=1)
    kept: list[int] = []
    for i in np.argsort(-radius):
        gap = np.hypot(*(table[kept, :2] - table[i, :2]).T) - table[kept, 2] - radius[i]
        if (gap > 10).all():
            kept.append(int(i))
    return np.asarray(table[kept], dtype=np.float64)
