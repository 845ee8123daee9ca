"""A figure of the evaluation page as a file of its own: the page's style and the legend go into the SVG."""

import re
from collections.abc import Sequence
from pathlib import Path

from icicore.reports.figures import palette
from icicore.reports.numbers import estimate
from icicore.reports.svg import Axes
from icicore.types import Json

ROW = 22
"""Height of one line of the legend, in pixels."""
_SIZE = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')


def standalone(svg: str, legend: Sequence[tuple[str, str, int]] = ()) -> str:
    """Return an SVG file of one figure; light and dark follow the reader's setting.

    Parameters
    ----------
    svg : a figure of ``reports.figures``
    legend : name, note and colour of each line, written below the figure
    """
    found = _SIZE.search(svg)
    if found is None:
        raise ValueError("the figure states no size")
    width, height = float(found[1]), float(found[2])
    whole = height + (ROW * len(legend) + 8 if legend else 0)
    head = f'viewBox="0 0 {width:g} {whole:g}" width="{width:g}" height="{whole:g}"'
    start = svg.index(">") + 1
    opening = _SIZE.sub(head, svg[:start], count=1)
    paper = f'<rect class="paper" width="{width:g}" height="{whole:g}"/>'
    body = svg[start:].removesuffix("</svg>")
    return f"{opening}<style>{_style()}</style>{paper}{body}{_legend(legend, width, height)}</svg>\n"


def _legend(rows: Sequence[tuple[str, str, int]], width: float, top: float) -> str:
    axes = Axes(width, top, x=(0, width), y=(-top, 0), margin=(0, 0, 0, 0))
    for k, (name, note, colour) in enumerate(rows):
        y = top + ROW * k + 12
        axes.line((52, 84), (-(y - 4),) * 2, colour=colour)
        axes.text(94, y, name)
        axes.text(width - 14, y, note, anchor="end", kind="tick")
    return "".join(axes.parts)


def _style() -> str:
    """Colours and figure rules of the page's style sheet."""
    page = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    colours = page[page.index(":root") : page.index("* {")]
    rules = page[page.index("/* figures */") : page.index("@media (max-width")]
    return f"{colours}{rules}svg {{ font-family: system-ui, Arial, sans-serif; }} .paper {{ fill: var(--paper); }}"


def curve_legend(report: Json, names: Sequence[str], metric: str) -> list[tuple[str, str, int]]:
    """Legend of the ROC or PR figure: each model with its area."""
    rows, colours = {row["name"]: row for row in report["models"]}, palette(report)
    return [(name, f"{estimate(rows[name][metric])}, n {rows[name]['n']}", colours[name]) for name in names]
