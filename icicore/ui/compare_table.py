"""Numbers side by side, with the differences marked. Pure functions; text from files is escaped."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from icicore.domain import MODALITIES
from icicore.reports.numbers import number
from icicore.types import Json
from icicore.ui import charts
from icicore.ui.comparators import NAMES as COMPARATORS
from icicore.ui.compare_sides import Side
from icicore.ui.placement import value_words
from icicore.ui.text import DASH, MODALITY_NAMES, STATE_NAMES, TUMOUR_NAMES, esc, interval, percent, signed

WEIGHT_STEP, LOGIT_STEP, RATIO = 0.10, 0.50, 2.0
"""From which difference of weights, of contributions, and from which ratio of measured values a row is marked."""
RULES = (
    "Marked ≠: words that differ; probabilities whose 95 % intervals do not overlap; fusion weights that differ by "
    f"{100 * WEIGHT_STEP:.0f} points or more; contributions of opposite sign or {LOGIT_STEP:g} logit apart; measured "
    f"values that differ by a factor of {RATIO:g} or are known of one only. These limits are for finding your way; "
    "they are no statistical test."
)


@dataclass(frozen=True)
class Line:
    """A row of the table: the cells as HTML, the difference in words, and whether it is marked."""

    name: str
    cells: tuple[str, ...]
    difference: str
    marked: bool
    help: str = ""


def lines(sides: Sequence[Side]) -> list[tuple[str, list[Line]]]:
    """All rows in groups with a heading."""
    said = [s.prediction for s in sides]
    contributions = [_mapping(p, "modality_contributions") for p in said]
    limit = charts.nice_limit(max([abs(v) for c in contributions for v in c.values() if v is not None] + [0.0]))
    return [
        ("Answer", _answer(sides)),
        ("Fusion weight", [_weight(m, [_mapping(p, "modality_weights").get(m) for p in said]) for m in MODALITIES]),
        ("Contribution, logit", [_push(m, [c.get(m) for c in contributions], limit) for m in MODALITIES]),
        ("Measured", [*_comparators(said), *_clinical(said), *_tissue(said)]),
    ]


def _mapping(prediction: Json, name: str) -> dict[str, Any]:
    return dict(prediction.get(name) or {})


def _answer(sides: Sequence[Side]) -> list[Line]:
    said = [s.prediction for s in sides]
    chances = [p.get("probability") for p in said]
    bounds = [p.get("interval95") for p in said]
    known = [b for b in bounds if b]
    apart = len(known) > 1 and max(b[0] for b in known) > min(b[1] for b in known)
    gap = _gap(chances, lambda d: f"{signed(100 * d, 0)} points", lambda d: f"{100 * d:.0f} points apart")
    overlap = "intervals do not overlap" if apart else "intervals overlap"
    return [
        Line("Probability of response", tuple(f"<b>{percent(c)}</b>" for c in chances), gap, apart),
        Line("95 % interval", tuple(interval(b) for b in bounds), overlap if len(known) > 1 else "", apart),
        _words("Call", [str(p.get("call") or "no call").capitalize() for p in said]),
        _words("State", [STATE_NAMES.get(str(p.get("status")), str(p.get("status"))) for p in said]),
        _words("Flags", [", ".join(_flags(p)) or "none" for p in said]),
        _words("Threshold", [percent(p.get("threshold")) for p in said]),
        _words(
            "Tumour", [TUMOUR_NAMES.get(str(p.get("tumour_type")), str(p.get("tumour_type") or DASH)) for p in said]
        ),
        _words("Model", [s.bundle for s in sides]),
    ]


def _flags(prediction: Json) -> list[str]:
    return list(dict.fromkeys(str(r["code"]).replace("_", " ") for r in prediction.get("reasons") or ()))


def _words(name: str, values: Sequence[str]) -> Line:
    differs = len(set(values)) > 1
    return Line(name, tuple(map(esc, values)), "differs" if differs else "same", differs)


def _weight(modality: str, values: Sequence[float | None]) -> Line:
    cells = tuple(_bar(modality, v) for v in values)
    known = [v for v in values if v is not None]
    marked = len(known) < len(values) if known else False
    marked = marked or bool(known and max(known) - min(known) >= WEIGHT_STEP)
    gap = _gap(values, lambda d: f"{signed(100 * d, 0)} points", lambda d: f"{100 * d:.0f} points apart")
    return Line(MODALITY_NAMES[modality], cells, gap, marked)


def _bar(modality: str, value: float | None) -> str:
    if value is None:
        return '<span class="i-dim">not given</span>'
    fill = f'<i style="width:{100 * value:.1f}%;background:var(--i-{modality})"></i>'
    return f'<span class="i-cell"><span class="i-bar">{fill}</span><b>{percent(value)}</b></span>'


def _push(modality: str, values: Sequence[float | None], limit: float) -> Line:
    cells = tuple(
        charts.diverging(v, limit) if v is not None else '<span class="i-dim">not given</span>' for v in values
    )
    return Line(MODALITY_NAMES[modality], cells, *_logits(values))


def _logits(values: Sequence[float | None]) -> tuple[str, bool]:
    known = [v for v in values if v is not None]
    opposite = bool(known) and min(known) < 0 < max(known)
    marked = bool(known) and (opposite or max(known) - min(known) >= LOGIT_STEP or len(known) < len(values))
    gap = _gap(values, lambda d: signed(d), lambda d: f"{d:.2f} apart")
    return gap + (", opposite sign" if opposite else ""), marked


def _gap(values: Sequence[float | None], pair: Callable[[float], str], many: Callable[[float], str]) -> str:
    """The difference in words: B minus A of two, the range of more."""
    known = [float(v) for v in values if v is not None]
    if len(known) < len(values):
        return "not known of all" if known else ""
    return pair(known[1] - known[0]) if len(known) == 2 else many(max(known) - min(known))


def _measured(name: str, values: Sequence[float | None], unit: str) -> Line:
    cells = tuple(
        '<span class="i-dim">not known</span>' if v is None else esc(_with_unit(float(v), unit)) for v in values
    )
    known = [float(v) for v in values if v is not None]
    factor = max(known) / min(known) if known and min(known) > 0 else 1.0
    marked = bool(known) and (len(known) < len(values) or factor >= RATIO)
    gap = _gap(values, lambda d: signed(d, 2 if abs(d) < 10 else 0), lambda d: f"{number(d)} apart")
    return Line(name, cells, gap, marked)


def _with_unit(value: float, unit: str) -> str:
    """A value with its unit; whole numbers, as of years, without decimals."""
    return f"{value:.0f} {unit}".strip() if value.is_integer() and abs(value) < 1000 else value_words(value, unit)


def _comparators(said: Sequence[Json]) -> list[Line]:
    found = [
        _measured(label, [_mapping(p, "comparators").get(key) for p in said], unit)
        for key, (label, unit) in COMPARATORS.items()
    ]
    return [line for line in found if any("not known" not in cell for cell in line.cells)]


def _clinical(said: Sequence[Json]) -> list[Line]:
    names: Mapping[str, tuple[str, str]] = {
        "age": ("Age", "years"), "sex": ("Sex", ""), "ecog": ("ECOG", "of 4"), "ldh_uln": ("LDH", "× ULN"),
    }  # fmt: skip
    found = []
    for key, (label, unit) in names.items():
        values = [next((c["value"] for c in p.get("clinical") or () if c["name"] == key), None) for p in said]
        if all(v is None for v in values):
            continue
        if key == "sex":
            found.append(_words(label, [str(v or "not known") for v in values]))
        else:
            found.append(_measured(label, values, unit))
    return found


def _tissue(said: Sequence[Json]) -> list[Line]:
    names = dict.fromkeys((m["name"], m.get("unit", "")) for p in said for m in p.get("measures") or ())
    return [
        _measured(
            name, [next((m["value"] for m in p.get("measures") or () if m["name"] == name), None) for p in said], unit
        )
        for name, unit in names
    ]


def table_html(sides: Sequence[Side]) -> str:
    """The whole table; rows that differ carry a mark and a word, not a colour alone."""
    parts = [_head(sides, [esc(side_title(s, sides)) for s in sides])]
    for title, group in lines(sides):
        parts.append(f'<div class="i-sub">{esc(title)}</div>')
        parts += [_row(line) for line in group]
    return charts.card("", _grid(len(sides), "".join(parts)), charts.note(esc(RULES)))


def _row(line: Line) -> str:
    cells = "".join(f"<span>{cell}</span>" for cell in line.cells)
    mark = '<b class="i-differs" aria-label="differs">≠</b> ' if line.marked else ""
    kind = " i-marked" if line.marked else ""
    name = f'<span class="i-dim">{esc(line.name)}</span>'
    return f'<div class="i-cmp-row{kind}">{name}{cells}<span>{mark}{esc(line.difference)}</span></div>'


def _head(sides: Sequence[Side], names: Sequence[str]) -> str:
    """The first line: letter and name of each column; names are HTML."""
    cells = (f'<span class="i-side-name"><b>{s.letter}</b> {name}</span>' for s, name in zip(sides, names, strict=True))
    last = "B minus A" if len(sides) == 2 else "Difference"
    return f'<div class="i-cmp-row i-head"><span></span>{"".join(cells)}<span>{last}</span></div>'


def _grid(n: int, content: str) -> str:
    return f'<div class="i-cmp" style="--n:{n}">{content}</div>'


def side_title(side: Side, sides: Sequence[Side]) -> str:
    """What tells a column from the others: the case, or the bundle where the case is the same."""
    same_case = len({s.row.case_key for s in sides}) == 1 and len(sides) > 1
    return f"{side.bundle} {side.result.bundle_digest[:8]}" if same_case else side.row.case_id


def genes_html(sides: Sequence[Side], *, most: int = 8) -> str:
    """The genes that count most in any column, each with its attribution in all of them."""
    found = [_attributions(s.prediction) for s in sides]
    tops = [set(sorted(f, key=lambda k, f=f: -abs(f[k] or 0.0))[:most]) for f in found]  # type: ignore[misc]
    union = sorted(set().union(*tops), key=lambda k: -max(abs(f.get(k) or 0.0) for f in found))
    if not union:
        return charts.card("Genes", charts.note("No result rests on genes."))
    limit = charts.nice_limit(max(abs(f.get(k) or 0.0) for f in found for k in union))
    rows = []
    for key in union:
        values = [f.get(key) for f in found]
        gap, marked = _logits(values)
        only = sum(key in top for top in tops) < len(tops)
        cells = tuple(
            '<span class="i-dim">not measured</span>' if v is None else charts.diverging(v, limit) for v in values
        )
        line = Line(f"{key[0]} {_KIND.get(key[1], key[1])}".strip(), cells, gap, marked and only)
        rows.append(_row(line))
    words = charts.note(
        f"Attribution of a gene to the logit (the sum is the contribution of genomics); the {most} largest of each "
        "column. Marked ≠: among the largest of some columns only, and different there."
    )
    top = _head(sides, [charts.ENDS] * len(sides))
    return charts.card("Genes that count most", _grid(len(sides), top + "".join(rows)), words)


_KIND = {"mutation": "mutation", "expression": "RNA", "tmb": ""}


def _attributions(prediction: Json) -> dict[tuple[str, str], float | None]:
    genes = prediction.get("genes") or ()
    return {(str(g["symbol"]), str(g["kind"])): g.get("attribution") for g in genes if g.get("measured")}
