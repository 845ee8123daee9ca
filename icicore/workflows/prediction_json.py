"""Put a score and its explanations into the form of prediction.json."""

import importlib.metadata
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from icicore import __version__
from icicore.domain import NOTES, RESEARCH_USE, UNCERTAIN, Reason, Status, modalities_read
from icicore.evaluation.loris import loris
from icicore.explain.genes import GeneExplanation
from icicore.explain.modalities import ModalityExplanation
from icicore.fingerprint import file_digest
from icicore.models.bundle import ModelBundle
from icicore.models.reference import Reference
from icicore.models.scoring import Score
from icicore.types import Json
from icicore.workflows.evidence import Evidence
from icicore.workflows.places import clinical_places, comparator_places, gene_details, measure_places, training_facts
from icicore.workflows.services import BundleRef

LIKELY, UNLIKELY = "likely responder", "unlikely responder"


@dataclass(frozen=True)
class Findings:
    """What was computed for a case; ``seconds`` by step."""

    score: Score
    modalities: ModalityExplanation
    genes: GeneExplanation | None
    seconds: dict[str, float]


def assemble(evidence: Evidence, bundle: ModelBundle, ref: BundleRef, findings: Findings) -> Json:
    """Content of prediction.json, schema 1."""
    withheld = _withheld(evidence, bundle)
    doubt = () if withheld else _doubt(findings.score, bundle.spec.threshold)
    reasons = (*bundle_reasons(evidence, bundle), *doubt, *evidence.reasons)
    status = Status.LIMITED if any(r.code not in NOTES for r in reasons) else Status.SCORED
    result, reference = findings.score, bundle.reference
    comparators = _comparators(evidence)
    return {
        "schema": 1,
        "case_id": evidence.case.case_id,
        "tumour_type": str(evidence.case.tumour_type),
        "status": str(status),
        "reasons": [r.to_json() for r in reasons],
        "probability": result.probability,
        "interval95": list(result.interval95),
        "calibrated": True,
        "logit": result.logit,
        "base_logit": findings.modalities.base_logit,
        "threshold": bundle.spec.threshold,
        "call": _call(result.probability, bundle.spec.threshold, withheld=withheld or bool(doubt)),
        "modality_weights": result.modality_weights,
        "modality_contributions": findings.modalities.contributions,
        "modality_subsets": findings.modalities.subsets_json(),
        "readable_tiles": _readable_tiles(evidence, bundle),
        "training": training_facts(bundle.spec, reference),
        "clinical": clinical_places(evidence, reference),
        "measures": measure_places(evidence, reference),
        "comparators": comparators,
        "comparator_places": comparator_places(comparators, bundle.spec, reference),
        "genes": _genes(evidence, findings.genes, reference),
        "slides": [
            {
                "path": s.path.name,
                "digest": s.digest,
                "mpp": s.mpp,
                "n_tiles": len(s.bag),
                "qc": s.bag.quality.to_json(),
            }
            for s in evidence.slides
        ],
        "files": {p.name: file_digest(p) for p in _files(evidence)},
        "bundle": {
            "name": ref.name,
            "digest": ref.digest,
            "backbone": bundle.spec.backbone,
            "backbone_digest": bundle.spec.backbone_digest,
            "virtual": bundle.spec.virtual,
        },
        "virtual_case": evidence.virtual,
        "use": RESEARCH_USE,
        "versions": _versions(),
        "scored_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": {name: round(value, 3) for name, value in findings.seconds.items()},
    }


def _readable_tiles(evidence: Evidence, bundle: ModelBundle) -> float | None:
    """Share of tiles by which the model weighs histology; None where it does not, or where nobody can tell."""
    model = bundle.spec.model
    told = evidence.slides and all(slide.measures is not None for slide in evidence.slides)
    return evidence.inputs.readable if told and model.weigh_readable and len(modalities_read(model.kind)) > 1 else None


def bundle_reasons(evidence: Evidence, bundle: ModelBundle) -> tuple[Reason, ...]:
    """Limits that come from the bundle rather than from the files."""
    if not _withheld(evidence, bundle):
        return ()
    message = (
        "The model was trained on virtual data: its probability for a real patient shows how the program works and "
        "says nothing about this patient; no call is made."
    )
    return (Reason("virtual_training", message),)


def _withheld(evidence: Evidence, bundle: ModelBundle) -> bool:
    """No call for a real patient from a model that has only seen virtual ones."""
    return bundle.spec.virtual and not evidence.virtual


def _doubt(score: Score, threshold: float) -> tuple[Reason, ...]:
    """The reason to make no call when other training patients could have moved the score across the threshold."""
    low, high = score.interval95
    if not low < threshold <= high:
        return ()
    message = (
        f"The 95 % interval, {100 * low:.0f} to {100 * high:.0f} %, holds the threshold of {100 * threshold:.0f} %: "
        "the model cannot tell on which side this patient is; no call is made."
    )
    return (Reason(UNCERTAIN, message),)


def _call(probability: float, threshold: float, *, withheld: bool) -> str | None:
    if withheld:
        return None
    return LIKELY if probability >= threshold else UNLIKELY


def _comparators(evidence: Evidence) -> Json:
    """Simple scores beside the model: TMB in mutations per Mb, CD274 as log2 expression, LORIS; null where unknown."""
    expression = evidence.expression
    pdl1 = None
    if expression is not None and "CD274" in expression.genes:
        pdl1 = float(expression.values[expression.genes.index("CD274")])
    case, tmb = evidence.case, evidence.genes.tmb if evidence.genes else None
    score = loris(
        tmb=tmb,
        systemic_history=case.routine.get("systemic_history"),
        albumin=case.routine.get("albumin"),
        nlr=case.routine.get("nlr"),
        age=None if case.clinical is None else case.clinical.age,
        tumour_type=str(case.tumour_type),
    )
    return {"tmb": tmb, "pdl1": pdl1, "loris": score}


def _genes(evidence: Evidence, explained: GeneExplanation | None, reference: Reference | None) -> list[Json]:
    """Every token of the genomic encoder; what was not measured has no value and no part in the score."""
    if evidence.genes is None:
        return []
    values, measured = evidence.genes.values, evidence.genes.measured
    details = gene_details(evidence, explained, reference)
    rows: list[Json] = []
    for i, token in enumerate(evidence.panel.tokens):
        known = bool(measured[i])
        value = evidence.genes.tmb if token.kind == "tmb" else float(values[i])
        rows.append(
            {
                "symbol": token.symbol,
                "kind": token.kind,
                "value": value if known else None,
                "measured": known,
                "attention": float(explained.attention[i]) if explained is not None else 0.0,
                "attribution": float(explained.attribution[i]) if explained is not None else 0.0,
                **details[i],
            }
        )
    return rows


def _files(evidence: Evidence) -> list[Path]:
    """Input files besides the slides that the score rests on."""
    case = evidence.case
    genes = [p for p in (case.mutations, case.expression) if p is not None and evidence.genes is not None]
    return [case.folder / "case.json", *genes]


def _versions() -> Json:
    names = ("torch", "openslide-python", "openslide-bin", "numpy", "captum", "grad-cam")
    found = {name: importlib.metadata.version(name) for name in names}
    return {"icicore": __version__, "python": platform.python_version(), **found}
