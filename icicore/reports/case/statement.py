"""The clinician's signed conclusion on the page; what does not fit is cut and said to be in the JSON report."""

from collections.abc import Sequence

from icicore.reports.case import words
from icicore.reports.case.canvas import BODY, HEADING, INK, MUTED, RULE, SMALL, WARN, Box, Page
from icicore.reports.case.type import BOLD, Style, fit
from icicore.types import Json

LARGEST, SMALLEST = 8.0, 6.2
_HEAD = 14.0
_SIGNATURE, _BETWEEN, _INDENT = 12.0, 6.0, 8.0
_JUDGEMENT = Style(8.0, BOLD)
_FEWEST_LINES = 2
_EMPTY = 26.0


def statement_height(content: Json, width: float) -> float:
    """Height that the conclusion would like to have, in points."""
    entries = _entries(content)
    if not entries:
        return _HEAD + _EMPTY
    return _HEAD + sum(_fixed(e) + _wanted(e, width) for e in entries) + SMALL.line


def draw_statement(page: Page, box: Box, content: Json) -> None:
    """Draw the newest signed review with its addenda, or that nothing is signed."""
    page.rule(box.x, box.y - 4, box.right, box.y - 4)
    page.text(box.x, box.y, "Conclusion of the clinician", HEADING, width=box.width)
    rest = box.below(_HEAD)
    everything = _entries(content)
    if not everything:
        page.text(rest.x, rest.y, "No review was signed.", BODY, width=rest.width, colour=MUTED)
        return
    room = rest.height - SMALL.line
    entries = _chosen(everything, room, box.width)
    heights = _shared([_wanted(e, box.width) for e in entries], room - sum(_fixed(e) for e in entries))
    for entry, height in zip(entries, heights, strict=True):
        rest = rest.below(_entry(page, rest, entry, height, first=entry is everything[0]))
    left_out = _left_out(len(content["reviews"]) - 1, len(everything) - len(entries))
    if left_out:
        page.text(rest.x + _INDENT, rest.y, left_out, SMALL, width=rest.width, colour=MUTED)


def _entries(content: Json) -> list[Json]:
    """The newest review and its addenda, oldest first."""
    return [] if not content["reviews"] else [content["reviews"][-1], *content["reviews"][-1]["addenda"]]


def _chosen(entries: Sequence[Json], room: float, width: float) -> list[Json]:
    """The review, and as many of its newest addenda as leave each a few lines."""

    def least(entry: Json) -> float:
        return _fixed(entry) + min(_FEWEST_LINES * Style(SMALLEST).line, _wanted(entry, width))

    used, kept = least(entries[0]), 0
    for entry in reversed(entries[1:]):
        used += least(entry)
        if used > room + 0.01:
            break
        kept += 1
    return [entries[0], *entries[len(entries) - kept :]]


def _shared(wanted: Sequence[float], room: float) -> list[float]:
    """Split the room: who wants less than an equal part gets all of it, the others share what is left."""
    given = [0.0] * len(wanted)
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    for done, i in enumerate(order):
        given[i] = max(0.0, min(wanted[i], room / (len(order) - done)))
        room -= given[i]
    return given


def _fixed(entry: Json) -> float:
    return _SIGNATURE + _BETWEEN + (SMALL.line if entry["differs"] else 0.0)


def _wanted(entry: Json, width: float) -> float:
    style = Style(LARGEST)
    # A hair more than the lines need, so that rounding takes none away.
    return len(style.wrap(entry["text"], width - _INDENT)) * style.line + 0.01 if entry["text"] else 0.0


def _left_out(reviews: int, addenda: int) -> str:
    parts = [f"{reviews} earlier review{'' if reviews == 1 else 's'}"] if reviews else []
    parts += [f"{addenda} earlier addend{'um' if addenda == 1 else 'a'}"] if addenda else []
    return f"{' and '.join(parts)}: see the JSON report." if parts else ""


def _entry(page: Page, box: Box, entry: Json, height: float, *, first: bool) -> float:
    x, width = box.x + _INDENT, box.width - _INDENT
    judged = words.JUDGEMENTS.get(str(entry["judgement"]), "")
    head = judged or ("" if first else "Addendum")
    page.text(x, box.y, head, _JUDGEMENT, width=120, colour=INK)
    shift = _JUDGEMENT.width(_JUDGEMENT.clip(head, 120)) + 8 if head else 0.0
    kind = "Addendum signed" if judged and not first else "Signed"
    by = f"{kind} by {entry['author']}, {words.utc(entry['signed'])}"
    if entry.get("audit"):
        by += f" · audit row {entry['audit']}"
    page.text(x + shift, box.y + 1, by, SMALL, width=width - shift, colour=MUTED)
    used = _SIGNATURE
    if entry["differs"]:
        line = f"Signed on another result than this one; changed since: {', '.join(entry['differs'])}."
        page.text(x, box.y + used, line, SMALL, width=width, colour=WARN)
        used += SMALL.line
    if entry["text"]:
        used += _text(page, Box(x, box.y + used, width, height), entry["text"])
    page.rule(box.x + 2, box.y + 1, box.x + 2, box.y + used, colour=RULE, width=2)
    return used + _BETWEEN


def _text(page: Page, box: Box, text: str) -> float:
    style, lines, cut = fit(text, box.width, box.height, largest=LARGEST, smallest=SMALLEST)
    if not cut:
        return page.lines(box.x, box.y, lines, style)
    kept = lines[:-1]
    used = page.lines(box.x, box.y, kept, style)
    if lines:
        more = f"… {cut + 1} more lines are in the JSON report."
        page.text(box.x, box.y + used, more, Style(style.size, BOLD), width=box.width)
    return len(lines) * style.line
