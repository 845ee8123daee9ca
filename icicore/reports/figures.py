"""The figures of an evaluation report, drawn from its numbers."""

from collections.abc import Sequence

from icicore.reports.numbers import estimate, number
from icicore.reports.svg import Axes, key
from icicore.types import Json

TENTHS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
BANDS = 3
"""Bands of at most so many curves are drawn: more would cover each other. All are in report.json."""


def palette(report: Json) -> dict[str, int]:
    """Colour of every model and comparator, the same in all figures; the main model has the first."""
    names = [m["name"] for m in report["models"] if m["name"] != report["main"]]
    return {name: k for k, name in enumerate([report["main"], *names])}


def roc_figure(report: Json, names: Sequence[str]) -> str:
    """ROC curves with bands."""
    axes = Axes(520, 470, x=(0, 1), y=(0, 1))
    axes.frame(TENTHS, TENTHS, xlabel="1 \N{MINUS SIGN} specificity", ylabel="sensitivity")
    axes.line((0, 1), (0, 1), colour="chance")
    return _curves(axes, report, names, "roc").svg("ROC curves with 95 % bands")


def pr_figure(report: Json, names: Sequence[str]) -> str:
    """Precision-recall curves with bands; the dotted line is the prevalence."""
    axes = Axes(520, 470, x=(0, 1), y=(0, 1))
    axes.frame(TENTHS, TENTHS, xlabel="recall (sensitivity)", ylabel="precision")
    axes.line((0, 1), (report["prevalence"],) * 2, colour="chance")
    return _curves(axes, report, names, "pr").svg("Precision-recall curves with 95 % bands")


def _curves(axes: Axes, report: Json, names: Sequence[str], kind: str) -> Axes:
    colours = palette(report)
    found = [(colours[name], name, report["curves"][name][kind]) for name in names]
    bundled = {m["name"] for m in report["models"] if m["kind"] == "model"}
    for k, _, curve in [f for f in found if f[1] in bundled][:BANDS]:
        axes.band(curve["grid"], curve["low"], curve["high"], colour=k)
    for k, name, curve in reversed(found):
        axes.line(curve["x"], curve["y"], colour=k, title=name, thin=name not in bundled)
    return axes


def curve_key(report: Json, names: Sequence[str], metric: str) -> str:
    """Legend of the ROC or PR figure with each area."""
    rows = {row["name"]: row for row in report["models"]}
    notes = [f"{estimate(rows[name][metric])}, n {rows[name]['n']}" for name in names]
    return key(names, notes, colours=[palette(report)[name] for name in names])


def reliability_figure(calibration: Json, title: str, *, patient: float | None = None) -> str:
    """Observed rate against predicted probability, with Wilson intervals and the number of patients per bin.

    ``patient`` marks the probability of one patient.
    """
    axes = Axes(520, 500, x=(0, 1), y=(-0.2, 1))
    axes.frame(TENTHS, TENTHS, xlabel="predicted probability (mean of the bin)", ylabel="observed response rate")
    axes.line((0, 1), (0, 1), colour="chance")
    axes.line((0, 1), (0, 0), colour="zero")
    if patient is not None:
        axes.line((patient, patient), (0, 1), colour="mark")
        axes.text(axes.px(patient) - 6, axes.py(0.02), "this patient", anchor="end" if patient > 0.2 else "start")
    axes.text(axes.px(0) - 7, axes.py(-0.19), "n", anchor="end", kind="tick")
    most = max((b["n"] for b in calibration["bins"]), default=1)
    for one in calibration["bins"]:
        x, (low, high) = one["predicted"], one["interval95"]
        axes.interval((x, low), (x, high), colour=0)
        axes.point(x, one["observed"], colour=0, size=4.5, title=f"n {one['n']}")
        left, right, top = axes.px(one["low"]) + 1.5, axes.px(one["high"]) - 1.5, axes.py(-0.2 + 0.12 * one["n"] / most)
        tall = axes.py(-0.2) - top
        axes.parts.append(
            f'<rect class="bar" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{tall:.1f}"/>'
        )
        axes.text((left + right) / 2, top - 3, str(one["n"]), anchor="middle", kind="tick")
    return axes.svg(title)


def decision_figure(report: Json) -> str:
    """Net benefit of every model against treating everybody and nobody."""
    decision, colours = report["decision_curve"], palette(report)
    lines = decision["models"]
    top = max([0.05, *decision["treat_all"], *(v for line in lines.values() for v in line)])
    axes = Axes(520, 452, x=(0, 0.8), y=(-0.05, top * 1.08))
    step = 0.1 if top > 0.2 else 0.05
    ticks = [round(step * k, 2) for k in range(round(top / step) + 1)]
    axes.frame((0, 0.2, 0.4, 0.6, 0.8), ticks, xlabel="threshold probability", ylabel="net benefit per patient")
    shown = [(t, v) for t, v in zip(decision["thresholds"], decision["treat_all"], strict=True) if v >= -0.05]
    axes.line([t for t, _ in shown], [v for _, v in shown], colour="chance")
    axes.line((0, 0.8), (0, 0), colour="zero")
    for name, line in reversed(list(lines.items())):
        kept = [(t, v) for t, v in zip(decision["thresholds"], line, strict=True) if v >= -0.05]
        axes.line([t for t, _ in kept], [v for _, v in kept], colour=colours[name], title=name)
    return axes.svg("Decision curves")


def forest_figure(rows: Sequence[tuple[str, Json]], *, reference: float | None, reference_name: str = "") -> str:
    """AUC with interval of named rows; ``None`` values are listed without a mark.

    Each row is (label, {"n", "responders", "auc_roc", "worst", "why_no_auc", "head"}); a row with ``head`` is a
    heading.
    """
    height = 26 * len(rows) + 66
    low = min([0.5, *(r["auc_roc"]["interval95"][0] for _, r in rows if _measured(r))])
    axes = Axes(1040, height, x=(max(0.0, int(low * 10) / 10), 1.0), y=(0, len(rows)), margin=(400, 190, 18, 44))
    ticks = [t / 10 for t in range(round(axes.x[0] * 10), 11)]
    axes.frame(ticks, (), xlabel="AUC-ROC, 95 % interval")
    if reference is not None:
        axes.line((reference,) * 2, (0, len(rows)), colour="chance")
        axes.text(axes.px(reference), 12, reference_name, anchor="middle", kind="tick")
    for k, (label, row) in enumerate(rows):
        _forest_row(axes, len(rows) - k - 0.5, label, row)
    return axes.svg("AUC by group")


def _forest_row(axes: Axes, at: float, label: str, row: Json) -> None:
    y = axes.py(at) + 4
    if row.get("head"):
        axes.text(4, y, label, kind="head")
        return
    axes.text(16, y, label, kind="note")
    axes.text(380, y, f"{row['responders']} / {row['n']}", anchor="end", kind="num")
    if not _measured(row):
        axes.text(axes.width - 4, y, row.get("why_no_auc") or "no AUC", anchor="end", kind="tick")
        return
    value, (low, high) = row["auc_roc"]["value"], row["auc_roc"]["interval95"]
    colour: int | str = "worst" if row.get("worst") else 0
    axes.interval((max(low, axes.x[0]), at), (high, at), colour=colour)
    axes.point(value, at, colour=colour, size=4.5)
    mark = "  lowest" if row.get("worst") else ""
    axes.text(axes.width - 180, y, f"{number(value)} ({number(low)}\N{EN DASH}{number(high)}){mark}", kind="num-left")


def _measured(row: Json) -> bool:
    return not row.get("head") and row["auc_roc"]["interval95"] is not None


def deletion_figure(faithfulness: Json, what: str) -> str:
    """Mean change of the logit after removing shares of tiles or genes in the order of an explanation."""
    found = faithfulness["deletion"][what]
    lines = {name: [None if v is None else v["value"] for v in values] for name, values in found.items()}
    values = [v for line in lines.values() for v in line if v is not None]
    if not values:
        return ""
    reach = max(0.1, *(abs(v) for v in values)) * 1.1
    shares = faithfulness["shares"]
    axes = Axes(520, 330, x=(-0.2, len(shares) - 0.8), y=(-reach, reach), margin=(58, 14, 12, 44))
    step = next(s for s in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10) if reach / s <= 4)
    ticks = [round(step * k, 2) for k in range(-int(reach / step), int(reach / step) + 1)]
    axes.frame((), ticks, xlabel=f"share of {what} removed", ylabel="change in logit")
    axes.line((-0.2, len(shares) - 0.8), (0, 0), colour="zero")
    for k, share in enumerate(shares):
        axes.text(axes.px(k), 330 - 28, f"{100 * share:g} %", anchor="middle", kind="tick")
    for k, line in enumerate(lines.values()):
        kept = [(x, v) for x, v in enumerate(line) if v is not None]
        axes.line([x for x, _ in kept], [v for _, v in kept], colour=k)
        for x, v in kept:
            axes.point(x, v, colour=k, size=3)
    return axes.svg(f"Deletion of {what}")
