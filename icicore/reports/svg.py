"""A small plotting surface: axes, lines, bands, points and bars as SVG text. It draws, and never computes.

Colours are CSS classes (``c0`` to ``c7``, ``grid``, ``ink``), so that one figure serves light, dark and print.
"""

from collections.abc import Sequence
from html import escape

N_COLOURS = 8
DASHES = ("", "7 3", "2 3", "9 3 2 3", "5 2", "1 3", "12 4", "4 4")
"""Every colour has its own dash, so that lines differ without colour too."""


class Axes:
    """Axes of a figure in user units (pixels), y growing upwards.

    Parameters
    ----------
    width, height : of the whole figure
    x, y : ranges in data units
    margin : left, right, top, bottom
    """

    def __init__(
        self,
        width: float,
        height: float,
        *,
        x: tuple[float, float],
        y: tuple[float, float],
        margin: tuple[float, float, float, float] = (52, 14, 12, 44),
    ) -> None:
        self.width, self.height, self.x, self.y = width, height, x, y
        self.left, self.right, self.top, self.bottom = margin
        self.parts: list[str] = []

    def px(self, value: float) -> float:
        """Horizontal place of a data value."""
        share = (value - self.x[0]) / (self.x[1] - self.x[0])
        return round(self.left + share * (self.width - self.left - self.right), 2)

    def py(self, value: float) -> float:
        """Vertical place of a data value."""
        share = (value - self.y[0]) / (self.y[1] - self.y[0])
        return round(self.height - self.bottom - share * (self.height - self.top - self.bottom), 2)

    def frame(self, xticks: Sequence[float], yticks: Sequence[float], *, xlabel: str, ylabel: str = "") -> None:
        """Grid, ticks and axis titles; ``yticks`` may be empty for figures with named rows."""
        low, high = self.py(self.y[0]), self.py(self.y[1])
        start, stop = self.px(self.x[0]), self.px(self.x[1])
        for tick in xticks:
            at = self.px(tick)
            self.parts.append(f'<line class="grid" x1="{at}" x2="{at}" y1="{high}" y2="{low}"/>')
            self.text(at, low + 16, _tick(tick), anchor="middle", kind="tick")
        for tick in yticks:
            at = self.py(tick)
            self.parts.append(f'<line class="grid" x1="{start}" x2="{stop}" y1="{at}" y2="{at}"/>')
            self.text(start - 7, at + 3.5, _tick(tick), anchor="end", kind="tick")
        self.parts.append(f'<line class="axis" x1="{start}" x2="{stop}" y1="{low}" y2="{low}"/>')
        if yticks:
            self.parts.append(f'<line class="axis" x1="{start}" x2="{start}" y1="{high}" y2="{low}"/>')
        self.text((start + stop) / 2, self.height - 8, xlabel, anchor="middle", kind="label")
        if ylabel:
            middle = (low + high) / 2
            self.parts.append(
                f'<text class="label" text-anchor="middle" transform="translate(14 {middle:.1f}) rotate(-90)">'
                f"{escape(ylabel)}</text>"
            )

    def line(
        self, x: Sequence[float], y: Sequence[float], *, colour: int | str, title: str = "", thin: bool = False
    ) -> None:
        """A line; ``colour`` is a number of the palette or a class of its own."""
        points = " ".join(f"{self.px(a)},{self.py(b)}" for a, b in zip(x, y, strict=True))
        dash = f' stroke-dasharray="{_dash(colour)}"' if isinstance(colour, int) and colour else ""
        kind = f"line {_class(colour)}{' thin' if thin else ''}"
        self.parts.append(f'<polyline class="{kind}"{dash} points="{points}">{_title(title)}</polyline>')

    def band(self, x: Sequence[float], low: Sequence[float], high: Sequence[float], *, colour: int) -> None:
        """The area between two lines."""
        way = [*zip(x, high, strict=True), *reversed(list(zip(x, low, strict=True)))]
        points = " ".join(f"{self.px(a)},{self.py(b)}" for a, b in way)
        self.parts.append(f'<polygon class="band {_class(colour)}" points="{points}"/>')

    def interval(self, low: tuple[float, float], high: tuple[float, float], *, colour: int | str) -> None:
        """A whisker between two data points."""
        (a, b), (c, d) = low, high
        self.parts.append(
            f'<line class="whisker {_class(colour)}" x1="{self.px(a)}" y1="{self.py(b)}" '
            f'x2="{self.px(c)}" y2="{self.py(d)}"/>'
        )

    def point(self, x: float, y: float, *, colour: int | str, size: float = 4.0, title: str = "") -> None:
        """A dot."""
        self.parts.append(
            f'<circle class="dot {_class(colour)}" cx="{self.px(x)}" cy="{self.py(y)}" r="{size}">'
            f"{_title(title)}</circle>"
        )

    def text(self, x: float, y: float, content: str, *, anchor: str = "start", kind: str = "note") -> None:
        """Text at a place in pixels."""
        self.parts.append(
            f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(content)}</text>'
        )

    def svg(self, title: str) -> str:
        """Return the whole figure; ``title`` is read out by screen readers."""
        body = "".join(self.parts)
        return (
            f'<svg viewBox="0 0 {self.width:g} {self.height:g}" role="img" aria-label="{escape(title)}" '
            f'xmlns="http://www.w3.org/2000/svg">{body}</svg>'
        )


def key(names: Sequence[str], notes: Sequence[str], *, colours: Sequence[int]) -> str:
    """Legend in HTML: a piece of each line, its name and a note."""
    rows = []
    for name, note, k in zip(names, notes, colours, strict=True):
        line = f'<line class="line c{k % N_COLOURS}" x1="1" x2="29" y1="4" y2="4" stroke-dasharray="{_dash(k)}"/>'
        sample = f'<svg viewBox="0 0 30 8" class="key" aria-hidden="true">{line}</svg>'
        rows.append(f"<li>{sample}<span>{escape(name)}</span><em>{escape(note)}</em></li>")
    return f'<ul class="legend">{"".join(rows)}</ul>'


def _class(colour: int | str) -> str:
    return f"c{colour % N_COLOURS}" if isinstance(colour, int) else colour


def _dash(colour: int) -> str:
    """Beyond the palette colours come again, with another dash."""
    return DASHES[(colour + 3 * (colour // N_COLOURS)) % N_COLOURS]


def _title(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""


def _tick(value: float) -> str:
    return f"{value:g}".replace("-", "\N{MINUS SIGN}")
