"""A page to draw on, in points from the top left corner downwards."""

import io
from dataclasses import dataclass

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from icicore.reports.case.type import BOLD, Style, fonts, printable
from icicore.types import Rgb

WIDTH, HEIGHT = A4
INK, MUTED, RULE, SUNKEN, ACCENT = "#102A43", "#4F6478", "#D9E2EC", "#F2F6F9", "#0B6E8A"
FOR, AGAINST = "#B2332B", "#1F6FB2"
WARN, WARN_BACK = "#8A4B00", "#FDF1DC"
BODY, SMALL, TINY = Style(7.6), Style(6.8), Style(5.9)
STRONG, TITLE, HEADING = Style(7.6, BOLD), Style(15, BOLD), Style(8.4, BOLD)


@dataclass(frozen=True)
class Box:
    """A rectangle of the page; ``y`` is its upper edge."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Lower edge."""
        return self.y + self.height

    def below(self, used: float) -> "Box":
        """What is left under the first ``used`` points."""
        return Box(self.x, self.y + used, self.width, max(0.0, self.height - used))


class Page:
    """One A4 page. The same calls give the same bytes: no clock and no random id enters the file."""

    def __init__(self, title: str) -> None:
        fonts()
        self._buffer = io.BytesIO()
        self._canvas = Canvas(self._buffer, pagesize=A4, invariant=1, pageCompression=1)
        self._canvas.setTitle(printable(title))
        self._canvas.setAuthor("icicore")
        self._canvas.setCreator("icicore")
        self._canvas.setSubject("Research use only")

    def text(
        self, x: float, y: float, words: str, style: Style = BODY, *, width: float, colour: str = INK, align: str = "l"
    ) -> None:
        """One line whose upper edge is ``y``, cut to ``width``; ``align`` is l, c or r within the width."""
        shown = style.clip(words, width)
        self._canvas.setFont(style.font, style.size)
        self._canvas.setFillColor(HexColor(colour))
        shift = {"l": 0.0, "c": (width - style.width(shown)) / 2, "r": width - style.width(shown)}[align]
        self._canvas.drawString(x + shift, HEIGHT - y - style.size, shown)

    def lines(self, x: float, y: float, lines: list[str], style: Style = BODY, *, colour: str = INK) -> float:
        """Lines that were wrapped before; returns their height."""
        self._canvas.setFont(style.font, style.size)
        self._canvas.setFillColor(HexColor(colour))
        for number, line in enumerate(lines):
            self._canvas.drawString(x, HEIGHT - y - number * style.line - style.size, line)
        return len(lines) * style.line

    def fill(self, box: Box, colour: str, *, radius: float = 0.0) -> None:
        """A filled rectangle."""
        self._canvas.setFillColor(HexColor(colour))
        y = HEIGHT - box.bottom
        if radius:
            self._canvas.roundRect(box.x, y, box.width, box.height, radius, stroke=0, fill=1)
        else:
            self._canvas.rect(box.x, y, box.width, box.height, stroke=0, fill=1)

    def rule(self, x1: float, y1: float, x2: float, y2: float, *, colour: str = RULE, width: float = 0.6) -> None:
        """A straight line."""
        self._canvas.setStrokeColor(HexColor(colour))
        self._canvas.setLineWidth(width)
        self._canvas.line(x1, HEIGHT - y1, x2, HEIGHT - y2)

    def dot(self, x: float, y: float, radius: float, colour: str) -> None:
        """A filled circle around a point."""
        self._canvas.setFillColor(HexColor(colour))
        self._canvas.circle(x, HEIGHT - y, radius, stroke=0, fill=1)

    def picture(self, box: Box, jpeg: bytes) -> None:
        """A JPEG, stretched to the box."""
        self._canvas.drawImage(
            ImageReader(io.BytesIO(jpeg)), box.x, HEIGHT - box.bottom, width=box.width, height=box.height
        )

    def ramp(self, box: Box, colours: Rgb) -> None:
        """A horizontal colour scale."""
        step = box.width / len(colours)
        for number, (red, green, blue) in enumerate(colours.tolist()):
            # Half a step of overlap: viewers draw hairlines between rectangles that only touch.
            width = step * (1.5 if number + 1 < len(colours) else 1.0)
            part = Box(box.x + number * step, box.y, width, box.height)
            self.fill(part, f"#{red:02X}{green:02X}{blue:02X}")

    def finish(self) -> bytes:
        """The PDF."""
        self._canvas.showPage()
        self._canvas.save()
        return self._buffer.getvalue()
