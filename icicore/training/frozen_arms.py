"""Training the fusion on arms that stay as they are: every patient is encoded once, so epochs cost next to nothing.

Embeddings take the place of the data they were made of, and stand-ins the place of the encoders; batches, loss, dropout
of modalities and selection of the epoch are those of any other training.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn

from icicore.domain import CLINICAL, GENOMICS, HISTOLOGY, MODALITIES
from icicore.models.attention import block
from icicore.models.inputs import CaseInputs
from icicore.models.multimodal import MultimodalModel
from icicore.training.config import TrainConfig
from icicore.training.dataset import ScaledStudy
from icicore.types import I32


class _Given(nn.Module):
    """Passes on embeddings (B, dim) that come where the values of a modality would come."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, values: Tensor, measured: Tensor) -> Tensor:
        return block(values, measured, self.dim)[0]


class _GivenGenes(_Given):
    """As the gene encoder: with an attention."""

    def forward(self, values: Tensor, measured: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return block(values, measured, self.dim)[0], measured.to(values.dtype)


class _GivenSlide(_Given):
    """As the histology encoder: a slide is a bag of one tile, its embedding."""

    def forward(self, tiles: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # type: ignore[override]
        hidden, _ = block(tiles, mask[..., None].expand_as(tiles), self.dim)
        return hidden[:, 0], mask.to(hidden.dtype), hidden


_STAND_INS = {HISTOLOGY: _GivenSlide, GENOMICS: _GivenGenes, CLINICAL: _Given}


@contextmanager
def encoded_once(network: MultimodalModel, study: ScaledStudy, rows: I32) -> Iterator[ScaledStudy]:
    """Inside the block the network reads embeddings, and the study that is yielded holds those of ``rows``.

    The embeddings are of whole bags and without dropout, as in a prediction. Other patients are empty.
    """
    embedded, encoders = _embedded(network, study, rows), network.encoders
    stand_ins = {arm: _STAND_INS[arm](network.dims[MODALITIES.index(arm)]) for arm in network.arms}
    network.encoders = nn.ModuleDict(stand_ins)
    try:
        yield embedded
    finally:
        network.encoders = encoders


def for_embeddings(config: TrainConfig) -> TrainConfig:
    """Return the recipe of this stage: its own learning rate; gene dropout hides genes, not parts of an embedding."""
    rate = config.learning_rate * config.fusion_rate
    return config.model_copy(update={"gene_dropout": 0.0, "learning_rate": rate})


def _embedded(network: MultimodalModel, study: ScaledStudy, rows: I32) -> ScaledStudy:
    view = copy.copy(study)
    view.cases = [CaseInputs(case.case_id, readable=case.readable) for case in study.cases]
    training = network.training
    network.eval()
    start = 0
    with torch.no_grad():
        for batch in study.batches(rows):
            slide = network.encode_histology(batch.tiles, batch.tile_mask)[0]
            genes = network.encode_genomics(batch.gene_values, batch.gene_measured)[0]
            clinical = network.encode_clinical(batch.clinical_values, batch.clinical_measured)
            for k, row in enumerate(rows[start : start + len(batch)]):
                view.cases[row] = _case(view.cases[row], (slide[k], genes[k], clinical[k]), batch.present[k])
            start += len(batch)
    network.train(training)
    return view


def _case(case: CaseInputs, embeddings: tuple[Tensor, Tensor, Tensor], present: Tensor) -> CaseInputs:
    """The case with embeddings (d,) of the modalities in ``present`` (3,)."""
    slide, genes, clinical = (e.clone() if p else None for e, p in zip(embeddings, present.tolist(), strict=True))
    return replace(
        case,
        tiles=None if slide is None else slide[None],
        gene_values=genes,
        gene_measured=None if genes is None else torch.ones_like(genes, dtype=torch.bool),
        clinical_values=clinical,
        clinical_measured=None if clinical is None else torch.ones_like(clinical, dtype=torch.bool),
    )
