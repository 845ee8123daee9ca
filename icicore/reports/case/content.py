"""What the report of a case says, as plain JSON. No clock: its times are those of the score and of the signatures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from icicore.domain import MODALITIES, RESEARCH_USE, ClinicalValues
from icicore.types import Json

SCHEMA = 1
TOP_FEATURES, TOP_GENES = 10, 10
MUTATION = "mutation"


@dataclass(frozen=True)
class CaseFacts:
    """Where a report's content comes from.

    Attributes
    ----------
    prediction : content of prediction.json
    result_digest : digest of the result
    features : content of features.json, strongest first
    clinical : the values of the case folder, None when they are not at hand
    reviews : signed reviews with their addenda, oldest first, see ``icicore.workflows.case_report``
    tiles : the tiles that are pictured, see ``icicore.reports.case.pictures``
    """

    prediction: Json
    result_digest: str
    features: Sequence[Json] = ()
    clinical: ClinicalValues | None = None
    reviews: Sequence[Json] = ()
    tiles: Sequence[Json] = field(default_factory=tuple)


def report_content(facts: CaseFacts) -> Json:
    """Content of the JSON report, schema 1; the page prints from it and from nothing else but the pictures."""
    prediction = facts.prediction
    return {
        "schema": SCHEMA,
        "kind": "case report",
        "use": RESEARCH_USE,
        "case_id": prediction["case_id"],
        "tumour_type": prediction.get("tumour_type"),
        "virtual_case": bool(prediction.get("virtual_case")),
        "scored_at": prediction.get("scored_at"),
        "result_digest": facts.result_digest,
        "answer": _answer(prediction),
        "reasons": list(prediction.get("reasons") or []),
        "modalities": [_modality(prediction, name) for name in MODALITIES],
        "readable_tiles": prediction.get("readable_tiles"),
        "findings": list(facts.features[:TOP_FEATURES]),
        "genes": _genes(prediction),
        "gene_counts": _gene_counts(prediction),
        "clinical": None if facts.clinical is None else dict(vars(facts.clinical)),
        "comparators": dict(prediction.get("comparators") or {}),
        "slides": list(prediction.get("slides") or []),
        "tiles": list(facts.tiles),
        "reviews": list(facts.reviews),
        "model": dict(prediction.get("bundle") or {}),
        "inputs": dict(prediction.get("files") or {}),
        "versions": dict(prediction.get("versions") or {}),
    }


def expit(logit: float) -> float:
    """Logit to probability."""
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else 1 - 1 / (1 + math.exp(logit))


def _answer(prediction: Json) -> Json:
    base = prediction.get("base_logit")
    return {
        "status": prediction.get("status"),
        "probability": prediction["probability"],
        "interval95": prediction.get("interval95"),
        "calibrated": bool(prediction.get("calibrated")),
        "threshold": prediction.get("threshold"),
        "base_rate": None if base is None else expit(float(base)),
        "call": prediction.get("call"),
    }


def _modality(prediction: Json, name: str) -> Json:
    weights = prediction.get("modality_weights") or {}
    used = [m for m in MODALITIES if weights.get(m) is not None]
    subsets = prediction.get("modality_subsets") or {}
    without = subsets.get("+".join(m for m in used if m != name) or "none") if name in used else None
    return {
        "name": name,
        "weight": weights.get(name),
        "contribution": (prediction.get("modality_contributions") or {}).get(name),
        "probability_without": None if without is None else expit(float(without)),
    }


def _genes(prediction: Json) -> list[Json]:
    """Measured genes by the size of their attribution; equal ones by name, so that the order is always the same."""
    measured = [g for g in prediction.get("genes") or [] if g["measured"] and g["attribution"]]
    measured.sort(key=lambda g: (-abs(float(g["attribution"])), str(g["symbol"]), str(g["kind"])))
    return measured[:TOP_GENES]


def _gene_counts(prediction: Json) -> Json:
    genes = prediction.get("genes") or []
    calls = [g for g in genes if g["kind"] == MUTATION and g["measured"]]
    mutated = sum(float(g["value"] or 0) > 0 for g in calls)
    return {
        "mutated": mutated,
        "wild_type": len(calls) - mutated,
        "other_measured": sum(bool(g["measured"]) for g in genes) - len(calls),
        "not_measured": sum(not g["measured"] for g in genes),
    }
