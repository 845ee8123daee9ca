"""Compose the bag of a patient from a bank of tiles that were rendered and embedded once.

The patient's own slide is laid out cell by cell from its spec, as rendering does, but never painted: that gives the
truth of every tile at its place. Each tile is then replaced by a bank tile that looks the same: same site (stain),
tumour type and class, and nearest in what the tile contains. Class mix, lymphocyte densities and their places are
therefore those of the slide that rendering the spec would give.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from icicore.simulate.artefacts import plan_artefacts
from icicore.simulate.cells import Cells, Kind, lymphocyte_field
from icicore.simulate.patients import VirtualPatient
from icicore.simulate.spec import CLASSES, SlideSpec
from icicore.simulate.tissue import Architecture, build_architecture
from icicore.simulate.truth import SlideTruth, count_truth
from icicore.types import F32, F64, I32, Mask

MIN_TISSUE = 0.5
"""Share of a tile that must be tissue to be in a bag, as in tiling."""
N_DONORS = 4
"""Slides of the same site and tumour type that are preferred as the source of a patient's tiles."""
N_NEAREST = 6
"""The tile is drawn among this many nearest ones."""

_STRANGER_COST = 0.6
_OTHER_TYPE_COST = 3.0
_OTHER_CLASS_COST = 8.0
_OTHER_SITE_COST = 40.0
_N_COMPARTMENTS = 5
"""Tumour, stroma, necrosis, fat and blood lead ``SlideTruth.fractions``; artefact comes last and covers them."""


@dataclass(frozen=True)
class TileBank:
    """Tiles of rendered slides, in the order of their embeddings.

    Parameters
    ----------
    specs : request of each slide, in order
    slide : (n,) index into ``specs``
    tile_class : (n,) index into CLASSES
    content : (n, d) what the tile holds, as compared between tiles (see ``tile_content``)
    kept : (len(CLASSES),) share of the truth tiles of each class that tissue detection kept on the bank slides
    """

    specs: tuple[SlideSpec, ...]
    slide: I32
    tile_class: npt.NDArray[np.int8]
    content: F32
    kept: F64
    site: I32 = field(init=False)
    tumour_type: npt.NDArray[np.str_] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "site", np.array([s.site for s in self.specs], dtype=np.int32)[self.slide])
        object.__setattr__(self, "tumour_type", np.array([s.tumour_type for s in self.specs])[self.slide])

    def __len__(self) -> int:
        return len(self.slide)

    @classmethod
    def from_slides(cls, truths: Sequence[SlideTruth], indices: Sequence[I32]) -> "TileBank":
        """Build the bank from the truth of each slide and the (n_i, 2) row, col of its embedded tiles.

        Bank tile k is row k of the concatenated embeddings of the slides in this order. Tiles outside the truth grid
        or without tissue in the truth count as the nearest thing they hold: class ``stroma``.
        """
        slide, classes, content = [], [], []
        seen, kept = np.zeros(len(CLASSES)), np.zeros(len(CLASSES))
        for k, (truth, index) in enumerate(zip(truths, indices, strict=True)):
            row = np.minimum(index[:, 0], truth.tile_class.shape[0] - 1)
            col = np.minimum(index[:, 1], truth.tile_class.shape[1] - 1)
            label = truth.tile_class[row, col]
            slide.append(np.full(len(index), k, dtype=np.int32))
            classes.append(np.where(label < 0, CLASSES.index("stroma"), label).astype(np.int8))
            content.append(tile_content(truth)[row, col])
            seen += np.bincount(truth.tile_class[_in_bag(truth)], minlength=len(CLASSES))
            kept += np.bincount(label[(label >= 0) & _in_bag(truth)[row, col]], minlength=len(CLASSES))
        share = np.divide(kept, seen, out=np.ones(len(CLASSES)), where=seen > 0)
        return cls(
            specs=tuple(truth.spec for truth in truths),
            slide=np.concatenate(slide),
            tile_class=np.concatenate(classes),
            content=np.concatenate(content),
            kept=np.minimum(share, 1.0),
        )


@dataclass(frozen=True)
class ComposedBag:
    """Tiles of one patient: ``tiles`` (n,) index the bank; ``index`` (n, 2) row, col on a grid of ``shape``.

    ``tile_class`` (n,) and ``density`` (n,) lymphocytes/mm2 are those of the patient's own layout: truth, which goes
    to the truth folder and never into the bag.
    """

    tiles: npt.NDArray[np.int64]
    index: I32
    shape: tuple[int, int]
    tile_class: npt.NDArray[np.int8]
    density: F32


def plan_layout(spec: SlideSpec) -> SlideTruth:
    """Lay a slide out without painting it: the truth that ``render_slide`` would return, much faster.

    Architecture, artefacts and the lymphocyte field are those of the rendered slide. Lymphocytes are drawn from the
    field anew, so counts differ by chance; cells that do not enter the truth are not placed.
    """
    architecture = build_architecture(spec)
    artefacts = plan_artefacts(spec, architecture.tissue, architecture.cell_um)
    return count_truth(spec, architecture, _lymphocytes(spec, architecture), artefacts)


def _lymphocytes(spec: SlideSpec, architecture: Architecture) -> Cells:
    """Draw lymphocytes as a Poisson process whose intensity is the slide's lymphocyte field."""
    rng, side = spec.rng("layout"), architecture.cell_um
    counts = rng.poisson(lymphocyte_field(spec, architecture) * (side / 1000.0) ** 2)
    row, col = (np.repeat(at, counts[counts > 0]) for at in np.nonzero(counts))
    n = len(row)
    shake = rng.random((2, n))
    x = np.minimum((col + shake[0]) * side, spec.size_um[0] - 1e-3)
    y = np.minimum((row + shake[1]) * side, spec.size_um[1] - 1e-3)
    unused = np.zeros(n, dtype=np.float32)
    return Cells(x, y, np.full(n, Kind.LYMPHOCYTE, dtype=np.int8), unused, unused, unused)


def tile_content(truth: SlideTruth) -> F32:
    """What each tile holds, (rows, cols, 8), on scales on which a difference of 1 is plain to the eye.

    Share of tumour, stroma, necrosis, fat, blood and artefact, tissue share, and log lymphocyte density.
    """
    tissue = truth.fractions[..., :_N_COMPARTMENTS].sum(axis=-1, keepdims=True)
    shares = truth.fractions / np.maximum(tissue, 0.05)
    density = np.log1p(truth.lymphocytes_per_mm2 / 150.0)[..., None]
    parts = [2.0 * shares[..., :_N_COMPARTMENTS], 2.0 * truth.fractions[..., _N_COMPARTMENTS:], tissue, density]
    return np.concatenate(parts, axis=-1).astype(np.float32)


def compose_bag(
    patient: VirtualPatient, bank: TileBank, rng: np.random.Generator, *, n_tiles: int | None = None
) -> ComposedBag | None:
    """Compose the bag of a patient, None when histology is missing.

    Parameters
    ----------
    patient : its ``slide_spec`` decides everything
    bank : tiles to draw from
    rng : decides which of the nearest tiles is taken
    n_tiles : at most this many tiles, a random subset of the slide's; None for all of them
    """
    if patient.slide_spec is None:
        return None
    return compose_layout(plan_layout(patient.slide_spec), bank, rng, n_tiles=n_tiles)


def compose_layout(
    truth: SlideTruth, bank: TileBank, rng: np.random.Generator, *, n_tiles: int | None = None
) -> ComposedBag:
    """Compose a bag for a slide that was laid out."""
    places = np.argwhere(_in_bag(truth))
    label = truth.tile_class[places[:, 0], places[:, 1]]
    places = places[rng.random(len(places)) < bank.kept[label]]
    if n_tiles is not None and len(places) > n_tiles:
        places = places[np.sort(rng.choice(len(places), n_tiles, replace=False))]
    row, col = places[:, 0], places[:, 1]
    label = truth.tile_class[row, col]
    wanted = tile_content(truth)[row, col]
    tiles = np.empty(len(places), dtype=np.int64)
    offset = _slide_cost(truth.spec, bank)
    for one in np.unique(label):
        rows = np.flatnonzero(label == one)
        tiles[rows] = _nearest(wanted[rows], bank, offset + _OTHER_CLASS_COST * (bank.tile_class != one), rng)
    density = truth.lymphocytes_per_mm2[row, col].astype(np.float32)
    return ComposedBag(tiles, places.astype(np.int32), truth.tile_class.shape, label, density)


def _in_bag(truth: SlideTruth) -> Mask:
    tissue = truth.fractions[..., :_N_COMPARTMENTS].sum(axis=-1)
    return np.asarray((truth.tile_class >= 0) & (tissue >= MIN_TISSUE))


def _slide_cost(spec: SlideSpec, bank: TileBank) -> F64:
    """Reluctance (n,) to take each bank tile, by the slide it comes from.

    Another stain is worst, then another tumour type; among the rest a few donors, whose spec is nearest, are
    preferred, so that the tiles of a bag share a look as those of one slide do.
    """
    other_site = np.array([s.site != spec.site for s in bank.specs])
    other_type = np.array([s.tumour_type != spec.tumour_type for s in bank.specs])
    cost = _OTHER_SITE_COST * other_site + _OTHER_TYPE_COST * other_type
    distance = cost + np.array([_spec_distance(spec, other) for other in bank.specs])
    donor = np.zeros(len(bank.specs), dtype=bool)
    donor[np.argsort(distance, kind="stable")[:N_DONORS]] = True
    cost = cost + _STRANGER_COST * ~donor
    return np.asarray(cost[bank.slide], dtype=np.float64)


def _spec_distance(a: SlideSpec, b: SlideSpec) -> float:
    distance = abs(np.log((a.til_density + 50) / (b.til_density + 50)))
    distance += 1.0 * (a.phenotype != b.phenotype) + 2.0 * abs(a.tumour_fraction - b.tumour_fraction)
    return float(distance + 2.0 * abs(a.necrosis - b.necrosis) + 0.5 * len(set(a.artefacts) ^ set(b.artefacts)))


def _nearest(wanted: F32, bank: TileBank, offset: F64, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draw for each wanted content (m, d) one of the N_NEAREST bank tiles under distance + offset."""
    count = min(N_NEAREST, len(offset))
    pool = np.flatnonzero(offset <= np.partition(offset, count - 1)[count - 1] + _OTHER_TYPE_COST)
    content = bank.content[pool]
    square = (wanted**2).sum(axis=1)[:, None] + (content**2).sum(axis=1)[None, :] - 2.0 * wanted @ content.T
    cost = np.sqrt(np.maximum(square, 0.0)) + offset[pool][None, :]
    nearest = np.argpartition(cost, count - 1, axis=1)[:, :count]
    pick = rng.integers(0, nearest.shape[1], len(wanted))
    return np.asarray(pool[nearest[np.arange(len(wanted)), pick]], dtype=np.int64)
