"""Sections on how well the scores do: Table 1, curves, differences, calibration, decisions, oracle."""

from collections.abc import Sequence
from html import escape

from icicore.reports import figures, tables
from icicore.reports.html import grouped, section
from icicore.reports.numbers import number
from icicore.reports.svg import key
from icicore.types import Json

MOST_CURVES = 8


def performance(report: Json) -> str:
    """Table 1."""
    lead = (
        "<b>Table 1.</b> All models on the same test patients. Value above, 95 % interval below. Rows in italics are "
        "<b>figures of the reference paper</b> on its own cohort of "
        f"{grouped(report['reference_paper']['patients'])} patients "
        f"({report['reference_paper']['responders']} responders), which is not public; they are not ours. "
        "Thresholds were chosen on validation patients for sensitivity first. Scores without calibration have no "
        "Brier score and no ECE; without validation patients there is no threshold. A model that lacks its modality "
        "gives a patient the base rate."
    )
    return section("Performance", lead, tables.performance_table(report))


def curves(report: Json) -> str:
    """Figure 1: ROC and precision-recall."""
    names = _shown(report)
    if not names:
        return ""
    lead = (
        f"<b>Figure 1.</b> Left: ROC. Right: precision and recall; the dotted line is the prevalence. Bands: pointwise "
        f"95 % intervals, of the first {figures.BANDS} curves."
    )
    left = figures.roc_figure(report, names) + figures.curve_key(report, names, "auc_roc")
    right = figures.pr_figure(report, names) + figures.curve_key(report, names, "auc_pr")
    body = f'<div class="pair"><figure>{left}</figure><figure>{right}</figure></div>'
    return section("Discrimination", lead, body)


def pairs(report: Json) -> str:
    """Differences of AUC with intervals and DeLong's p."""
    main = report["main"]
    body = tables.pair_table(report, against=main)
    others = tables.pair_table(report, against=None)
    if others:
        body += f"<details><summary>All other pairs</summary>{others}</details>"
    lead = (
        f"<b>{escape(main)}</b> against every other score, on the patients who have both; positive is in its favour. "
        "The two intervals come from paired resamples and from DeLong's variance. p-values are not corrected for "
        "their number."
    )
    return section("Differences between models", lead, body)


def calibration(report: Json) -> str:
    """Figure 2: reliability, and a table of all models."""
    if report["main"] not in report["calibration"]:
        return ""
    figure = figures.reliability_figure(report["calibration"][report["main"]], "Reliability")
    lead = (
        f"<b>Figure 2.</b> Reliability of <b>{escape(report['main'])}</b>: observed rate per bin with its Wilson "
        "interval; bars and numbers below are patients per bin. Ideal: slope 1, intercept 0, shift 0. A slope below 1 "
        "means overconfident; the shift is what the logit lacks on average."
    )
    body = f'<div class="pair"><figure>{figure}</figure><div>{tables.calibration_table(report)}</div></div>'
    return section("Calibration", lead, body)


def decision(report: Json) -> str:
    """Figure 3: decision curves."""
    decision = report["decision_curve"]
    if not decision["n"]:
        return ""
    names = list(decision["models"])
    at = next(m["threshold"] for m in report["models"] if m["name"] == report["main"])
    notes = [_benefit(decision, name, at) for name in names]
    lead = (
        f"<b>Figure 3.</b> Net benefit per patient over the threshold probability, n {decision['n']}. Dotted: treat "
        f"everybody; thin line at 0: treat nobody. At right: net benefit at threshold {number(at)}."
    )
    legend = key(names, notes, colours=[figures.palette(report)[name] for name in names])
    body = f'<div class="pair"><figure>{figures.decision_figure(report)}</figure><div>{legend}</div></div>'
    return section("Decision curve", lead, body)


def _benefit(decision: Json, name: str, at: float | None) -> str:
    if at is None:
        return ""
    nearest = min(range(len(decision["thresholds"])), key=lambda k: abs(decision["thresholds"][k] - at))
    return number(decision["models"][name][nearest], 3)


def oracle(report: Json) -> str:
    """What is possible, and how much of it is reached; virtual studies only."""
    if not report["oracle"]:
        return ""
    lead = (
        "The simulation knows each patient's probability of response given what the patient's data show; a modality "
        "that is missing or spoiled shows nothing. Its AUC is the best that any score can reach on these "
        "patients. Efficiency is (AUC \N{MINUS SIGN} 0.5) / (oracle AUC \N{MINUS SIGN} 0.5). The stricter oracle knows "
        "every cause of every patient, so nobody reaches it."
    )
    return section("Against the oracle", lead, tables.oracle_table(report["oracle"]))


def _shown(report: Json) -> Sequence[str]:
    """Curves in the order of the table, the main model first."""
    names = [name for name in report["curves"] if name != report["main"]]
    return [name for name in (report["main"], *names) if name in report["curves"]][:MOST_CURVES]
