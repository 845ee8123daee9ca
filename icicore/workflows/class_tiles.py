"""Virtual tiles of known class for fitting the tile-class head: painted one by one, varied in look, embedded, kept.

A whole slide shows mostly tumour and stroma; here about as many tiles of each class are painted, from slides of their
own seeds, so that the tile bank stays unseen and can measure the head.
"""

import dataclasses
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from icicore.fingerprint import fingerprint, write_bytes
from icicore.models.tile_classes import TILE_CLASSES
from icicore.simulate.artefacts import plan_artefacts
from icicore.simulate.cells import Cells, Kind, place_cells
from icicore.simulate.matrix import Scene
from icicore.simulate.noise import sample, smooth_noise
from icicore.simulate.nuclei import open_bank
from icicore.simulate.render import Painter
from icicore.simulate.spec import ARTEFACTS, CLASSES, N_SITES, PHENOTYPES, TILE_UM, TUMOUR_TYPES, SlideSpec
from icicore.simulate.stains import slide_stain
from icicore.simulate.tissue import Architecture, build_architecture
from icicore.simulate.truth import SlideTruth
from icicore.slides.stain import fit_stain, normalise
from icicore.types import F16, F32, I32, Progress, RgbTiles
from icicore.workflows.pool import run_missing
from icicore.workflows.tile_variation import blank_tiles, inked, vary_look

VERSION = 1
"""Raise this when painting, variation or embedding of these tiles changes."""
SIDE = 256
LOOKS = 4
"""Embeddings per tile: the plain look first, then varied ones."""
_QUOTA = {"lymphocytes": 9, "tumour": 9, "stroma": 9, "necrosis": 7, "fat": 7, "background": 4, "artefact": 7}
"""At most this many painted tiles per class and slide."""
_BLANK, _INKED = 3, 4
_EDGE = (0.02, 0.3)
"""Tissue share of tiles at the border that count as background, as in the truth."""
_WHAT = "painting tiles of known class"

_TO_HEAD = {"margin_lymphocytes": "lymphocytes", "blood": "necrosis"}
CLASS_OF_TRUTH = np.array([TILE_CLASSES.index(_TO_HEAD.get(name, name)) for name in CLASSES], dtype=np.int8)
"""Head class for each class of the truth: lymphocytes are one class wherever they lie, bleeding counts as necrosis."""


@dataclass(frozen=True, eq=False)
class LabelledTiles:
    """Embeddings with their truth, one row per tile.

    Attributes
    ----------
    embeddings : float16 (looks, n, dim)
    label : int8 (n,), index into ``TILE_CLASSES``
    density : float32 (n,) lymphocytes per mm2, NaN where it means nothing (no tissue, artefact)
    share : float32 (n,) tumour / (tumour + stroma), NaN where there is neither
    slide : int32 (n,)
    """

    embeddings: F16
    label: npt.NDArray[np.int8]
    density: F32
    share: F32
    slide: I32

    @classmethod
    def join(cls, parts: Sequence["LabelledTiles"]) -> "LabelledTiles":
        """Stack tables; slides are numbered in order."""
        joined = {
            f.name: np.concatenate([getattr(p, f.name) for p in parts], axis=1 if f.name == "embeddings" else 0)
            for f in dataclasses.fields(cls)
        }
        number = np.repeat(np.arange(len(parts), dtype=np.int32), [len(p.label) for p in parts])
        return cls(**(joined | {"slide": number}))

    def where(self, keep: npt.NDArray[np.bool_]) -> "LabelledTiles":
        """Return some rows."""
        return LabelledTiles(
            self.embeddings[:, keep], self.label[keep], self.density[keep], self.share[keep], self.slide[keep]
        )


@dataclass(frozen=True)
class TilePlace:
    """Where labelled tiles are kept and how they are embedded; ``encoder_id`` belongs to ``backbone``."""

    folder: Path
    backbone: str
    encoder_id: str
    weights_dir: Path | None

    def path(self, spec: SlideSpec) -> Path:
        """File of one slide's tiles."""
        return self.folder / f"{fingerprint('class tiles', VERSION, spec, self.encoder_id, LOOKS)}.npz"


def class_specs(n_slides: int, seed: int) -> list[SlideSpec]:
    """Slides as different as the simulator can make them; the pixel size errs as that of real slides does."""
    rng = np.random.default_rng([seed, *b"class tiles"])
    return [_class_spec(rng, i) for i in range(n_slides)]


def _class_spec(rng: np.random.Generator, i: int) -> SlideSpec:
    kind = int(rng.integers(3))  # mostly host tissue (only far from the tumour is there fat), necrotic, or neither
    return SlideSpec(
        seed=int(rng.integers(0, 2**31)),
        tumour_type=TUMOUR_TYPES[i % 2],
        phenotype=str(rng.choice(PHENOTYPES)),
        til_density=round(float(np.exp(rng.uniform(np.log(60), np.log(5000)))), 1),
        tumour_fraction=round(float(rng.uniform(*((0.08, 0.2) if kind == 0 else (0.15, 0.85)))), 4),
        necrosis=round(float(rng.uniform(*((0.2, 0.55) if kind == 1 else (0.02, 0.12)))), 4),
        site=i // 2 % N_SITES,
        artefacts=tuple(sorted(rng.choice(ARTEFACTS, int(rng.integers(0, 3)), replace=False).tolist())),
        size_um=(float(np.round(rng.uniform(1900, 2500))), float(np.round(rng.uniform(1600, 2100)))),
        mpp=round(float(rng.uniform(0.4, 0.62)), 3),
    )


def class_tiles(place: TilePlace, specs: Sequence[SlideSpec], *, progress: Progress) -> LabelledTiles:
    """Labelled tiles of all slides in order; each slide is kept once done, so an interrupted run continues."""
    missing = [s for s in specs if not place.path(s).exists()]
    run_missing(partial(_make, place), missing, total=len(specs), progress=progress, what=_WHAT)
    return LabelledTiles.join([_load(place.path(s)) for s in specs])


def _load(path: Path) -> LabelledTiles:
    with np.load(path, allow_pickle=False) as data:
        return LabelledTiles(**{f.name: data[f.name] for f in dataclasses.fields(LabelledTiles)})


def _make(place: TilePlace, spec: SlideSpec) -> None:
    """Paint, vary and embed the tiles of one slide in a process of its own; the pictures are not kept."""
    import torch

    from icicore.embeddings.backbones import load_backbone
    from icicore.embeddings.embed import encode_in_batches
    from icicore.embeddings.precision import precision_of

    torch.set_num_threads(1)
    encoder = load_backbone(place.backbone, weights_dir=place.weights_dir, precision=precision_of(place.encoder_id))
    tiles, labels = paint_tiles(spec)
    rng = spec.rng("looks")
    looks = [tiles, *(vary_look(tiles, rng) for _ in range(LOOKS - 1))]
    embeddings = np.stack([encode_in_batches(encoder, look) for look in looks]).astype(np.float16)
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {"embeddings": embeddings, "slide": np.zeros(len(tiles), np.int32), **labels}
    np.savez(buffer, **arrays)
    write_bytes(place.path(spec), buffer.getvalue())


def paint_tiles(spec: SlideSpec) -> tuple[RgbTiles, dict[str, np.ndarray]]:
    """Stain-normalised tiles of one slide, all classes about equally often, and their label, density and share."""
    rng = spec.rng("class tiles")
    painter = _prepare(spec, rng)
    truth = painter.truth()
    places, label = _choose(truth, rng)
    raw = np.stack([_paint(painter, row, col) for row, col in places])
    density = truth.lymphocytes_per_mm2[places[:, 0], places[:, 1]].astype(np.float32)
    part = truth.fractions[places[:, 0], places[:, 1]]
    both = part[:, 0] + part[:, 1]
    share = np.where(both > 0.1, part[:, 0] / np.maximum(both, 1e-6), np.nan).astype(np.float32)
    # Ink needs something to lie on; glass needs nothing.
    under = rng.choice(len(raw), _INKED)
    raw = np.concatenate([raw, blank_tiles(rng, _BLANK, side=SIDE), inked(raw[under], rng)])
    extra = [TILE_CLASSES.index("background")] * _BLANK + [TILE_CLASSES.index("artefact")] * _INKED
    label = np.append(label, extra).astype(np.int8)
    unknown = np.full(len(extra), np.nan, np.float32)
    density, share = np.append(density, unknown), np.append(share, unknown)
    blind = np.isin(label, [TILE_CLASSES.index(name) for name in ("background", "artefact")])
    density[blind], share[blind] = np.nan, np.nan
    tissue = raw[~blind][:, ::4, ::4].reshape(-1, 3)
    return normalise(raw, fit_stain(tissue)), {"label": label, "density": density, "share": share}


def _prepare(spec: SlideSpec, rng: np.random.Generator) -> Painter:
    """Lay out a slide; half of them also get sheets of packed lymphocytes, as lymph nodes and large follicles have."""
    arch = build_architecture(spec)
    cells = place_cells(spec, arch)
    if rng.random() < 0.5:
        cells = _with_sheets(cells, spec, arch, rng)
    return Painter(
        Scene.arrange(spec, arch, cells),
        open_bank(spec, arch.style),
        slide_stain(spec),
        plan_artefacts(spec, arch.tissue, arch.cell_um),
    )


def _with_sheets(cells: Cells, spec: SlideSpec, arch: Architecture, rng: np.random.Generator) -> Cells:
    """Fill a fifth of the living stroma with packed lymphocytes."""
    free = (arch.tissue > 5) & (arch.tumour < -10) & (arch.necrosis < -10) & (arch.fat < -5)
    mood = smooth_noise(rng, free.shape, 110 / arch.cell_um)
    if not free.any():
        return cells
    sheet = np.asarray(free & (mood > np.quantile(mood[free], 0.8)), np.float32)
    spacing = rng.uniform(6.4, 9.0)
    width, height = spec.size_um
    j, i = np.mgrid[0 : int(height / spacing / 0.866), 0 : int(width / spacing)]
    x = ((i + 0.5 * (j % 2)) * spacing + rng.normal(0, 0.22 * spacing, i.shape)).ravel().clip(0, width - 0.01)
    y = (j * spacing * 0.866 + rng.normal(0, 0.22 * spacing, i.shape)).ravel().clip(0, height - 0.01)
    keep = (sample(sheet, x, y, arch.cell_um) > 0.5) & (rng.random(len(x)) < rng.uniform(0.75, 1.0))
    x, y, n = x[keep], y[keep], int(keep.sum())
    kind = np.where(rng.random(n) < 0.06, Kind.PLASMA, Kind.LYMPHOCYTE).astype(np.int8)
    packed = Cells(x, y, kind, *(np.asarray(v, np.float32) for v in
                   (rng.uniform(0, np.pi, n), np.exp(rng.normal(0, 0.16, n)), rng.random(n))))  # fmt: skip
    outside = sample(sheet, cells.x, cells.y, arch.cell_um) < 0.5
    return Cells.join([cells.where(np.asarray(outside)), packed])


def _choose(truth: SlideTruth, rng: np.random.Generator) -> tuple[I32, npt.NDArray[np.int8]]:
    """Places (n, 2) row, col and labels (n,), at most the quota of each class."""
    tissue = truth.fractions[..., :-1].sum(axis=-1)
    label = np.where(truth.tile_class >= 0, CLASS_OF_TRUTH[truth.tile_class], -1)
    label[(truth.tile_class < 0) & (tissue > _EDGE[0]) & (tissue < _EDGE[1])] = TILE_CLASSES.index("background")
    rows, cols = truth.tile_class.shape
    label[rows - 1], label[:, cols - 1] = -1, -1  # cut off by the border of the slide
    chosen = []
    for number, name in enumerate(TILE_CLASSES):
        found = np.argwhere(label == number)
        chosen.append(found[rng.permutation(len(found))[: _QUOTA[name]]])
    places = np.concatenate(chosen).astype(np.int32)
    return places, label[places[:, 0], places[:, 1]].astype(np.int8)


def _paint(painter: Painter, row: int, col: int) -> npt.NDArray[np.uint8]:
    """256 px around the centre of a truth tile, whatever the pixel size of the slide."""
    mpp = painter.scene.spec.mpp
    x0, y0 = ((at + 0.5) * TILE_UM / mpp - SIDE / 2 for at in (col, row))
    return painter.paint(max(0, round(x0)), max(0, round(y0)), SIDE, SIDE)
