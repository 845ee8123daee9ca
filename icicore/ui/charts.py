"""Charts as plain HTML: sharp at every size, themed by CSS variables, readable without JavaScript.

Every function is pure and returns HTML in which all text from files is escaped. Positions are CSS per cent.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from icicore.domain import MODALITIES
from icicore.models.interval import sigmoid
from icicore.types import Json
from icicore.ui.genes import OTHER
from icicore.ui.placement import ordinal
from icicore.ui.text import CLINICAL_ROWS, DASH, MODALITY_NAMES, THIN, esc, interval, percent, signed
from icicore.ui.theme import PATHWAY_COLOURS

CALL_WORDS: Mapping[str, tuple[str, str]] = {
    "likely responder": ("yes", "at or above the threshold"),
    "unlikely responder": ("no", "below the threshold"),
}

ENDS = '<span class="i-ends"><span>against ←</span><span>→ for response</span><span>logit</span></span>'
"""Head of a column of diverging bars."""
FEATURE_NAMES: Mapping[str, str] = {
    **{field: name for field, name, _ in CLINICAL_ROWS},
    "tiles for response": "Tiles for response",
    "tiles against response": "Tiles against response",
}
_SUM_TOLERANCE = 0.005
_END_ROOM = 0.3
"""Share of the scale within which the label of the base rate reaches the end of the axis."""


def answer_card(prediction: Json, *, no_call: str) -> str:
    """Probability, interval, call and the scale that places them.

    Parameters
    ----------
    prediction : content of prediction.json with a probability
    no_call : why there is no call; shown when prediction["call"] is None
    """
    probability = float(prediction["probability"])
    calibrated = "calibrated" if prediction.get("calibrated") else "not calibrated"
    return (
        '<div class="i-card i-answer"><div class="i-answer-top"><div>'
        f'<div class="i-label">Probability of objective response <span class="i-dim">· {calibrated}</span></div>'
        f'<div class="i-figure"><span class="i-big">{percent(probability)}</span>'
        f'<span class="i-beside">95{THIN}% interval<br><b>{interval(prediction.get("interval95"))}</b></span></div>'
        f"</div>{_call(prediction, no_call)}</div>"
        f"{probability_scale(prediction)}</div>"
    )


def _call(prediction: Json, no_call: str) -> str:
    kind, meaning = CALL_WORDS.get(str(prediction.get("call")), ("none", no_call))
    word = esc(str(prediction.get("call") or "no call").capitalize())
    return f'<div class="i-call i-call-{kind}"><b>{word}</b><span>{esc(meaning)}</span></div>'


def probability_scale(prediction: Json) -> str:
    """A line from 0 to 100 %: interval as a band, probability as a point, threshold and base rate as ticks."""
    probability = float(prediction["probability"])
    low, high = prediction.get("interval95") or (probability, probability)
    threshold, base = prediction.get("threshold"), base_rate(prediction)
    spoken = (
        f"Probability {percent(probability)}, 95 % interval {interval((low, high))}, threshold {percent(threshold)}"
    )
    parts = [f'<div class="i-scale" role="img" aria-label="{esc(spoken)}"><div class="i-track"></div>']
    parts.append(f'<div class="i-band" style="left:{100 * low:.2f}%;width:{100 * (high - low):.2f}%"></div>')
    if base is not None:
        parts.append(tick("base", float(base), base_rate_words(prediction, float(base))))
    if threshold is not None:
        parts.append(tick("threshold", float(threshold), f"threshold {percent(threshold)}"))
    parts.append(f'<div class="i-point" style="left:{100 * probability:.2f}%"></div>')
    for at, text in ((0.0, "0"), (1.0, f"100{THIN}%")):
        if base is None or abs(float(base) - at) > _END_ROOM:  # the tick's own label needs the room
            parts.append(f'<span class="i-end" style="{"left" if at == 0 else "right"}:0">{text}</span>')
    return "".join(parts) + "</div>"


def base_rate(prediction: Json) -> float | None:
    """Probability for a patient of whom nothing is known: the rate in the training cohort, calibrated."""
    logit = prediction.get("base_logit")
    return None if logit is None else sigmoid(float(logit))


def base_rate_words(prediction: Json, base: float) -> str:
    """Base rate with the number of training patients where the result knows it."""
    n = (prediction.get("training") or {}).get("n")
    return f"base rate {percent(base)}" + (f" of {n} training patients" if n else "")


def tick(kind: str, value: float, text: str) -> str:
    """A line across the scale with its label; ``kind`` is ``threshold`` or ``base``."""
    side = "start" if value < 0.15 else "end" if value > 0.85 else "middle"
    return (
        f'<div class="i-tick i-tick-{kind}" style="left:{100 * value:.2f}%">'
        f'<span class="i-tick-text i-at-{side}">{text}</span></div>'
    )


def modality_table(prediction: Json) -> str:
    """Fusion weight beside Shapley contribution, one line per modality; absent ones stay visible as not given."""
    weights = prediction.get("modality_weights") or {}
    contributions = prediction.get("modality_contributions") or {}
    limit = nice_limit(max([abs(v) for v in contributions.values() if v is not None] + [0.0]))
    without = without_each(prediction)
    rows = [_modality_row(m, weights.get(m), contributions.get(m), limit, without.get(m)) for m in MODALITIES]
    last = (
        '<span class="i-right" title="Probability when this modality is left out">without it</span>' if without else ""
    )
    return (
        f'<div class="i-mod"><div class="i-head"><span></span><span>Fusion weight</span>{ENDS}{last}</div>'
        f"{''.join(rows)}</div>"
    )


def without_each(prediction: Json) -> dict[str, float]:
    """Probability of the same case when one modality is left out; empty when the result does not say."""
    subsets = prediction.get("modality_subsets") or {}
    used = [m for m in MODALITIES if (prediction.get("modality_weights") or {}).get(m) is not None]
    keys = {m: "+".join(o for o in used if o != m) or "none" for m in used}
    return {m: sigmoid(float(subsets[k])) for m, k in keys.items() if k in subsets}


def _modality_row(
    modality: str, weight: float | None, contribution: float | None, limit: float, without: float | None
) -> str:
    dot = f'<i class="i-dot" style="background:var(--i-{modality})"></i>'
    name = f'<span class="i-name">{dot}{MODALITY_NAMES[modality]}</span>'
    if weight is None:
        return f'<div class="i-row i-absent">{name}<span>not given</span></div>'
    bar = (
        '<span class="i-cell"><span class="i-bar">'
        f'<i style="width:{100 * weight:.1f}%;background:var(--i-{modality})"></i></span>'
        f"<b>{percent(weight)}</b></span>"
    )
    last = f'<span class="i-right">{percent(without)}</span>' if without is not None else ""
    return f'<div class="i-row">{name}{bar}{diverging(contribution, limit)}{last}</div>'


def diverging(value: float | None, limit: float, *, title: str = "") -> str:
    """A bar from the centre line: right and red for response, left and blue against it."""
    if value is None or not math.isfinite(value):
        return f'<span class="i-cell"><span class="i-div"></span><b>{DASH}</b></span>'
    share = min(1.0, abs(value) / limit) * 50
    side = f"left:50%;width:{share:.2f}%" if value >= 0 else f"right:50%;width:{share:.2f}%"
    kind = "for" if value >= 0 else "against"
    return (
        f'<span class="i-cell"{title}><span class="i-div"><i class="i-{kind}" style="{side}"></i></span>'
        f"<b>{signed(value)}</b></span>"
    )


def balance_line(prediction: Json) -> str:
    """The sum that leads from the base rate to this patient: base logit + contributions = logit.

    Empty when the result lacks a term, or when the sum is not the probability shown above it.
    """
    base = prediction.get("base_logit")
    contributions = [v for v in (prediction.get("modality_contributions") or {}).values() if v is not None]
    if base is None or not contributions:
        return ""
    total = float(base) + sum(contributions)
    result = sigmoid(total)
    if abs(result - float(prediction["probability"])) > _SUM_TOLERANCE:
        return ""
    terms = " ".join(signed(v).replace("+", "+ ").replace("\N{MINUS SIGN}", "\N{MINUS SIGN} ") for v in contributions)
    return (
        f'<div class="i-balance" title="Contributions add up exactly: base logit + contributions = logit of this case">'
        f"base {signed(base)} {terms} = <b>{signed(total)}</b> logit = <b>{percent(result)}</b></div>"
    )


def gene_chart(top: pd.DataFrame, pathway_order: Sequence[str]) -> str:
    """Attribution per gene token as diverging bars, coloured dots for the pathway.

    Parameters
    ----------
    top : rows of `genes.gene_table`, in the order to draw
    pathway_order : pathways by importance; the first seven get a colour of their own
    """
    limit = nice_limit(float(top["attribution"].abs().max()) if len(top) else 0.0)
    rows = []
    for gene in top.to_dict("records"):
        title = gene_title(gene)
        rows.append(
            f'<div class="i-gene" title="{esc(title)}"><span class="i-symbol">{esc(gene["symbol"])}'
            f"<small>{kind_word(gene)}</small></span>{diverging(gene['attribution'], limit)}"
            f'<span class="i-path">{pathway_dot(gene["pathway"], pathway_order)}{esc(gene["pathway"])}</span></div>'
        )
    return f'<div class="i-genes">{_gene_head("Gene", "Pathway")}{"".join(rows)}</div>'


def gene_title(gene: Mapping[Hashable, Any]) -> str:
    """All that is known of a gene token, in one line of plain text."""
    parts = [f"{gene['symbol']} ({gene['kind']}): {gene['state']}", str(gene.get("change") or "")]
    percentile, spread = gene.get("percentile"), gene.get("spread")
    if percentile is not None and math.isfinite(percentile):
        n = gene.get("n")
        parts.append(f"value {gene['value']:.3g}, percentile {percentile:.0f} of {n:.0f} training patients")
    else:
        parts.append(f"value {gene['value']:.3g}")
    parts.append(f"attention {gene['attention']:.2g}" + (f" (members {spread})" if spread else ""))
    parts.append(f"attribution {signed(gene['attribution'], 3)} logit")
    return "; ".join(p for p in (*parts, str(gene["pathways"])) if p)


def _gene_head(left: str, right: str) -> str:
    return f'<div class="i-gene i-head"><span>{left}</span>{ENDS}<span>{right}</span></div>'


def kind_word(gene: Mapping[Hashable, Any]) -> str:
    """What stands behind a symbol: protein change or state of a mutation, kind and percentile of the others; HTML."""
    kind, percentile = str(gene["kind"]), gene.get("percentile")
    if kind == "Mutation":
        return esc(str(gene.get("change") or gene["state"]).split(" (")[0])  # the class stands in the title and table
    place = "" if percentile is None or not math.isfinite(percentile) else f" {ordinal(percentile)} pctl"
    return esc(("burden" if kind == "TMB" else kind) + place)


def pathway_dot(pathway: str, order: Sequence[str]) -> str:
    """Coloured dot; the first seven pathways of ``order`` have a colour of their own."""
    known = [p for p in order if p != OTHER][: len(PATHWAY_COLOURS) - 1]
    colour = PATHWAY_COLOURS[known.index(pathway)] if pathway in known else PATHWAY_COLOURS[-1]
    return f'<i class="i-dot" style="background:{colour}"></i>'


def quality_bars(fractions: Sequence[tuple[str, float | None]]) -> str:
    """Share of the tissue for each artefact, on a scale of 0 to 100 %."""
    rows = [
        f'<div class="i-quality"><span>{esc(name)}</span><span class="i-bar"><i style="width:{100 * (v or 0):.1f}%">'
        f"</i></span><b>{percent(v, 1)}</b></div>"
        for name, v in fractions
    ]
    return "".join(rows)


def card(title: str, *parts: str, detail: str = "") -> str:
    """A framed block with a heading; title, detail and parts are HTML."""
    more = f' <span class="i-dim">· {detail}</span>' if detail else ""
    head = f'<div class="i-h">{title}{more}</div>' if title else ""
    return f'<div class="i-card">{head}{"".join(parts)}</div>'


def note(text: str) -> str:
    """Small print under a chart; ``text`` is HTML."""
    return f'<p class="i-note">{text}</p>'


def facts(rows: Sequence[tuple[str, str]], *, mono: bool = False) -> str:
    """Names and values in two columns; both are escaped."""
    cells = "".join(f"<dt>{esc(name)}</dt><dd>{esc(value)}</dd>" for name, value in rows)
    return f'<dl class="i-facts{" i-mono" if mono else ""}">{cells}</dl>'


def nice_limit(largest: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not below ``largest`` (1 for zero)."""
    if largest <= 0 or not math.isfinite(largest):
        return 1.0
    power = 10.0 ** math.floor(math.log10(largest))
    return next((step * power for step in (1.0, 2.0, 5.0) if step * power >= largest * (1 - 1e-9)), 10.0 * power)
