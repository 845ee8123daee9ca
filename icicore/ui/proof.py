"""The proof behind a probability: how well the model did on patients that it was not trained on."""

from collections.abc import Sequence

import streamlit as st

from icicore.reports.figures import reliability_figure, roc_figure
from icicore.reports.numbers import ece_of_chance, estimate, interval, number
from icicore.types import Json
from icicore.ui import charts, theme
from icicore.ui.figures import picture
from icicore.ui.text import count, esc, percent
from icicore.workflows.proof import patient_groups, rows_of_patient

_KINDS = {
    "multimodal": "Model",
    "image": "Slide alone",
    "genomic": "Genes alone",
    "clinical": "Clinical values alone",
    "concat": "Same inputs, concatenated",
}


@st.dialog("Can this probability be trusted?", width="large")
def proof_dialog(proof: Json, prediction: Json) -> None:
    """Reliability with n per bin, ROC, subgroups of this patient, and the differences from other scores."""
    st.html(proof_html(proof, prediction, theme.palette()))


def proof_html(proof: Json, prediction: Json, colours: theme.Palette) -> str:
    """Content of the dialog."""
    return (
        f"{_head(proof)}"
        f'<div class="i-pair">{_reliability(proof, prediction, colours)}{_roc(proof, colours)}</div>'
        f"{_patient_rows(proof, prediction)}{_differences(proof)}"
    )


def _head(proof: Json) -> str:
    who = "virtual patients" if proof["virtual_study"] else "patients"
    role = "external" if proof["external"] else "held out from training"
    virtual = (
        " These figures say how well the method finds what was planted in virtual patients, nothing about real ones."
        if proof["virtual"]
        else ""
    )
    return charts.note(
        f"Test set: <b>{proof['n']} {who}</b> of {esc(proof['study'])}, {role}; {proof['responders']} responders "
        f"({percent(proof['prevalence'])}). Endpoint: {esc(proof['endpoint'])}. Intervals: 95 %, "
        f"{proof['bootstrap']} resamples.{virtual}"
    )


def _reliability(proof: Json, prediction: Json, colours: theme.Palette) -> str:
    found = proof["calibration"].get(proof["main"])
    if found is None:
        return charts.card("Reliability", charts.note("The score of this model is not a probability."))
    svg = reliability_figure(found, "Reliability", patient=prediction.get("probability"))
    bins = "; ".join(
        f"{percent(b['predicted'])} predicted, {percent(b['observed'])} observed, n {b['n']}" for b in found["bins"]
    )
    words = (
        f"ECE <b>{number(found['ece'], 3)}</b>{ece_of_chance(found)} · Brier {number(found['brier'], 3)} · slope "
        f"{number(found['slope'])} (1 is ideal) · n {found['n']}. Dots: response rate by predicted probability with "
        f"95 % interval; bars and numbers below: patients per bin. {_own_bin(found, prediction)}"
    )
    return charts.card("Reliability", picture(svg, colours, f"Reliability diagram. {bins}"), charts.note(words))


def _own_bin(found: Json, prediction: Json) -> str:
    """The bin that this patient's probability falls into."""
    p = prediction.get("probability")
    own = None if p is None else next((b for b in found["bins"] if b["low"] <= p <= b["high"]), None)
    if own is None:
        return "" if p is None else f"<b>No test patient had a probability near this patient's {percent(p)}.</b>"
    low, high = own["interval95"]
    return (
        f"<b>This patient's {percent(p)}: of {count(int(own['n']), 'test patient')} with {percent(own['low'])} to "
        f"{percent(own['high'])}, {percent(own['observed'])} responded ({percent(low)} to {percent(high)}).</b>"
    )


def _roc(proof: Json, colours: theme.Palette) -> str:
    main = _row(proof, proof["main"])
    if proof["main"] not in proof["curves"] or main is None:
        return charts.card("ROC", charts.note("No ROC: the test patients are of one class."))
    svg = roc_figure(proof, [proof["main"]])
    threshold = "" if main["threshold"] is None else f" at the threshold of {percent(main['threshold'])}"
    words = (
        f"AUC <b>{estimate(main['auc_roc'])}</b> · n {main['n']}, {main['responders']} responders. Sensitivity "
        f"{estimate(main['sensitivity'])}, specificity {estimate(main['specificity'])}{threshold}. Shaded: 95 % band; "
        "dotted: chance."
    )
    alt = f"ROC curve, AUC {estimate(main['auc_roc'])}"
    return charts.card("Discrimination (ROC)", picture(svg, colours, alt), charts.note(words))


def _patient_rows(proof: Json, prediction: Json) -> str:
    rows = rows_of_patient(proof, prediction)
    head = ("Group of this patient", "n", "Responders", "AUC, 95 % interval")
    body = [(f"{r['group']} ({r['grouping']})", str(r["n"]), str(r["responders"]), _auc(r)) for r in rows]
    main = _row(proof, proof["main"])
    if main is not None:
        body.append(("all test patients", str(main["n"]), str(main["responders"]), estimate(main["auc_roc"])))
    missing = [name for name in ("tumour type", "sex", "age") if name not in patient_groups(prediction)]
    lacks = f" Not known of this patient: {', '.join(missing)}." if missing else ""
    note = charts.note(f"The same AUC among the test patients of this patient's groups.{lacks}")
    return charts.card("Patients like this one", _table(head, body), note)


def _auc(row: Json) -> str:
    if row["auc_roc"]["value"] is None:
        return f"not measured: {row['why_no_auc']}"
    return estimate(row["auc_roc"]) + (", lowest of its kind" if row["worst"] else "")


def _differences(proof: Json) -> str:
    head = ("Compared with", "n", "AUC", "Model minus this, 95 % interval", "")
    body = []
    for name, pair in proof["against"].items():
        row = _row(proof, name)
        if row is None or pair["auc_difference"] is None:
            continue
        bounds = pair["interval95"]
        judged = "model better" if bounds[0] > 0 else "model worse" if bounds[1] < 0 else "no difference shown"
        difference = f"{number(pair['auc_difference'])} ({interval(bounds)})"
        body.append((_KINDS.get(name, name), str(pair["n"]), number(row["auc_roc"]["value"]), difference, judged))
    if not body:
        return ""
    return charts.card("Against simpler scores, same patients", _table(head, body))


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{esc(h)}</th>" for h in head)
    rows = "".join(f"<tr>{''.join(f'<td>{esc(cell)}</td>' for cell in row)}</tr>" for row in body)
    return f'<table class="i-table"><tr>{top}</tr>{rows}</table>'


def _row(proof: Json, name: str) -> Json | None:
    return next((row for row in proof["models"] if row["name"] == name), None)


def no_proof_words(bundle: str) -> str:
    """What to do for a bundle without proof; plain text."""
    return (
        f"No test of {bundle or 'this model'} is stored beside it. "
        f"icicore evaluate --study STUDY --bundle {bundle or 'NAME'} --out FOLDER --write-card makes one."
    )
