"""TMB, PD-L1 and LORIS under the probability: on its scale where data put them there, else by their percentile.

Pure functions; all of them return HTML in which text from files is escaped.
"""

from collections.abc import Mapping

from icicore.reports.numbers import estimate, interval, number
from icicore.types import Json
from icicore.ui.placement import percentile_words, value_words
from icicore.ui.text import DASH, count, esc, percent
from icicore.workflows.proof import COMPARATORS, verdict

NAMES: Mapping[str, tuple[str, str]] = {
    "tmb": ("TMB", "mutations/Mb"),
    "pdl1": ("PD-L1 (CD274)", "log2"),
    "loris": ("LORIS", ""),
}
SHORT: Mapping[str, str] = {"tmb": "TMB", "pdl1": "PD-L1", "loris": "LORIS"}
NEEDS = {
    "tmb": "no mutation data",
    "pdl1": "no expression of CD274",
    "loris": "needs TMB, age, albumin, NLR and previous systemic therapy",
}
_RATE = (
    "Response rate by this value alone: a logistic regression on the training patients of the model. "
    "It is not part of the model."
)
_PERCENTILE = "Percentile among the training patients; nothing was fitted that would give a response rate."
_UNPLACED = "not known of the training patients"
_NO_REFERENCE = "no training patients kept with this result"


def comparator_rows(prediction: Json, proof: Json | None) -> str:
    """One row per comparison score, each on a track as wide as the scale of the probability."""
    values = prediction.get("comparators") or {}
    places = prediction.get("comparator_places") or {}
    referenced = bool((prediction.get("training") or {}).get("reference"))
    rows = [_row(name, values.get(name), places.get(name), proof, referenced=referenced) for name in NAMES]
    return f'<div class="i-beside-rows">{"".join(rows)}</div>'


def _row(name: str, value: float | None, place: Json | None, proof: Json | None, *, referenced: bool) -> str:
    label, unit = NAMES[name]
    if value is None:
        head = f'<span>{label}</span><span class="i-dim">not known: {NEEDS[name]}</span>'
        return f'<div class="i-comp i-absent"><div class="i-comp-head">{head}</div></div>'
    shown = f"<span>{label} <b>{esc(value_words(float(value), unit))}</b>{_tested(name, proof)}</span>"
    if place is None:
        why = f'<span class="i-dim">{_UNPLACED if referenced else _NO_REFERENCE}: not on this scale</span>'
        return f'<div class="i-comp"><div class="i-comp-head">{shown}{why}</div></div>'
    rate, percentile, n = place.get("rate"), place.get("percentile"), int(place.get("n") or 0)
    if rate is not None:
        where = f'<span title="{_RATE}"><b>{percent(rate)}</b> <span class="i-dim">n {n}</span></span>'
        mark = f'<div class="i-rail" title="{_RATE}"><i style="left:{100 * rate:.1f}%"></i></div>'
    elif percentile is not None:
        words = esc(percentile_words(percentile, n))
        where = f'<span title="{_PERCENTILE}">{words} <span class="i-dim">(own scale)</span></span>'
        mark = f'<div class="i-rail i-own" title="{_PERCENTILE}"><i style="left:{percentile:.1f}%"></i></div>'
    else:
        where, mark = f"<span>{DASH}</span>", ""
    return f'<div class="i-comp"><div class="i-comp-head">{shown}{where}</div>{mark}</div>'


def _tested(name: str, proof: Json | None) -> str:
    """AUC of the score alone on the test set, where it is known."""
    row = next((m for m in (proof or {}).get("models", ()) if m["name"] == COMPARATORS[name]), None)
    if row is None or row["auc_roc"]["value"] is None:
        return ""
    title = f"AUC of {SHORT[name]} alone on the test patients of the model, n {row['n']}: {estimate(row['auc_roc'])}"
    return f' <span class="i-dim" title="{esc(title)}">· AUC {number(row["auc_roc"]["value"])}</span>'


def verdict_line(prediction: Json, proof: Json | None) -> str:
    """Whether the model ranks patients better than these scores, on its test set; says so where it does not."""
    if proof is None:
        return ""
    known = [k for k, v in (prediction.get("comparators") or {}).items() if v is not None and k in SHORT]
    found = {name: row for name in known if (row := verdict(proof, name)) is not None}
    better = [SHORT[name] for name, row in found.items() if row["beats"]]
    parts = [_not_beaten(name, row) for name, row in found.items() if not row["beats"]]
    main = next((m for m in proof["models"] if m["name"] == proof["main"]), None)
    if better and main is not None:
        auc = estimate(main["auc_roc"])
        parts.append(
            f'<p class="i-note">On its test set ({count(int(proof["n"]), "patient")}) the model ranks patients better '
            f"than {esc(_and(better))}: AUC {auc}.</p>"
        )
    untested = [SHORT[name] for name in known if name not in found]
    if untested:
        parts.append(f'<p class="i-note">Not compared on the test set: {esc(_and(untested))}.</p>')
    return "".join(parts)


def _not_beaten(name: str, row: Json) -> str:
    difference = f"{number(row['auc_difference'])} ({interval(row['interval95'])})"
    return (
        f'<p class="i-note i-warning"><b>The model does not beat {SHORT[name]} on its test set</b>: AUC difference '
        f"{difference}, n {row['n']}.</p>"
    )


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
