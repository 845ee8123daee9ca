"""Sections of the report that need a scorer: subsets of modalities, weights against tissue quality, fusion, groups."""

from itertools import combinations

import numpy as np

from icicore.domain import GENOMICS, HISTOLOGY, MODALITIES
from icicore.evaluation.association import spearman
from icicore.evaluation.evaluate import Scores, pair_row, restrict, subset_row
from icicore.evaluation.groups import SEXES, age_band
from icicore.evaluation.subgroups import subgroups, worst_group
from icicore.training.dataset import StudyData
from icicore.training.tissue import TissueMeasures
from icicore.types import F64, I32, Json, Mask
from icicore.workflows.evaluation.scoring import CohortScorer
from icicore.workflows.evaluation.truth import Truth


def modality_subsets(scorer: CohortScorer, y: Mask, draws: I32) -> list[Json]:
    """Return one row per subset of the modalities that the model uses, scored with all others hidden."""
    used = [k for k, on in enumerate(scorer.bundle.model.used.tolist()) if on]
    rows = []
    for size in range(1, len(used) + 1):
        for subset in combinations(used, size):
            visible = np.isin(np.arange(len(MODALITIES)), subset)
            scores = scorer.logit(visible=visible)
            scores[~scorer.present[:, visible].all(axis=1)] = np.nan
            name = "+".join(MODALITIES[k] for k in subset)
            rows.append(subset_row(y, name, scores, draws))
    return rows


def patient_groups(study: StudyData, rows: I32, y: Mask, score: F64) -> tuple[list[Json], Json | None]:
    """Subgroups by tumour type, site, sex and age, and the worst of all."""
    clinical = [study.clinical[i] for i in rows]
    found = subgroups(
        y,
        score,
        {
            "tumour type": [study.tumour_types[i] for i in rows],
            "site": [study.sites[i] for i in rows],
            "sex": [None if c is None or c.sex is None else SEXES.get(c.sex, c.sex) for c in clinical],
            "age": [None if c is None else age_band(c.age) for c in clinical],
        },
    )
    return found, worst_group(found)


def weights_and_quality(
    scorer: CohortScorer, tissue: TissueMeasures, truth: Truth | None, *, rng: np.random.Generator
) -> Json | None:
    """Spearman correlation of fusion weights with how good the tissue is, among patients with all modalities.

    None for a model without fusion weights.
    """
    if scorer.bundle.spec.model.kind != "multimodal":
        return None
    weights, whole = scorer.weights(), scorer.present.all(axis=1)
    column = {m: np.where(whole, weights[:, MODALITIES.index(m)], np.nan) for m in MODALITIES}
    rows = [_row(HISTOLOGY, column[HISTOLOGY], "number of tiles", tissue.tiles, "positive", rng)]
    if tissue.spoiled is not None:
        name = "share of necrotic and spoiled tiles (tile-class head)"
        rows.append(_row(HISTOLOGY, column[HISTOLOGY], name, tissue.spoiled, "negative", rng))
        rows.append(_row(GENOMICS, column[GENOMICS], name, tissue.spoiled, "positive", rng))
    if truth is not None:
        readable = {m: truth.informative[:, MODALITIES.index(m)].astype(np.float64) for m in (HISTOLOGY, GENOMICS)}
        rows.append(
            _row(HISTOLOGY, column[HISTOLOGY], "slide is informative (planted)", readable[HISTOLOGY], "positive", rng)
        )
        rows.append(
            _row(GENOMICS, column[GENOMICS], "slide is informative (planted)", readable[HISTOLOGY], "negative", rng)
        )
        if "purity" in truth.factors:
            rows.append(
                _row(GENOMICS, column[GENOMICS], "tumour purity (planted)", truth.factors["purity"], "positive", rng)
            )
    return {
        "n": int(whole.sum()),
        "mean_weights": {m: float(np.nanmean(column[m])) if whole.any() else None for m in MODALITIES},
        "correlations": rows,
        "by_slide": _by_slide(column, truth) if truth is not None else None,
        "claim": "poor tissue moves weight from histology to genomics",
        "built_in": scorer.weighs_readable,
    }


def fusion_against_concat(
    y: Mask, fusion: Scores, concat: Scores, present: Mask, *, truth: Truth | None, draws: I32
) -> Json:
    """AUC difference of attention fusion and concatenation, overall and among patients with a poor or missing modality.

    On virtual patients a modality is poor when the simulation made it uninformative; on real ones only missing
    modalities are known.
    """
    readable, definition = present, "a modality is missing"
    if truth is not None:
        readable = np.logical_and(present, truth.informative)
        definition = "a modality is missing, or was made uninformative by the simulation"
    good = np.asarray(readable.all(axis=1))
    groups = {"all": np.ones(len(y), np.bool_), "poor_or_missing": np.logical_not(good), "complete": good}
    rows = {}
    for name, inside in groups.items():
        one, two = (Scores(s.name, s.values[inside], bundle=s.bundle) for s in (fusion, concat))
        rows[name] = pair_row(y[inside], one, two, restrict(draws, inside, y))
    return {"definition": definition, "groups": rows}


def _row(modality: str, weight: F64, measure: str, quality: F64, expected: str, rng: np.random.Generator) -> Json:
    head = {"weight": modality, "measure": measure, "expected_sign": expected}
    return head | spearman(weight, quality, rng=rng)


def _by_slide(column: dict[str, F64], truth: Truth) -> Json:
    informative = truth.informative[:, MODALITIES.index(HISTOLOGY)]
    groups = {"informative": informative, "uninformative": ~informative}
    found = {}
    for name, inside in groups.items():
        known = inside & np.isfinite(column[HISTOLOGY])
        means = {m: float(column[m][known].mean()) if known.any() else None for m in MODALITIES}
        found[name] = {"n": int(known.sum()), **means}
    return found
