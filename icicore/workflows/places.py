"""The place of a case among the training patients of the bundle that scores it, for prediction.json.

Without a reference in the bundle every place is null; the values themselves are there all the same.
"""

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from icicore.clinical.features import NAMES, encode
from icicore.evaluation.comparators import PDL1_GENE
from icicore.explain.genes import GeneExplanation
from icicore.explain.histology import UNITS, case_measures
from icicore.genomics.panel import resolve_symbol
from icicore.models.reference import Distribution, Reference
from icicore.models.spec import BundleSpec
from icicore.types import Json
from icicore.workflows.evidence import Evidence

_CLINICAL_UNITS = {"age": "years", "sex": "", "ecog": "of 4", "ldh_uln": "times the upper limit of normal"}
_SIGNIFICANT = 6


def training_facts(spec: BundleSpec, reference: Reference | None) -> Json:
    """Who the model was trained on: study, patients, responders and the rate of response."""
    cohort = spec.cohort
    return {
        "study": cohort.get("study"),
        "n": (cohort.get("n") or {}).get("train"),
        "responders": (cohort.get("responders") or {}).get("train"),
        "prevalence": cohort.get("prevalence"),
        "virtual": spec.virtual,
        "reference": reference is not None,
    }


def clinical_places(evidence: Evidence, reference: Reference | None) -> list[Json]:
    """The clinical values that were given, each with its place; for sex the share of patients of the same sex."""
    values = evidence.case.clinical
    if values is None or evidence.inputs.clinical_values is None:
        return []
    raw, known = encode(values)
    rows: list[Json] = []
    for k, name in enumerate(NAMES):
        if not known[k]:
            continue
        distribution = None if reference is None else reference.clinical.get(name)
        row: Json = {"name": name, "value": getattr(values, name), "unit": _CLINICAL_UNITS[name]}
        if name == "sex":
            row |= {"percentile": None, "n": 0, "share": None}
            if distribution is not None and distribution.n:
                male = float(np.mean(distribution.quantiles > 0.5))
                row |= {"n": distribution.n, "share": male if values.sex == "M" else 1 - male}
        else:
            row |= _place(distribution, float(raw[k]))
        rows.append(row)
    return rows


def measure_places(evidence: Evidence, reference: Reference | None) -> list[Json]:
    """Measures of the tissue with their places; empty where a slide could not be measured."""
    found = [s.measures for s in evidence.slides if s.measures is not None]
    if not found or len(found) < len(evidence.slides):
        return []
    return [
        {"name": name, "value": value, "unit": UNITS[name]}
        | _place(None if reference is None else reference.measures.get(name), value)
        for name, value in case_measures(found).items()
        if np.isfinite(value)
    ]


def comparator_places(
    comparators: Mapping[str, float | None], spec: BundleSpec, reference: Reference | None
) -> dict[str, Json | None]:
    """Place of each comparison score, and ``rate``: the response rate of a regression on that score alone.

    None where the score is unknown or the training patients had none.
    """
    return {name: _comparator(name, value, spec, reference) for name, value in comparators.items()}


def _comparator(name: str, value: float | None, spec: BundleSpec, reference: Reference | None) -> Json | None:
    distribution = None if reference is None else reference.scores.get(name)
    if value is None or reference is None or distribution is None or distribution.n == 0:
        return None
    if name == "pdl1" and not _has_expression(spec, reference):
        return None  # the training patients had a tumour proportion score, which no expression can be compared with
    return _place(distribution, value) | {"rate": reference.score_probability(name, value)}


def _has_expression(spec: BundleSpec, reference: Reference) -> bool:
    tokens = zip(spec.tokens, spec.token_kinds, strict=True)
    token = next((i for i, pair in enumerate(tokens) if pair == (PDL1_GENE, "expression")), None)
    return token is not None and int(reference.gene_n[token]) > 0


def gene_details(evidence: Evidence, explained: GeneExplanation | None, reference: Reference | None) -> list[Json]:
    """For every token: range of attention over the members, place among the training patients, protein changes.

    ``percentile`` of expression and TMB; ``share`` of the training patients in whom a mutation token is mutated; ``n``
    patients in whom it was measured.
    """
    if evidence.genes is None:
        return []
    values, measured = evidence.genes.values, evidence.genes.measured
    changes = _changes(evidence)
    rows = []
    for i, token in enumerate(evidence.panel.tokens):
        row: Json = {"percentile": None, "share": None, "n": 0 if reference is None else int(reference.gene_n[i])}
        if reference is not None and token.kind == "mutation":
            row["share"] = round(float(reference.gene_mean[i]), _SIGNIFICANT) if row["n"] else None
        elif reference is not None and measured[i]:
            row |= _place(reference.gene(i), float(values[i]))
        if explained is not None:
            row["attention_range"] = [float(explained.attention_low[i]), float(explained.attention_high[i])]
        if token.kind == "mutation" and measured[i] and token.symbol in changes:
            row["changes"] = changes[token.symbol]
        rows.append(row)
    return rows


def _changes(evidence: Evidence) -> dict[str, list[Json]]:
    """Mutations by gene, as in the file: protein change, class and the fraction of reads."""
    found: dict[str, list[Json]] = defaultdict(list)
    for mutation in evidence.mutations.mutations if evidence.mutations else ():
        entry = {"protein": mutation.protein_change, "class": mutation.consequence, "vaf": mutation.vaf}
        found[resolve_symbol(mutation.gene)].append(entry)
    return found


def _place(distribution: Distribution | None, value: float) -> Json:
    place = None if distribution is None else distribution.place(value)
    return {
        "percentile": None if place is None else round(place.percentile, 1),
        "n": 0 if place is None else place.n,
    }
