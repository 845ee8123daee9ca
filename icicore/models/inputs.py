"""What every model takes and gives: one case, a padded batch, one output type.

Absent is ``None`` in a case and ``present == False`` in a batch; the content of an absent modality, of a padded
tile and of an unmeasured gene never reaches a model, not even when it is NaN.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from icicore.domain import CLINICAL, GENOMICS, HISTOLOGY, MODALITIES
from icicore.errors import InputError


@dataclass(frozen=True, eq=False)
class CaseInputs:
    """One case, scaled and ready for a model; ``None`` means that the modality is absent.

    Attributes
    ----------
    case_id : pseudonymous identifier
    tiles : float (n, dim), tile embeddings of all slides of the case
    readable : share of these tiles that show living tissue, see ``tile_classes.readable_share``; a property of the
        slides, which stays the same where an explanation leaves some tiles out
    gene_values, gene_measured : float (T,) scaled token values and bool (T,), order of the panel's tokens
    clinical_values, clinical_measured : float (4,) and bool (4,), order of ``icicore.clinical.features.NAMES``
    """

    case_id: str
    tiles: Tensor | None = None
    gene_values: Tensor | None = None
    gene_measured: Tensor | None = None
    clinical_values: Tensor | None = None
    clinical_measured: Tensor | None = None
    readable: float = 1.0

    @property
    def present(self) -> Tensor:
        """Bool (3,), order of ``MODALITIES``. A modality of which nothing was measured is absent."""
        histology = self.tiles is not None and len(self.tiles) > 0
        return torch.tensor([histology, _any(self.gene_measured), _any(self.clinical_measured)])

    def without(self, *modalities: str) -> "CaseInputs":
        """Return the same case with these modalities absent."""
        unknown = set(modalities) - set(MODALITIES)
        if unknown:
            raise InputError(
                "modality",
                f"{sorted(unknown)[0]!r} is not a modality",
                expected=", ".join(MODALITIES),
                remedy="correct it",
            )
        case = self
        if HISTOLOGY in modalities:
            case = replace(case, tiles=None, readable=1.0)
        if GENOMICS in modalities:
            case = replace(case, gene_values=None, gene_measured=None)
        if CLINICAL in modalities:
            case = replace(case, clinical_values=None, clinical_measured=None)
        return case


@dataclass(frozen=True, eq=False)
class Batch:
    """Cases padded to one size.

    Attributes
    ----------
    tiles, tile_mask : float (B, N, dim) and bool (B, N); N >= 1; dim 0 when no case of the batch has tiles
    gene_values, gene_measured : float and bool (B, T); T 0 when no case has genes
    clinical_values, clinical_measured : float and bool (B, C); C 0 when no case has clinical values
    present : bool (B, 3), order of ``MODALITIES``
    readable : float (B,), see ``CaseInputs``
    """

    tiles: Tensor
    tile_mask: Tensor
    gene_values: Tensor
    gene_measured: Tensor
    clinical_values: Tensor
    clinical_measured: Tensor
    present: Tensor
    readable: Tensor

    def __len__(self) -> int:
        return len(self.present)

    def to(self, device: torch.device | str) -> "Batch":
        """Return the batch on another device; what lies in pinned memory is copied while other work goes on."""
        return Batch(**{f.name: getattr(self, f.name).to(device, non_blocking=True) for f in fields(self)})

    def pinned(self) -> "Batch":
        """Return the batch in memory that a GPU can read by itself."""
        return Batch(**{f.name: getattr(self, f.name).pin_memory() for f in fields(self)})


@dataclass(frozen=True, eq=False)
class ModelOutput:
    """What every model variant returns. Order of modalities: ``MODALITIES``.

    Attributes
    ----------
    logit : (B,) before calibration
    tile_attention : (B, N), exactly 0 on padding, sums to 1 where histology is present
    gene_attention : (B, T), exactly 0 on unmeasured genes, sums to 1 where genomics is present
    modality_weights : (B, 3), exactly 0 where absent, sums to 1 over those present
    arm_logits : (B, 3), what each modality says alone (auxiliary heads); 0 where absent
    slide_embedding : (B, d), the attention-weighted sum of tile vectors
    """

    logit: Tensor
    tile_attention: Tensor
    gene_attention: Tensor
    modality_weights: Tensor
    arm_logits: Tensor
    slide_embedding: Tensor


def collate(cases: Sequence[CaseInputs]) -> Batch:
    """Pad cases to one batch; absent modalities become zeros that are marked absent."""
    gene_values, gene_measured = _stack([c.gene_values for c in cases], [c.gene_measured for c in cases])
    clinical_values, clinical_measured = _stack(
        [c.clinical_values for c in cases], [c.clinical_measured for c in cases]
    )
    tiles, tile_mask = _pad([c.tiles for c in cases])
    return Batch(
        tiles=tiles,
        tile_mask=tile_mask,
        gene_values=gene_values,
        gene_measured=gene_measured,
        clinical_values=clinical_values,
        clinical_measured=clinical_measured,
        present=torch.stack([c.present for c in cases]),
        readable=torch.tensor([c.readable for c in cases], dtype=torch.float32),
    )


def _any(measured: Tensor | None) -> bool:
    return measured is not None and bool(measured.any())


def _pad(bags: Sequence[Tensor | None]) -> tuple[Tensor, Tensor]:
    longest = max((len(b) for b in bags if b is not None), default=0)
    dim = next((b.shape[1] for b in bags if b is not None), 0)
    tiles = torch.zeros(len(bags), max(longest, 1), dim)
    mask = torch.zeros(len(bags), max(longest, 1), dtype=torch.bool)
    for row, bag in enumerate(bags):
        if bag is not None:
            tiles[row, : len(bag)] = bag
            mask[row, : len(bag)] = True
    return tiles, mask


def _stack(values: Sequence[Tensor | None], measured: Sequence[Tensor | None]) -> tuple[Tensor, Tensor]:
    width = next((len(v) for v in values if v is not None), 0)
    x, mask = torch.zeros(len(values), width), torch.zeros(len(values), width, dtype=torch.bool)
    for row, (v, m) in enumerate(zip(values, measured, strict=True)):
        if v is not None and m is not None:
            x[row], mask[row] = v, m
    return x, mask
