"""Ranked findings over all modalities, each with what it is in a clinician's words and how far it moved the score."""

from collections.abc import Mapping, Sequence

from icicore.domain import CLINICAL, GENOMICS, HISTOLOGY, MODALITIES
from icicore.types import Json
from icicore.ui.charts import ENDS, FEATURE_NAMES, diverging, nice_limit
from icicore.ui.placement import change_words, percent_of, place_words, share_words, value_words
from icicore.ui.text import MODALITY_NAMES, esc

_SEXES = {"F": "female", "M": "male"}


def finding_words(feature: Json, prediction: Json) -> str:
    """What a feature of features.json was in this case, with unit, percentile and n; plain text.

    Results from before places were kept say the value alone.
    """
    modality, name = str(feature["modality"]), str(feature["name"])
    if modality == HISTOLOGY:
        return _tissue(feature, _by_name(prediction.get("measures")).get(name))
    if modality == CLINICAL:
        return _clinical(_by_name(prediction.get("clinical")).get(name))
    if modality == GENOMICS:
        return gene_words(_genes(prediction).get(name))
    return ""


def gene_words(gene: Json | None) -> str:
    """State, change, level and place of a gene token of prediction.json."""
    if gene is None:
        return ""
    if not gene["measured"]:
        return "not measured"
    n = int(gene.get("n") or 0)
    if gene["kind"] == "mutation":
        share = gene.get("share")
        if gene["value"]:
            change = change_words(gene.get("changes") or ())
            return _joined(f"mutated: {change}" if change else "mutated", share_words(share, n, "as in"))
        return _joined("wild type", share_words(share, n, "mutated in"))
    unit = "mutations/Mb" if gene["kind"] == "tmb" else "log2"
    return _joined(place_words(gene), value_words(float(gene["value"]), unit))


def clinical_words(row: Json) -> str:
    """Value with unit of a row of prediction.json's ``clinical``."""
    if row["name"] == "sex":
        return _SEXES.get(str(row["value"]), str(row["value"]))
    return value_words(float(row["value"]), str(row["unit"]))


def findings_chart(features: Sequence[Json], prediction: Json) -> str:
    """Findings as rows: name and words, a bar from the centre line, the modality; HTML."""
    limit = nice_limit(max([abs(float(f["importance"])) for f in features] + [0.0]))
    rows = []
    for feature in features:
        modality = str(feature["modality"])
        name = FEATURE_NAMES.get(str(feature["name"]), str(feature["name"]))
        dot = f'<i class="i-dot" style="background:var(--i-{modality})"></i>' if modality in MODALITIES else ""
        where = MODALITY_NAMES.get(modality, modality)
        words = finding_words(feature, prediction)
        rows.append(
            f'<div class="i-finding" title="{esc(where)}"><span class="i-what"><b>{dot}{esc(name)}</b>'
            f"<small>{esc(words)}</small></span>{diverging(float(feature['importance']), limit)}</div>"
        )
    head = f'<div class="i-finding i-head"><span>Finding</span>{ENDS}</div>'
    return f'<div class="i-genes">{head}{"".join(rows)}</div>'


def modality_key() -> str:
    """Which dot is which modality."""
    return "".join(
        f'<span class="i-key"><i class="i-dot" style="background:var(--i-{m})"></i>{MODALITY_NAMES[m]}</span>'
        for m in MODALITIES
    )


def _tissue(feature: Json, measure: Json | None) -> str:
    if measure is not None:
        return _joined(place_words(measure), value_words(float(measure["value"]), str(measure["unit"])))
    value = feature.get("value")
    if value is None:
        return ""
    if feature.get("unit"):
        return value_words(float(value), str(feature["unit"]))
    return f"{percent_of(float(value))} of the tiles"


def _clinical(row: Json | None) -> str:
    if row is None:
        return ""
    if row["name"] == "sex":
        return _joined(clinical_words(row), share_words(row.get("share"), int(row.get("n") or 0), "as in"))
    return _joined(place_words(row), clinical_words(row))


def _genes(prediction: Json) -> Mapping[str, Json]:
    """Gene tokens by their names in ranked lists."""
    return {
        str(g["symbol"]) if g["kind"] == "tmb" else f"{g['symbol']} {g['kind']}": g
        for g in prediction.get("genes") or ()
    }


def _by_name(rows: Sequence[Json] | None) -> dict[str, Json]:
    return {str(row["name"]): row for row in rows or ()}


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)
