"""The drift watch: distance of scored cases from the training patients, by site and month."""

from collections.abc import Sequence

import streamlit as st

from icicore.evaluation.drift import ALPHA, FEWEST_CASES, SMALLEST_SHIFT
from icicore.reports.numbers import interval, number
from icicore.reports.svg import Axes
from icicore.types import Json
from icicore.ui import charts, theme
from icicore.ui.figures import picture
from icicore.ui.html_table import table
from icicore.ui.models_desk import ModelsDesk
from icicore.ui.text import DASH, count, esc, signed
from icicore.ui.widgets import badge, empty
from icicore.workflows.registry_entries import Listed

MOST_LINES = 8
_LINE_PX = 17
"""Between two labels of the figure."""
RULE = (
    f"<b>Rule.</b> A site is judged from {FEWEST_CASES} scored cases on. Each measure of a case is placed among "
    "training patients that its axes were not made from: without drift it varies around 0 with standard deviation (SD) "
    f"1. A site is flagged when the mean shift of its cases is at least {SMALLEST_SHIFT} SD and too large for chance: "
    f"without drift the chance of any flag on this page is about {100 * ALPHA:.0f} %, whatever the number of sites "
    "(Bonferroni over all sites and measures). A flag says that inputs differ, not that results are wrong."
)


def drift_panel(desk: ModelsDesk, model: Listed) -> None:
    """Sites that have moved, distance by month, and the rule."""
    found = desk.drift(model)
    if found is None:
        empty(
            "No drift reference",
            "This model was trained before the drift watch. Its study gives it one: <code>icicore bundle drift "
            f"{esc(model.row.name)} --study STUDY</code>",
        )
        return
    if found["n"] == 0:
        empty("No case yet", f"Cases that this model scores from now on appear here.{_unseen(found)}")
        return
    left, right = st.columns([1.25, 1], gap="medium")
    left.html(charts.card("Sites", sites_table(found), charts.note(_reference(found) + _unseen(found))))
    right.html(month_card(found["months"], theme.palette()))
    st.html(charts.card("", charts.note(RULE)))


def _reference(found: Json) -> str:
    counts = sorted(set(found["reference"].values()))
    shown = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else str(counts[0]) if counts else "no"
    return (
        f"{count(found['n'], 'case')} against {shown} training patients. Slide distance: between the mean embedding of "
        "a case and that of the training patients, as a multiple of a typical training patient's. Slide axes: the "
        "directions in which training patients' slides differ most. Shifts: mean of the cases, 95 % interval. Site: as "
        "case.json states it, else the folder that the case lies in."
    )


def _unseen(found: Json) -> str:
    n = found["unseen"]
    return f" {count(n, 'case')} scored before the watch began: score again to include." if n else ""


def sites_table(found: Json) -> str:
    """One row per site: number of cases, distance, largest shifts of slides and expression, judgement."""
    head = ("Site", "Cases", "Slide distance, median", "Slides, largest shift", "Expression, largest shift", "")
    return table(head, [_site(row) for row in found["sites"]])


def _site(row: Json) -> tuple[str, ...]:
    mark = badge(f"too few to judge: {row['n']} of {row['fewest']}", "line")
    if row["judged"]:
        mark = badge("moved", "warn", "!") if row["moved"] else badge("no drift seen", "ok", "✓")
    if row["moved"]:
        mark += f"<br><span class='i-dim'>{esc(', '.join(shift['measure'] for shift in row['moved']))}</span>"
    typical = "no slides" if row["distance"] is None else f"{number(row['distance'])} × typical, n {row['n_distance']}"
    slides, expression = (_shift(row["largest"].get(kind)) for kind in ("slides", "expression"))
    return esc(row["site"]), str(row["n"]), typical, slides, expression, mark


def _shift(shift: Json | None) -> str:
    if shift is None:
        return DASH
    what = esc(shift["measure"].removeprefix("slide ").removeprefix("expression "))
    return f"{signed(shift['shift'])} SD ({interval(shift['interval95'])}) {what}, n {shift['n']}"


def month_card(months: Sequence[Json], colours: theme.Palette) -> str:
    """Median slide distance of every site by month of scoring."""
    if not months:
        return charts.card("Slide distance by month", charts.note("No case with slides."))
    sites = sorted({row["site"] for row in months}, key=lambda s: -sum(r["n"] for r in months if r["site"] == s))
    svg = month_figure(months, sites[:MOST_LINES])
    cells = "; ".join(f"{r['site']} {r['month']}: {number(r['distance'])}, n {r['n']}" for r in months)
    palette = "".join(
        f".line.c{k} {{ stroke: {c}; }} .dot.c{k}, text.c{k} {{ fill: {c}; }}"
        for k, c in enumerate(theme.PATHWAY_COLOURS)
    )
    more = f" The {MOST_LINES} sites with most cases are drawn." if len(sites) > MOST_LINES else ""
    note = f"Median of the cases scored in the month, as a multiple of a typical training patient's (dotted: 1).{more}"
    return charts.card("Slide distance by month", picture(svg, colours, cells, style=palette), charts.note(note))


def month_figure(months: Sequence[Json], sites: Sequence[str]) -> str:
    """Lines with a dot per month, labelled at their end."""
    order = sorted({row["month"] for row in months})
    top = max(2.0, *(row["distance"] for row in months)) * 1.1
    axes = Axes(680, 360, x=(-0.3, max(1.0, len(order) - 0.2)), y=(0.0, top), margin=(58, 170, 14, 52))
    step = next(s for s in (0.5, 1.0, 2.0, 5.0, 10.0, 50.0) if top / s <= 6)
    ticks = [step * k for k in range(int(top / step) + 1)]
    axes.frame((), ticks, xlabel="month of scoring", ylabel="slide distance")
    axes.line((-0.3, max(1.0, len(order) - 0.2)), (1, 1), colour="chance")
    for k, month in enumerate(order):
        if len(order) <= 8 or k % (len(order) // 6) == 0:
            axes.text(axes.px(k), 360 - 34, month, anchor="middle", kind="tick")
    ends: list[tuple[float, str, int]] = []
    for colour, site in enumerate(sites):
        points = [(order.index(r["month"]), r["distance"], r["n"]) for r in months if r["site"] == site]
        axes.line([p[0] for p in points], [p[1] for p in points], colour=colour)
        for x, y, n in points:
            axes.point(x, y, colour=colour, size=4.5, title=f"{site}: n {n}")
        ends.append((axes.py(points[-1][1]), f"{site[:16]}, n {sum(p[2] for p in points)}", colour))
    _labels(axes, ends)
    return axes.svg("Slide distance by site and month")


def _labels(axes: Axes, ends: list[tuple[float, str, int]]) -> None:
    """Names of the lines at the right edge in the order of their last points, none over another."""
    at = 0.0
    for y, label, colour in sorted(ends):
        at = max(y + 4, at + _LINE_PX)
        axes.text(axes.width - axes.right + 8, at, label, kind=f"note c{colour}")
