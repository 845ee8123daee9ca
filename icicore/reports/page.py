"""The evaluation report as one self-contained HTML page: no script, no font, no request; light, dark and print."""

from html import escape
from pathlib import Path

from icicore.reports import accuracy, insight, tables
from icicore.reports.html import grouped
from icicore.reports.numbers import DASH, estimate, interval, number, percent
from icicore.types import Json

_STYLE = Path(__file__).with_name("page.css")
_CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""The browser itself refuses any request the page might make."""


def evaluation_page(report: Json) -> str:
    """Return the page of a report; it says nothing that report.json does not hold."""
    sections = [
        _summary(report),
        accuracy.performance(report),
        accuracy.curves(report),
        accuracy.pairs(report),
        accuracy.calibration(report),
        accuracy.decision(report),
        accuracy.oracle(report),
        insight.subgroups(report),
        insight.subsets(report),
        insight.fusion(report),
        insight.weights(report),
        insight.features(report),
        insight.faithfulness(report),
        _methods(report),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_CSP}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Evaluation on {escape(report['study'])}</title>"
        f"<style>{_STYLE.read_text(encoding='utf-8')}</style></head><body>"
        f"{_header(report)}<main>{''.join(sections)}</main>{_footer(report)}</body></html>\n"
    )


def _header(report: Json) -> str:
    marks = f'<span class="use">{escape(report["research_use"])}</span>'
    if report["virtual"]:
        what = "Virtual data" if report["virtual_study"] else "Model trained on virtual data"
        marks += f'<span class="use">{what}: these figures say nothing about real patients</span>'
    kind = "external study" if report["external"] else "held-out test patients"
    return (
        f"<header>{marks}<h1>Prediction of response to immune checkpoint inhibitors: evaluation</h1>"
        f'<p class="sub">Study <b>{escape(report["study"])}</b>, {kind}: {report["n"]} patients, '
        f"{report['responders']} responders ({percent(report['prevalence'])}). "
        f"Endpoint: {escape(report['endpoint'])}. Intervals are 95 % from {grouped(report['bootstrap'])} "
        "patient-level bootstrap resamples unless stated.</p></header>"
    )


def _summary(report: Json) -> str:
    main = next(m for m in report["models"] if m["name"] == report["main"])
    tiles = [_tile(f"AUC-ROC, {main['name']}", main["auc_roc"], 3, f"n {main['n']}")]
    if report["oracle"]:
        found = report["oracle"]["efficiency_of"][report["main"]]
        tiles.append(_tile("oracle efficiency", found, 2, f"oracle AUC {number(report['oracle']['auc_roc'], 3)}"))
    tiles.append(_tile("sensitivity", main["sensitivity"], 2, f"at threshold {number(main['threshold'], 2)}"))
    tiles.append(_tile("specificity", main["specificity"], 2, "at the same threshold"))
    tiles.append(_tile("calibration error (ECE)", main["ece"], 3, "10 bins"))
    return f'<div class="tiles">{"".join(tiles)}</div>' + _cohort(report)


def _tile(name: str, content: Json, digits: int, note: str) -> str:
    value, bounds = number(content["value"], digits), interval(content["interval95"], digits)
    return f'<div class="tile"><span>{escape(name)}</span><b>{value}</b><em>{bounds or DASH}; {escape(note)}</em></div>'


def _cohort(report: Json) -> str:
    types = ", ".join(f"{n} {escape(tables.shown(name))}" for name, n in report["tumour_types"].items())
    have = ", ".join(f"{name} {n}" for name, n in report["present"].items())
    split = report["split"]
    trained = f"{split['train']} for training, {split['val']} for validation" if split["train"] else "not stated"
    return (
        f'<p class="cap" style="margin-top:12px">Test patients: {types}. Modality present in: {have} of {report["n"]}. '
        f"Patients behind {escape(report['main'])}: {trained}. {_worst(report)}</p>"
    )


def _worst(report: Json) -> str:
    worst = report["worst_subgroup"]
    if not worst:
        return ""
    auc = worst["auc_roc"]
    name = f"{escape(tables.shown(worst['group']))}</b> ({worst['grouping']})"
    return f"Lowest subgroup: <b>{name}, AUC {estimate(auc)}, n {worst['n']}."


def _methods(report: Json) -> str:
    notes = "".join(f"<li>{escape(note)}</li>" for note in report["notes"])
    rows = [
        tables.row([escape(b["name"]), b["kind"], str(b["members"]), escape(str(b["trained_on"] or DASH)),
                    "virtual" if b["virtual"] else "real", f"<code>{b['digest'][:16]}</code>"], left=2)
        for b in report["bundles"]
    ]  # fmt: skip
    bundles = tables.table(("bundle", "kind", "members", "trained on", "data", "digest"), rows, left=2)
    return f'<section><h2>Bundles and notes</h2>{bundles}<ul class="notes">{notes}</ul></section>'


def _footer(report: Json) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in report["created_with"].items())
    head = f"{escape(report['research_use'])}. Seed {report['seed']}. {escape(versions)}."
    return f"<footer>{head} The same numbers are in report.json.</footer>"
