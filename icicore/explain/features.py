"""One ranked list over all modalities: what moves the score most."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from icicore.domain import CLINICAL, GENOMICS, HISTOLOGY
from icicore.explain.clinical import ClinicalExplanation
from icicore.explain.genes import GeneExplanation
from icicore.explain.histology import TIL_DENSITY, TUMOUR_STROMA, UNITS, HistologyMeasures, case_measures
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
        deviations); for a named measure of the tissue its value in ``unit``, for other histology the share of tiles
    importance : signed, in calibrated logit against the training mean; for a measure of the tissue what the tiles add
        on which it rests
    direction : ``for response``, ``against response`` or ``none``
    unit : of ``value``; empty where it has none
    """

    rank: int
    modality: str
    name: str
    value: float | None
    importance: float
    direction: str
    unit: str = ""

    def to_json(self) -> Json:
        """Plain values."""
        return vars(self).copy()


_Item = tuple[str, str, float | None, float]
OTHER_TILES = "other tiles"


def rank_features(
    *,
    tiles: TileExplanation | None = None,
    genes: GeneExplanation | None = None,
    clinical: ClinicalExplanation | None = None,
    measures: Sequence[HistologyMeasures] = (),
    limit: int | None = None,
) -> list[FeatureRow]:
    """Rank measured genes, known clinical values and parts of histology by absolute importance.

    With ``measures`` of every slide, in the order of ``tiles``, histology is divided by what the tiles show: those of
    the invasive margin (TIL density), tumour and stroma elsewhere (tumour-stroma ratio), and the rest. Without them it
    has two rows: all tiles that speak for response, and all that speak against it. Either way its rows add up to all
    that histology contributes.
    """
    items = [*(_measured(tiles, measures) if measures else _histology(tiles)), *_genes(genes), *_clinical(clinical)]
    items.sort(key=lambda item: (-abs(item[3]), item[0], item[1]))
    return [
        FeatureRow(rank, modality, name, value, importance, direction(importance), UNITS.get(name, ""))
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


def _measured(tiles: TileExplanation | None, measures: Sequence[HistologyMeasures]) -> Iterable[_Item]:
    """Each tile counts in exactly one row; a measure without a value, or without tiles, has none."""
    if tiles is None:
        return
    margin = np.concatenate([m.in_margin for m in measures])
    living = np.concatenate([m.is_living for m in measures]) & ~margin
    if len(margin) != len(tiles.contribution):
        raise ValueError(f"measures of {len(margin)} tiles for {len(tiles.contribution)} contributions")
    values = case_measures(measures)
    rest = np.ones(len(margin), bool)
    for name, part in ((TIL_DENSITY, margin), (TUMOUR_STROMA, living)):
        if np.isfinite(values[name]) and part.any():
            rest &= ~part
            yield HISTOLOGY, name, values[name], float(tiles.contribution[part].sum(dtype=np.float64))
    if rest.any():
        yield HISTOLOGY, OTHER_TILES, float(rest.mean()), float(tiles.contribution[rest].sum(dtype=np.float64))


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
