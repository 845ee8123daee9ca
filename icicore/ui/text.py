"""Numbers and sentences as the pages show them. All functions return plain text; escaping is the renderer's work."""

import html
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from icicore.reports.names import MODALITY_NAMES as MODALITY_NAMES
from icicore.reports.names import TUMOUR_NAMES as TUMOUR_NAMES

MODALITY_LETTERS: Mapping[str, str] = {"histology": "H", "genomics": "G", "clinical": "C"}
STATE_NAMES: Mapping[str, str] = {
    "new": "New",
    "queued": "Queued",
    "running": "Running",
    "scored": "Scored",
    "limited": "Limited",
    "not_scored": "Not scored",
    "failed": "Failed",
    "cancelled": "Cancelled",
}
MINUS = "\N{MINUS SIGN}"
DASH = "\N{EN DASH}"
THIN = "\N{NARROW NO-BREAK SPACE}"
CLINICAL_ROWS: tuple[tuple[str, str, str], ...] = (
    ("age", "Age", "years"),
    ("sex", "Sex", ""),
    ("ecog", "ECOG performance status", "of 4"),
    ("ldh_uln", "LDH", "× upper limit of normal"),
)


def esc(value: object) -> str:
    """Escape text that came from a file or a user for use inside HTML, attributes included."""
    return html.escape(str(value), quote=True)


def plain(value: object) -> str:
    """Neutralise Markdown, HTML and Streamlit directives in text that goes through a Markdown renderer."""
    text = " ".join(str(value).split())
    return "".join(f"\\{c}" if c in "\\`*_{}[]()<>#+-.!|~:$&" else c for c in text)


def percent(value: float | None, digits: int = 0) -> str:
    """Return a probability (0-1) as per cent; an en dash when unknown.

    Values that would round to 0 or 100 are written as below 1 % and above 99 %: no model is certain.
    """
    if value is None:
        return DASH
    if digits == 0 and 0 < value < 0.01:
        return f"<1{THIN}%"
    if digits == 0 and 0.99 < value < 1:
        return f">99{THIN}%"
    return f"{100 * value:.{digits}f}{THIN}%"


def interval(bounds: Sequence[float] | None) -> str:
    """Return a probability interval as per cent, for example ``41–80 %``."""
    if not bounds:
        return DASH
    low, high = (f"{100 * b:.0f}" for b in bounds)
    return f"{low}{DASH}{high}{THIN}%"


def signed(value: float | None, digits: int = 2) -> str:
    """Return a signed number with a typographic minus."""
    if value is None:
        return DASH
    rounded = f"{abs(value):.{digits}f}"
    if float(rounded) == 0:
        return rounded
    return f"{MINUS if value < 0 else '+'}{rounded}"


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with ``digits`` significant digits, tiny values in scientific notation."""
    if value is None:
        return DASH
    return f"{value:.{digits}g}".replace("-", MINUS)


def ago(moment: datetime, now: datetime | None = None) -> str:
    """Return how long ago a moment was, for example ``5 min ago``."""
    now = now or datetime.now(UTC)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    seconds = max(0, int((now - moment).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return "just now"


def sentence(message: str) -> str:
    """Return the message as a sentence: a full stop at the end, and a capital unless it starts with a file's name."""
    message = " ".join(message.split())
    if not message:
        return ""
    first = message.split(" ", 1)[0]
    start = first.capitalize() if first.isalpha() and first.islower() else first
    return start + message[len(first) :] + ("" if message[-1] in ".!?" else ".")


def count(n: int, noun: str) -> str:
    """Return a number with its noun, for example ``1 slide`` or ``2 slides``."""
    return f"{n:,}".replace(",", THIN) + f" {noun}{'' if n == 1 else 's'}"


def file_name(path: object) -> str:
    """Return the last part of a path of any platform."""
    return str(path).replace("\\", "/").rsplit("/", 1)[-1]


def short_digest(digest: str) -> str:
    """Return the first twelve characters of a digest."""
    return digest[:12]
