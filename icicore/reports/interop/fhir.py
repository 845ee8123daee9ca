"""A result as FHIR R4 (4.0.1): a Bundle with one DiagnosticReport and its Observations.

Nothing here names a patient: the subject is a reference by the pseudonym. The report stays ``preliminary``, as a
result for research use is never a final one.
"""

import json
from collections.abc import Iterable, Mapping

from icicore.domain import MODALITIES, RESEARCH_USE
from icicore.reports.interop.content import CaseContent
from icicore.types import Json

SYSTEM = "urn:icicore"
UCUM = "http://unitsofmeasure.org"
_CATEGORY = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}
_SECTION = {"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "OTH", "display": "Other"}
_RESEARCH = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
    "code": "HRESCH",
    "display": "healthcare research",
}
_TMB = {"system": "http://loinc.org", "code": "94076-7", "display": "Mutations/Megabase [# Ratio] in Tumor"}
_MOST_FINDINGS = 10


def fhir_json(content: CaseContent) -> bytes:
    """The Bundle as JSON in UTF-8; the same result gives the same bytes."""
    observations = list(_observations(content))
    report = _report(content, observations)
    bundle = {
        "resourceType": "Bundle",
        "id": str(content.uuid("fhir", "bundle")),
        "meta": {"security": [_RESEARCH]},
        "type": "collection",
        "timestamp": content.scored_at.isoformat(),
        "entry": [{"fullUrl": f"urn:uuid:{r['id']}", "resource": r} for r in (report, *observations)],
    }
    return (json.dumps(bundle, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _report(content: CaseContent, observations: Iterable[Json]) -> Json:
    made = {
        "resourceType": "DiagnosticReport",
        "id": str(content.uuid("fhir", "report")),
        "identifier": [{"system": f"{SYSTEM}:result", "value": content.result_digest}],
        "status": "preliminary",
        "category": [{"coding": [_SECTION]}],
        "code": {"text": "Predicted objective response to anti-PD-1 or anti-PD-L1 treatment"},
        "subject": _subject(content),
        "effectiveDateTime": content.scored_at.isoformat(),
        "issued": content.scored_at.isoformat(),
        "result": [{"reference": f"urn:uuid:{o['id']}", "display": o["code"]["text"]} for o in observations],
        "conclusion": _conclusion(content),
    }
    return made | _meta()


def _conclusion(content: CaseContent) -> str:
    p = content.prediction
    parts = [f"{RESEARCH_USE}: supports a decision and never makes one.", f"Status: {p.get('status')}."]
    parts += [str(r["message"]) for r in content.reasons]
    parts += [f"Signed judgement of {j['signed']}: {j['judgement']}." for j in content.judgements if j["judgement"]]
    return " ".join(parts)


def _observations(content: CaseContent) -> Iterable[Json]:
    p = content.prediction
    probability = p.get("probability")
    if isinstance(probability, (int, float)):
        low, high = p.get("interval95") or (None, None)
        parts = {"95 % interval, lower bound": low, "95 % interval, upper bound": high, "Threshold": p.get("threshold")}
        yield _observation(
            content,
            "probability",
            "Probability of objective response (RECIST 1.1 CR or PR)",
            value=_percent(probability),
            parts={name: _percent(v) for name, v in parts.items() if v is not None},
            note=f"Call: {p.get('call') or 'none'}",
        )
    yield from _by_modality(content, "modality_weights", "Fusion weight of each modality", percent=True)
    yield from _by_modality(content, "modality_contributions", "Shapley contribution of each modality (logit)")
    scores = p.get("comparators") or {}
    if scores.get("tmb") is not None:
        text = "Tumour mutational burden"
        yield _observation(content, "tmb", text, coding=_TMB, value=_quantity(scores["tmb"], "{mutations}/Mb"))
    findings = list(content.features)[:_MOST_FINDINGS]
    if findings:
        named = {f"{f['rank']}. {f['name']} ({f['direction']})": _quantity(f["importance"], "1") for f in findings}
        yield _observation(content, "findings", "Strongest findings, change of the logit", parts=named)


def _by_modality(content: CaseContent, key: str, text: str, *, percent: bool = False) -> Iterable[Json]:
    values = content.prediction.get(key) or {}
    make = _percent if percent else _plain
    parts = {name.capitalize(): make(values[name]) for name in MODALITIES if values.get(name) is not None}
    if parts:
        yield _observation(content, key, text, parts=parts)


def _observation(
    content: CaseContent,
    name: str,
    text: str,
    *,
    value: Json | None = None,
    parts: Mapping[str, Json] | None = None,
    coding: Json | None = None,
    note: str = "",
) -> Json:
    code: Json = ({"coding": [coding]} if coding else {}) | {"text": text}
    bundle = content.bundle
    made: Json = {
        "resourceType": "Observation",
        "id": str(content.uuid("fhir", name)),
        "status": "preliminary",
        "category": [{"coding": [_CATEGORY]}],
        "code": code,
        "subject": _subject(content),
        "effectiveDateTime": content.scored_at.isoformat(),
        "issued": content.scored_at.isoformat(),
        "device": {
            "identifier": {"system": f"{SYSTEM}:bundle", "value": str(bundle.get("digest", ""))},
            "display": f"icicore, model {bundle.get('name', '')}",
        },
    }
    if value is not None:
        made["valueQuantity"] = value
    if note:
        made["note"] = [{"text": note}]
    if parts:
        made["component"] = [{"code": {"text": t}, "valueQuantity": v} for t, v in parts.items()]
    return made | _meta()


def _subject(content: CaseContent) -> Json:
    return {"type": "Patient", "identifier": {"system": f"{SYSTEM}:case", "value": content.case_id}}


def _meta() -> Json:
    return {"meta": {"security": [_RESEARCH]}}


def _percent(value: float) -> Json:
    return _quantity(100 * value, "%")


def _plain(value: float) -> Json:
    return _quantity(value, "1")


def _quantity(value: float, unit: str) -> Json:
    return {"value": round(float(value), 6), "unit": unit, "system": UCUM, "code": unit}
