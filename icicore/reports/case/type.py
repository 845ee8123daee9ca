"""Type on a page: fonts that travel with the package, text that is cut rather than run over, missing glyphs marked."""

import functools
import threading
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfbase.ttfonts import TTFont

REGULAR, BOLD = "IcicoreSans", "IcicoreSans-Bold"
PLACEHOLDER = "\N{WHITE SQUARE}"
"""Stands for a character that cannot be printed."""
MORE = "\N{HORIZONTAL ELLIPSIS}"
_FONTS = Path(__file__).with_name("fonts")
_FILES = {REGULAR: "DejaVuSansCondensed.ttf", BOLD: "DejaVuSansCondensed-Bold.ttf"}
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN", "RLE", "RLO", "RLI"})
_LOCK = threading.Lock()


@functools.cache
def fonts() -> dict[str, frozenset[int]]:
    """Register the fonts once; returns the code points that each can print."""
    with _LOCK:
        covered = {}
        for name, file in _FILES.items():
            font = TTFont(name, str(_FONTS / file))
            registerFont(font)
            covered[name] = frozenset(font.face.charToGlyph)
        return covered


def printable(text: str, font: str = REGULAR) -> str:
    """The text as this font can print it, in composed form.

    A character without a glyph becomes a white square, and so does a letter of a right-to-left script: set from left
    to right and unjoined it would read wrongly. Control characters are left out; line ends and tabs stay.
    """
    covered = fonts()[font]
    found = (_glyph(c, covered) for c in unicodedata.normalize("NFC", text))
    return "".join(found)


def _glyph(character: str, covered: frozenset[int]) -> str:
    if character in "\n\t":
        return character
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn"):
        return "" if unicodedata.category(character) in ("Cc", "Cf") else PLACEHOLDER
    if character.isspace():
        return " "
    wrong_way = unicodedata.bidirectional(character) in _RIGHT_TO_LEFT
    return PLACEHOLDER if wrong_way or ord(character) not in covered or ord(character) > 0xFFFF else character


@dataclass(frozen=True)
class Style:
    """Font, size and leading in points."""

    size: float = 8.0
    font: str = REGULAR
    leading: float = 1.32

    @property
    def line(self) -> float:
        """Height of a line in points."""
        return self.size * self.leading

    def width(self, text: str) -> float:
        """Width of a printable text in points."""
        fonts()
        return float(stringWidth(text, self.font, self.size))

    def clip(self, text: str, width: float) -> str:
        """The text on one line, its end replaced by an ellipsis where it is too wide."""
        text = " ".join(printable(text, self.font).split())
        if self.width(text) <= width:
            return text
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.width(text[:middle] + MORE) <= width else (low, middle - 1)
        return text[:low].rstrip() + MORE

    def wrap(self, text: str, width: float) -> list[str]:
        """Lines of at most ``width`` points; words that are wider are broken; empty lines are kept."""
        lines: list[str] = []
        for paragraph in printable(text, self.font).split("\n"):
            lines += self._wrap_paragraph(paragraph, width)
        return lines

    def _wrap_paragraph(self, paragraph: str, width: float) -> list[str]:
        lines, current = [], ""
        for word in paragraph.split():
            for piece in self._pieces(word, width):
                joined = f"{current} {piece}" if current else piece
                if self.width(joined) <= width:
                    current = joined
                else:
                    lines.append(current)
                    current = piece
        return [*lines, current]

    def _pieces(self, word: str, width: float) -> list[str]:
        """A word that is wider than the line, in parts that fit."""
        if self.width(word) <= width:
            return [word]
        pieces, current, used = [], "", 0.0
        for character in word:
            step = self.width(character)  # there is no kerning: widths add up
            if current and used + step > width:
                pieces.append(current)
                current, used = "", 0.0
            current, used = current + character, used + step
        return [*pieces, current]


def fit(text: str, width: float, height: float, *, largest: float, smallest: float) -> tuple[Style, list[str], int]:
    """Set a text into a box: as large as fits, and cut where even the smallest size is too large.

    Returns
    -------
    style, lines and the number of lines that were left out
    """
    size = largest
    while True:
        style = Style(size=size)
        lines = style.wrap(text, width)
        room = max(0, int(height / style.line))
        if len(lines) <= room:
            return style, lines, 0
        if size <= smallest:
            return style, lines[:room], len(lines) - room
        size = max(smallest, size - 0.5)
