"""The test of a bundle on the cohort page: Table 1, figures and the ranking of biomarkers, each with n and source."""

import streamlit as st

from icicore.reports.numbers import ece_of_chance, estimate, number
from icicore.types import Json
from icicore.ui import charts, cohort_figures, theme
from icicore.ui.plotly_style import CONFIG
from icicore.ui.text import count, esc, percent
from icicore.workflows.bundle_report import Evaluation
from icicore.workflows.services import BundleRef

METRICS = {
    "auc_roc": "AUC-ROC", "auc_pr": "AUC-PR", "accuracy": "Accuracy", "f1": "F1", "sensitivity": "Sensitivity",
    "specificity": "Specificity", "brier": "Brier", "ece": "ECE",
}  # fmt: skip
SHOWN = (10, 20, 46)


def source_line(found: Evaluation, ref: BundleRef) -> str:
    """Who was tested, how many, and where the figures come from; HTML."""
    report = found.content
    who = "virtual patients" if report["virtual_study"] else "patients"
    role = "external to its training" if report["external"] else "held out from training"
    return (
        f"Test set: <b>{count(report['n'], who.removesuffix('s'))}</b> of {esc(report['study'])}, {role}; "
        f"{report['responders']} responders ({percent(report['prevalence'])}). Endpoint: {esc(report['endpoint'])}. "
        f"Intervals: 95 %, {count(report['bootstrap'], 'resample')}. Source: {esc(found.source)} of {esc(ref.name)} "
        f"{esc(ref.digest[:12])}."
    )


def warning(found: Evaluation) -> None:
    """Say on this screen too that virtual patients prove nothing about real ones."""
    if found.content["virtual"]:
        st.html(
            '<div class="i-reasons warn" role="note"><b>Virtual data.</b><span>These figures say how well the method '
            "finds what was planted in virtual patients, nothing about real ones.</span></div>"
        )


def performance(found: Evaluation, ref: BundleRef) -> None:
    """All figures of the test."""
    report, colours = found.content, theme.palette()
    warning(found)
    st.html(charts.note(source_line(found, ref)))
    st.html(charts.card("Table 1. Performance on the same test patients", table_1(report)))
    left, right = st.columns(2, gap="small")
    with left:
        _roc(report, colours)
    with right:
        _calibration(report, colours)
    left, right = st.columns(2, gap="small")  # a line of its own, so that the cards of one line start together
    with left:
        _decision(found, colours)
    with right:
        _subgroups(report, colours)


def table_1(report: Json) -> str:
    """Every model and comparator with each metric, value above and interval below; HTML."""
    names = [m for m in METRICS if any(m in row for row in report["models"])]
    head = "".join(f"<th>{esc(h)}</th>" for h in ("", "n", "Responders", "Threshold", *(METRICS[m] for m in names)))
    body = "".join(_model_row(row, names, main=row["name"] == report["main"]) for row in report["models"])
    note = charts.note(
        "Value and 95 % interval. Thresholds were chosen on validation patients; a score without one has no accuracy. "
        "Scores that are no probabilities have no Brier score and no calibration error (ECE)."
    )
    return f'<div class="i-wide-table"><table class="i-table"><tr>{head}</tr>{body}</table></div>{note}'


def _model_row(row: Json, names: list[str], *, main: bool) -> str:
    comparator = ' <span class="i-dim">comparator</span>' if row["kind"] != "model" else ""
    name = f"<b>{esc(row['name'])}</b>" if main else esc(row["name"])
    cells = [f"{name}{comparator}", str(row["n"]), str(row["responders"]), percent(row["threshold"])]
    if row["kind"] != "model" and row["threshold"] is not None:
        cells[3] = number(row["threshold"])  # of a score in its own unit
    return f"<tr>{''.join(f'<td>{c}</td>' for c in (*cells, *(_estimate(row.get(m)) for m in names)))}</tr>"


def _estimate(found: Json | None) -> str:
    if not found or found["value"] is None:
        return "–"
    low, high = found["interval95"]
    return f"{number(found['value'])}<br><small>{number(low)}–{number(high)}</small>"


def _chart(title: str, figure: object, key: str, words: str) -> None:
    with st.container(border=True, key=f"card_{key}"):
        st.markdown(f"**{title}**")
        st.plotly_chart(figure, key=key, config=dict(CONFIG), theme=None, width="stretch")
        st.html(charts.note(words))


def _roc(report: Json, colours: theme.Palette) -> None:
    names = cohort_figures.shown_curves(report)
    if not names:
        st.html(charts.card("ROC", charts.note("No ROC: the test patients are of one class.")))
        return
    words = "Bands: pointwise 95 % intervals of the first three curves; dotted: chance."
    _chart("Discrimination (ROC)", cohort_figures.roc_plot(report, colours), "cohort_roc", words)


def _calibration(report: Json, colours: theme.Palette) -> None:
    found = report["calibration"].get(report["main"])
    if found is None:
        st.html(charts.card("Calibration", charts.note("The score of this model is not a probability.")))
        return
    words = (
        f"{esc(report['main'])}: ECE <b>{number(found['ece'], 3)}</b>{ece_of_chance(found)}, Brier "
        f"{number(found['brier'], 3)}, slope {number(found['slope'])} (1 is ideal), n {found['n']}. Dots: response "
        "rate, 95 % interval; bars: patients per bin."
    )
    figure = cohort_figures.calibration_plot(found, colours, name=report["main"])
    _chart("Calibration", figure, "cohort_calibration", words)


def _decision(found: Evaluation, colours: theme.Palette) -> None:
    if "decision_curve" not in found.content:
        st.html(charts.card("Decision curve", charts.note(only_in_report("The decision curve"))))
        return
    words = (
        f"Net benefit per patient, n {found.content['decision_curve']['n']}: what is gained by treating those above "
        "the threshold, against treating everybody or nobody. Higher is better."
    )
    figure = cohort_figures.decision_plot(found.content, colours)
    _chart("Decision curve", figure, "cohort_decision", words)


def only_in_report(what: str) -> str:
    """Why a section is missing, and how to get it; HTML."""
    return f"{what} is in the whole report only, which lies not beside this model. {HOW_TO_TEST}"


HOW_TO_TEST = "<code>icicore evaluate --study STUDY --bundle NAME --out FOLDER --write-card</code> makes it."


def _subgroups(report: Json, colours: theme.Palette) -> None:
    unmeasured = [
        f"{esc(r['grouping'])} {esc(r['group'])} (n {r['n']}): {esc(r['why_no_auc'])}"
        for r in report["subgroups"]
        if r["auc_roc"]["value"] is None
    ]
    main = next(m for m in report["models"] if m["name"] == report["main"])
    words = (
        f"{esc(report['main'])}, AUC by group with 95 % interval; in brackets responders/n. Dotted: all test patients, "
        f"{estimate(main['auc_roc'])}, n {main['n']}. ◆ lowest of its kind."
    )
    words += f" Not measured: {'; '.join(unmeasured)}." if unmeasured else ""
    _chart("Subgroups", cohort_figures.forest_plot(report, colours), "cohort_subgroups", words)


def biomarkers(found: Evaluation, ref: BundleRef) -> None:
    """Ranking of features over all modalities, with the mark of those that were planted where that is known."""
    report, colours = found.content, theme.palette()
    warning(found)
    if not report.get("features"):
        st.html(charts.card("Biomarkers", charts.note(only_in_report("The ranking"))))
        return
    most = st.segmented_control(
        "Show", SHOWN, default=SHOWN[1], required=True, format_func=lambda n: f"first {n}", key="cohort_most"
    )
    rows = report["features"][: int(most or SHOWN[1])]
    notes = report.get("feature_notes") or {}
    known = any(r["planted"] is not None for r in report["features"])
    planted = "◆ planted: a cause that the simulation gave these virtual patients." if known else (
        "Whether a feature is a cause is not known of real patients."
    )  # fmt: skip
    n = notes.get("patients", report["n"])
    words = (
        f"{esc(report['main'])}, n {n} test patients. Importance: loss of AUC-ROC when the values of a feature are "
        "shuffled among the patients. Histology measures share the loss of the whole slide by the variance of its "
        f"contribution that they explain. {planted} Only the features with the largest attribution were shuffled. "
        f"Source: {esc(found.source)} of {esc(ref.name)} {esc(ref.digest[:12])}."
    )
    key = "".join(
        f'<span class="i-key"><i class="i-dot" style="background:var(--i-{m})"></i>{m.capitalize()}</span>'
        for m in ("histology", "genomics", "clinical")
    )
    st.html(f'<p class="i-note">{key}</p>')
    _chart("Biomarkers by importance", cohort_figures.biomarker_plot(rows, colours), "cohort_biomarkers", words)
