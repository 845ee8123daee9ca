"""Table 2: features of all modalities on one scale, by permutation importance, with attribution beside it.

Gene tokens and clinical values are permuted one by one. A slide has no columns to permute, so the whole histology
modality is permuted, and its importance is divided among named measures (TIL density at the margin, tumour-stroma
ratio): each gets the share of the variance of the histology contribution that it explains in a linear regression
(LMG shares, see ``association.variance_shares``). What the measures do not explain is no feature: it is noted.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from icicore.clinical.features import NAMES
from icicore.domain import CLINICAL, GENOMICS, HISTOLOGY, MODALITIES
from icicore.evaluation.association import variance_shares
from icicore.evaluation.bootstrap import Estimate
from icicore.evaluation.importance import permutation_importance
from icicore.explain.features import token_name
from icicore.explain.genes import explain_genes
from icicore.types import F64, I32, Json, Mask, Progress
from icicore.workflows.evaluation.scoring import CohortScorer

CLINICAL_NAMES = {"age": "age", "sex": "sex", "ecog": "ECOG", "ldh_uln": "LDH"}
ALL_HISTOLOGY = "histology (whole slide)"


@dataclass(frozen=True)
class FeatureLimits:
    """How much work the ranking may do.

    ``attributed`` patients get gene attributions, of which the top ``genes`` tokens are permuted ``gene_repeats``
    times; clinical values and the whole slide are cheap and permuted ``repeats`` times.
    """

    attributed: int = 40
    steps: int = 12
    genes: int = 40
    gene_repeats: int = 2
    repeats: int = 30


@dataclass(frozen=True)
class _Feature:
    modality: str
    name: str
    importance: Estimate
    attribution: float | None


def rank_features(
    scorer: CohortScorer,
    y: Mask,
    *,
    measures: Mapping[str, F64],
    planted: Collection[str] | None,
    limits: FeatureLimits,
    rng: np.random.Generator,
    progress: Progress,
) -> tuple[list[Json], Json]:
    """Rows of Table 2, most important first, and notes on how they were made.

    Parameters
    ----------
    y : bool (n,)
    measures : named histology measures (n,), NaN where unknown
    planted : names of planted causes; None for real patients
    """
    used = scorer.bundle.model.used.numpy()
    found: list[_Feature] = []
    notes: Json = {"patients": len(y), "attributed": 0, "measures": None}
    if used[MODALITIES.index(CLINICAL)]:
        found += _clinical(scorer, y, limits, rng)
    if used[MODALITIES.index(HISTOLOGY)]:
        rows, notes["measures"] = _histology(scorer, y, measures, limits, rng)
        found += rows
    if used[MODALITIES.index(GENOMICS)]:
        rows, notes["attributed"] = _genes(scorer, y, limits, rng, progress)
        found += rows
    found.sort(key=lambda f: (-f.importance.value, -(f.attribution or 0.0), f.name))
    return [_json(rank, f, planted) for rank, f in enumerate(found, start=1)], notes


def _json(rank: int, feature: _Feature, planted: Collection[str] | None) -> Json:
    return {
        "rank": rank,
        "modality": feature.modality,
        "name": feature.name,
        "importance": feature.importance.value,
        "shuffle95": feature.importance.to_json()["interval95"],
        "attribution": feature.attribution,
        "planted": feature.name in planted if planted is not None and feature.name != ALL_HISTOLOGY else None,
    }


def _clinical(scorer: CohortScorer, y: Mask, limits: FeatureLimits, rng: np.random.Generator) -> list[_Feature]:
    values, measured = scorer.table(CLINICAL)
    if values.shape[1] == 0:
        return []
    base, found = scorer.logit(), []
    for column, name in enumerate(NAMES):
        has = measured[:, column].numpy()
        if not has.any():
            continue

        def permuted(order: I32, column: int = column) -> F64:
            changed = values.clone()
            changed[:, column] = values[torch.from_numpy(order.astype(np.int64)), column]
            return scorer.logit(instead={CLINICAL: scorer.encode_clinical(changed, measured)})

        importance = permutation_importance(y, base, permuted, has=has, rng=rng, repeats=limits.repeats)
        mean = values.clone()
        mean[:, column] = 0.0  # scaled: the training mean
        moved = np.abs(base - scorer.logit(instead={CLINICAL: scorer.encode_clinical(mean, measured)}))
        found.append(_Feature(CLINICAL, CLINICAL_NAMES[name], importance, float(moved[has].mean())))
    return found


def _histology(
    scorer: CohortScorer, y: Mask, measures: Mapping[str, F64], limits: FeatureLimits, rng: np.random.Generator
) -> tuple[list[_Feature], Json | None]:
    has = scorer.present[:, MODALITIES.index(HISTOLOGY)]
    if not has.any():
        return [], None
    whole = permutation_importance(
        y,
        scorer.logit(),
        lambda order: scorer.permuted(HISTOLOGY, order),
        has=has,
        rng=rng,
        repeats=limits.repeats,
    )
    contribution = scorer.contributions()[:, MODALITIES.index(HISTOLOGY)]
    size = float(np.abs(contribution[has]).mean())
    names = [name for name, values in measures.items() if np.isfinite(values[has]).sum() >= 20]
    if not names:
        return [_Feature(HISTOLOGY, ALL_HISTOLOGY, whole, size)], None
    columns = np.stack([_filled(measures[name][has]) for name in names], axis=1)
    shares = variance_shares(contribution[has], columns)
    rows = [
        _Feature(HISTOLOGY, name, _scaled(whole, share), size * share)
        for name, share in zip(names, shares.tolist(), strict=True)
    ]
    note: Json = {"r2": float(shares.sum()), "n": int(has.sum()), "whole": whole.to_json()}
    note["unexplained"] = whole.value * max(0.0, 1.0 - float(shares.sum()))
    return rows, {**note, "shares": dict(zip(names, shares.tolist(), strict=True))}


def _filled(values: F64) -> F64:
    """Ranks, which no outlier can dominate, scaled to 0-1; unknown ones stand in the middle."""
    known = np.isfinite(values)
    ranks = np.full(len(values), 0.5)
    ranks[known] = np.argsort(np.argsort(values[known])) / max(1, int(known.sum()) - 1)
    return ranks


def _scaled(whole: Estimate, share: float) -> Estimate:
    low, high = whole.interval95
    return Estimate(whole.value * share, (low * share, high * share))


def _genes(
    scorer: CohortScorer, y: Mask, limits: FeatureLimits, rng: np.random.Generator, progress: Progress
) -> tuple[list[_Feature], int]:
    values, measured = scorer.table(GENOMICS)
    has = np.flatnonzero(scorer.present[:, MODALITIES.index(GENOMICS)])
    if not len(has):
        return [], 0
    chosen = np.sort(rng.choice(has, min(limits.attributed, len(has)), replace=False))
    attribution = np.zeros(values.shape[1])
    for done, i in enumerate(chosen):
        progress(done, len(chosen), "attributing genes")
        explained = explain_genes(scorer.bundle, scorer.cases[i], steps=limits.steps)
        attribution += np.abs(explained.attribution) / len(chosen)
    base, found = scorer.logit(), []
    tokens = np.argsort(-attribution, kind="stable")[: limits.genes]
    for done, token in enumerate(tokens):
        progress(done, len(tokens), "permuting genes")

        def permuted(order: I32, token: int = int(token)) -> F64:
            changed = values.clone()
            changed[:, token] = values[torch.from_numpy(order.astype(np.int64)), token]
            return scorer.logit(instead={GENOMICS: scorer.encode_genes(changed, measured)})

        own = measured[:, token].numpy() & scorer.present[:, MODALITIES.index(GENOMICS)]
        importance = permutation_importance(y, base, permuted, has=own, rng=rng, repeats=limits.gene_repeats)
        name = token_name(scorer.bundle.spec.tokens[token], scorer.bundle.spec.token_kinds[token])
        found.append(_Feature(GENOMICS, name, importance, float(attribution[token])))
    return found, len(chosen)
