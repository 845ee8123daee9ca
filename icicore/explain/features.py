"""One ranked list over all modalities: what moves the score most."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from icicore.domain import CLINICAL, GENOMICS, HISTOLOGY
from icicore.explain.clinical import ClinicalExplanation
from icicore.explain.genes import GeneExplanation
from icicore.explain.tiles import TileExplanation
from icicore.types import Json


@dataclass(frozen=True)
class FeatureRow:
    """One feature of the ranked list.

    Attributes
    ----------
    rank : 1 is the largest absolute importance
    modality : histology, genomics or clinical
    name : e.g. ``CD274 expression``, ``TP53 mutation``, ``TMB``, ``ldh_uln``
    value : gene and clinical values as the model sees them (mutation 0 or 1, else in training standard
        deviations); for histology the share of tiles
    importance : signed, in calibrated logit against the training mean
    direction : ``for response``, ``against response`` or ``none``
    """

    rank: int
    modality: str
    name: str
    value: float | None
    importance: float
    direction: str

    def to_json(self) -> Json:
        """Plain values."""
        return vars(self).copy()


_Item = tuple[str, str, float | None, float]


def rank_features(
    *,
    tiles: TileExplanation | None = None,
    genes: GeneExplanation | None = None,
    clinical: ClinicalExplanation | None = None,
    limit: int | None = None,
) -> list[FeatureRow]:
    """Rank measured genes, known clinical values and the two sides of histology by absolute importance.

    Histology has two rows: all tiles that speak for response, and all that speak against it.
    """
    items = [*_histology(tiles), *_genes(genes), *_clinical(clinical)]
    items.sort(key=lambda item: (-abs(item[3]), item[0], item[1]))
    return [
        FeatureRow(rank, modality, name, value, importance, direction(importance))
        for rank, (modality, name, value, importance) in enumerate(items[:limit], start=1)
    ]


def direction(importance: float) -> str:
    """Word for the sign of an importance."""
    if importance == 0:
        return "none"
    return "for response" if importance > 0 else "against response"


def token_name(symbol: str, kind: str) -> str:
    """Name of a gene token in lists: ``TP53 mutation``, ``CD274 expression``, ``TMB``."""
    return symbol if kind == "tmb" else f"{symbol} {kind}"


def _histology(tiles: TileExplanation | None) -> Iterable[_Item]:
    if tiles is None:
        return
    for name, side in (
        ("tiles for response", tiles.contribution > 0),
        ("tiles against response", tiles.contribution < 0),
    ):
        yield HISTOLOGY, name, float(side.mean()), float(tiles.contribution[side].sum(dtype=np.float64))


def _genes(genes: GeneExplanation | None) -> Iterable[_Item]:
    if genes is None:
        return
    for i in np.flatnonzero(genes.measured):
        name = token_name(genes.symbols[i], genes.kinds[i])
        yield GENOMICS, name, float(genes.value[i]), float(genes.attribution[i])


def _clinical(clinical: ClinicalExplanation | None) -> Iterable[_Item]:
    if clinical is None:
        return
    for name, importance in clinical.attribution.items():
        if importance is not None:
            yield CLINICAL, name, clinical.value[name], importance
