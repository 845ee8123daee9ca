"""A study in memory, and batches of it: the same ``CaseInputs`` and ``collate`` that prediction uses."""

import hashlib
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from icicore.clinical.features import ClinicalScaler
from icicore.domain import ClinicalValues
from icicore.genomics.features import TokenScaler
from icicore.models.inputs import Batch, CaseInputs, collate
from icicore.models.multimodal import ModelConfig
from icicore.models.pathways import GeneSets
from icicore.models.tile_classes import fits_scale, load_tile_head, readable_share
from icicore.training.balance import BalancedRows
from icicore.training.gene_sets import gene_sets
from icicore.training.grades import UNKNOWN, reached
from icicore.types import F16, F32, F64, I8, I32, Json, Mask

PADDED, PADDED_TILES = 2, 4096
"""A batch of whole bags may hold twice its tiles and 4,096 more; so bags of some hundred tiles go together."""


@dataclass(frozen=True, eq=False)
class StudyData:
    """Labelled patients of a study, unscaled.

    Attributes
    ----------
    name, virtual : of the study
    patients, tumour_types, sites : per patient (N)
    responder : bool (N,)
    tiles : float16 (n_tiles, dim), all bags one after the other
    tile_index : int32 (n_tiles, 2), row and column of each tile in the grid of its slide
    offsets : int64 (N + 1,), patient i owns rows offsets[i]:offsets[i+1]; an empty range means no slide
    gene_values, gene_measured : float32 and bool (N, T), raw token values
    clinical : per patient, None where absent
    backbone, backbone_digest, grid, stain : how the bags were made
    panel : name and version; tokens, token_kinds, token_pathways, token_signatures : per gene token (T)
    endpoint : what a responder is, where it is not objective response
    routine : values that only comparison scores read (albumin, NLR, ...), float64 (N,) each, NaN where unknown
    notes : one line for each thing that was left out or could not be used
    slide_digests : SHA-256 of the slides of each patient, or empty where nobody knows; for the leakage check
    pooled : names of the studies that this one was put together from; empty for a study of its own
    grades : int8 (N,) 0 PD, 1 SD, 2 PR, 3 CR, -1 where the study states the label alone; None: of nobody known
    """

    name: str
    virtual: bool
    patients: tuple[str, ...]
    tumour_types: tuple[str, ...]
    sites: tuple[str, ...]
    responder: Mask
    tiles: F16
    tile_index: I32
    offsets: np.ndarray[tuple[int], np.dtype[np.int64]]
    gene_values: F32
    gene_measured: Mask
    clinical: tuple[ClinicalValues | None, ...]
    panel: str
    tokens: tuple[str, ...]
    token_kinds: tuple[str, ...]
    token_pathways: tuple[tuple[str, ...], ...] = ()
    token_signatures: tuple[tuple[str, ...], ...] = ()
    backbone: str = ""
    backbone_digest: str = ""
    grid: Json = field(default_factory=dict)
    stain: Json = field(default_factory=dict)
    endpoint: str = ""
    routine: Mapping[str, F64] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    slide_digests: tuple[tuple[str, ...], ...] = ()
    grades: I8 | None = None
    pooled: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.patients)

    @property
    def cohorts(self) -> I32:
        """Number (N,) of the pooled study that each patient is of, which ``sites`` names; 0 in a study of its own."""
        return np.array([self.pooled.index(site) if self.pooled else 0 for site in self.sites], np.int32)

    @property
    def strata(self) -> list[str]:
        """Tumour type and response of each patient."""
        return [f"{t}/{'R' if r else 'N'}" for t, r in zip(self.tumour_types, self.responder, strict=True)]

    def gene_sets(self, *, signatures: bool = True) -> GeneSets:
        """Gene sets of the tokens; see ``gene_sets``."""
        published = self.token_signatures if signatures else ()
        return gene_sets(self.token_kinds, self.token_pathways, published, self.gene_measured)

    def digest(self) -> str:
        """SHA-256 over everything a model can learn from."""
        total = hashlib.sha256()
        arrays = (self.responder, self.tiles, self.tile_index, self.offsets, self.gene_values, self.gene_measured)
        for array in (*arrays, *(() if self.grades is None else (self.grades,))):
            total.update(np.ascontiguousarray(array).data)
        total.update(
            repr(
                (
                    self.patients,
                    self.tumour_types,
                    self.clinical,
                    self.tokens,
                    self.token_pathways,
                    self.token_signatures,
                    self.backbone,
                    *((self.sites,) if self.pooled else ()),
                )
            ).encode()
        )
        return total.hexdigest()


_READABLE: "weakref.WeakKeyDictionary[StudyData, F64]" = weakref.WeakKeyDictionary()


def readable_shares(study: StudyData) -> F64:
    """Share (N,) of each patient's tiles that show living tissue; 1 without slides, or without a head that tells.

    Found once per study: every model of a comparison asks for it.
    """
    if study not in _READABLE:
        head = load_tile_head(f"{study.backbone}@{study.backbone_digest}") if study.backbone else None
        shares = np.ones(len(study))
        if head is not None and (not study.grid or fits_scale(study.grid["tile_px"], study.grid["mpp"])):
            for i, (start, stop) in enumerate(pairwise(study.offsets)):
                shares[i] = readable_share(head(study.tiles[start:stop]).tile_class) if stop > start else 1.0
        _READABLE[study] = shares
    return _READABLE[study]


@dataclass(frozen=True)
class Scalers:
    """Token and clinical statistics, fitted on training patients only."""

    tokens: TokenScaler
    clinical: ClinicalScaler

    @classmethod
    def fit(cls, study: StudyData, rows: I32) -> "Scalers":
        """Fit on these rows."""
        binary = study.token_kinds.count("mutation")
        tokens = TokenScaler.fit(study.gene_values[rows], study.gene_measured[rows], n_binary=binary)
        known = [c for c in (study.clinical[i] for i in rows) if c is not None]
        return cls(tokens, ClinicalScaler.fit(known))


class ScaledStudy:
    """Scaled ``CaseInputs`` of every patient; tiles stay views of the one float16 matrix."""

    def __init__(self, study: StudyData, scalers: Scalers) -> None:
        self.study, self.labels = study, study.responder
        self.tile_dim = study.tiles.shape[1] or ModelConfig.tile_dim  # a study without slides says nothing about it
        self.gene_kinds = tuple(study.token_kinds.count(kind) for kind in dict.fromkeys(study.token_kinds))
        tiles = torch.from_numpy(study.tiles)
        genes, measured = map(torch.from_numpy, scalers.tokens.transform(study.gene_values, study.gene_measured))
        readable = readable_shares(study)
        self.cases = [
            CaseInputs(
                case_id=patient,
                tiles=tiles[study.offsets[i] : study.offsets[i + 1]]
                if study.offsets[i + 1] > study.offsets[i]
                else None,
                gene_values=genes[i] if bool(measured[i].any()) else None,
                gene_measured=measured[i] if bool(measured[i].any()) else None,
                readable=float(readable[i]),
                **_clinical(scalers.clinical, study.clinical[i]),
            )
            for i, patient in enumerate(study.patients)
        ]

    def __len__(self) -> int:
        return len(self.cases)

    def genes(self, rows: I32) -> tuple[Tensor, Tensor]:
        """Scaled gene values and measured mask, both (n, T), of those of the rows that have genes."""
        found = [(c.gene_values, c.gene_measured) for c in (self.cases[i] for i in rows)]
        known = [(v, m) for v, m in found if v is not None and m is not None]
        if not known:
            return torch.zeros(0, sum(self.gene_kinds)), torch.zeros(0, sum(self.gene_kinds), dtype=torch.bool)
        return torch.stack([v for v, _ in known]), torch.stack([m for _, m in known])

    def sample_tiles(self, rows: I32, most: int) -> Tensor:
        """Return at most about ``most`` tile embeddings (n, tile_dim) of these rows, taken at even steps."""
        found = [tiles for tiles in (self.cases[i].tiles for i in rows) if tiles is not None and len(tiles)]
        step = max(1, -(-sum(map(len, found)) // most))
        parts = [tiles[::step].float() for tiles in found]
        return torch.cat(parts) if parts else torch.zeros((0, self.study.tiles.shape[-1]))

    def labels_of(self, rows: I32, *, graded: bool = False) -> Tensor:
        """Labels float (n,), or with ``graded`` the answers (n, 3) of ``grades.reached``."""
        if not graded or self.study.grades is None:
            return torch.from_numpy(self.labels[rows].astype(np.float32))
        return torch.from_numpy(reached(self.study.grades[rows], self.labels[rows]))

    def knows_grades(self, rows: I32) -> bool:
        """Whether the study says of any of these rows more than the label."""
        return self.study.grades is not None and bool((self.study.grades[rows] != UNKNOWN).any())

    def batches(self, rows: Sequence[int] | I32, *, size: int = 16) -> Iterator[Batch]:
        """Whole bags of these rows, in order; for evaluation.

        A batch ends early where more would be padding than tiles: bags of very different length do not go together.
        """
        part: list[CaseInputs] = []
        for i in rows:
            if part and (len(part) == size or _mostly_padding([*part, self.cases[i]])):
                yield collate(part)
                part = []
            part.append(self.cases[i])
        if part:
            yield collate(part)


def _mostly_padding(cases: Sequence[CaseInputs]) -> bool:
    sizes = [0 if case.tiles is None else len(case.tiles) for case in cases]
    return len(sizes) * max(sizes) > PADDED * sum(sizes) + PADDED_TILES


@dataclass(frozen=True, eq=False)
class TrainingBatches(IterableDataset[tuple[Batch, Tensor]]):
    """Endless epochs of shuffled, class-balanced batches with tiles drawn anew for every case.

    Classes are balanced as by ``BalancedRows``, in training only. With ``graded`` a label comes with the grade of the
    response, see ``ScaledStudy.labels_of``.
    """

    study: ScaledStudy
    rows: I32
    batch_size: int
    tiles_per_bag: int
    rng: np.random.Generator
    graded: bool = False

    def __iter__(self) -> Iterator[tuple[Batch, Tensor]]:
        order = self._balanced.draw(self.rng)
        for k in range(len(self)):
            rows = order[k * self.batch_size : (k + 1) * self.batch_size]
            labels = self.study.labels_of(rows, graded=self.graded)
            yield collate([draw_tiles(self.study.cases[i], self.tiles_per_bag, self.rng) for i in rows]), labels

    def __len__(self) -> int:
        return -(-len(self._balanced) // self.batch_size)

    @cached_property
    def _balanced(self) -> BalancedRows:
        return BalancedRows(self.rows, self.study.labels, self.study.study.cohorts)


def draw_tiles(case: CaseInputs, n: int, rng: np.random.Generator) -> CaseInputs:
    """Return the case with at most ``n`` of its tiles, drawn without replacement."""
    return with_tiles(case, chosen_tiles(case, n, rng))


def chosen_tiles(case: CaseInputs, n: int, rng: np.random.Generator) -> Tensor | None:
    """Draw at most ``n`` of a case's tiles without replacement: their numbers, ascending; None for all of them."""
    if case.tiles is None or len(case.tiles) <= n:
        return None
    return torch.from_numpy(np.sort(rng.choice(len(case.tiles), n, replace=False, shuffle=False)))


def with_tiles(case: CaseInputs, chosen: Tensor | None) -> CaseInputs:
    """Return the case with the chosen tiles only; None for all of them."""
    return case if chosen is None or case.tiles is None else replace(case, tiles=case.tiles[chosen])


def _clinical(scaler: ClinicalScaler, values: ClinicalValues | None) -> dict[str, Tensor]:
    if values is None or values.empty:
        return {}
    scaled, known = scaler.transform(values)
    return {"clinical_values": torch.from_numpy(scaled), "clinical_measured": torch.from_numpy(known)}
