"""The report as one A4 page. Every block has a box; what does not fit is cut and said to be cut."""

from icicore.reports.case import words
from icicore.reports.case.canvas import (
    ACCENT,
    BODY,
    HEADING,
    HEIGHT,
    MUTED,
    RULE,
    SMALL,
    STRONG,
    SUNKEN,
    TINY,
    TITLE,
    WARN,
    WARN_BACK,
    WIDTH,
    Box,
    Page,
)
from icicore.reports.case.pictures import Pictures
from icicore.reports.case.reasons import draw_reasons_column
from icicore.reports.case.slide import draw_slide_column
from icicore.reports.case.statement import draw_statement, statement_height
from icicore.reports.case.type import BOLD, MORE, PLACEHOLDER, Style, printable
from icicore.reports.names import MODALITY_NAMES, TUMOUR_NAMES
from icicore.types import Json

MARGIN = 32.0
_BIG = Style(27, BOLD)
_GAP = 9.0
_MIDDLE = (300.0, 480.0)
_WITHOUT_PICTURE = 352.0
_MOST_SLIDES = 3
_MOST_LIMIT_LINES = 5
_MOST_HASH_LINES = 2
_NAME = 40.0
INTERVAL_MEANS = (
    "The interval shows how far the estimate varies between models trained on resamples of the same cohort; it does "
    "not cover patients unlike that cohort."
)


def render_report(content: Json, pictures: Pictures) -> bytes:
    """Draw the page; the same content and pictures give the same bytes."""
    page = Page(f"icicore case report {content['case_id']}")
    whole = Box(MARGIN, 26, WIDTH - 2 * MARGIN, HEIGHT - 26 - 22)
    rest = whole.below(_head(page, whole, content) + 4)
    rest = rest.below(_answer(page, rest, content) + 6)
    rest = rest.below(_limits(page, rest, content) + _GAP)
    foot = _foot_height(content, rest.width)
    body = Box(rest.x, rest.y, rest.width, rest.height - foot)
    quality = _quality_height(content)
    wanted = statement_height(content, body.width)
    most = _MIDDLE[1] if pictures.overview else _WITHOUT_PICTURE
    middle = min(most, max(_MIDDLE[0], body.height - quality - wanted - 2 * _GAP))
    left = Box(body.x, body.y, 300, middle)
    right = Box(body.x + 318, body.y, body.width - 318, middle)
    draw_slide_column(page, left, pictures)
    draw_reasons_column(page, right, content)
    body = body.below(middle + _GAP)
    _quality(page, body, content)
    body = body.below(quality + _GAP)
    draw_statement(page, body, content)
    _foot(page, Box(rest.x, rest.bottom - foot, rest.width, foot), content)
    return page.finish()


def _head(page: Page, box: Box, content: Json) -> float:
    page.text(box.x, box.y, "icicore · case report", SMALL, width=200, colour=MUTED)
    pill = Box(box.right - 92, box.y - 3, 92, 15)
    page.fill(pill, ACCENT, radius=7.5)
    page.text(pill.x, pill.y + 3.2, content["use"], Style(7, BOLD), width=pill.width, colour="#FFFFFF", align="c")
    page.text(box.x, box.y + 12, content["case_id"], _title(content["case_id"], box.width), width=box.width)
    kinds = [TUMOUR_NAMES.get(str(content["tumour_type"]), str(content["tumour_type"] or ""))]
    kinds += ["virtual case"] if content["virtual_case"] else []
    scored = content["scored_at"]
    when = f"scored {words.utc(scored)}" if scored else "time of scoring not recorded"
    page.text(box.x, box.y + 31, " · ".join(filter(None, (*kinds, when))), BODY, width=box.width, colour=MUTED)
    if content["model"].get("virtual"):
        warning = Box(pill.x - 146, pill.y, 140, pill.height)
        page.fill(warning, WARN_BACK, radius=7.5)
        text = "Model trained on virtual data"
        page.text(warning.x, warning.y + 3.2, text, Style(7, BOLD), width=warning.width, colour=WARN, align="c")
    return 43


def _title(case_id: str, width: float) -> Style:
    """The largest size at which the whole case id fits: on a filed page it must not be cut."""
    sizes = (Style(size, BOLD) for size in (TITLE.size, 12.0, 10.0, 8.0))
    return next((s for s in sizes if s.width(printable(case_id, BOLD)) <= width), Style(6.5, BOLD))


def _answer(page: Page, box: Box, content: Json) -> float:
    answer = content["answer"]
    card = Box(box.x, box.y, box.width, 76)
    page.fill(card, SUNKEN, radius=5)
    x, y = card.x + 12, card.y + 9
    kind = "calibrated" if answer["calibrated"] else "not calibrated"
    page.text(x, y, f"Probability of objective response, {kind}", SMALL, width=170, colour=MUTED)
    big = words.whole_percent(answer["probability"])
    page.text(x, y + 10, big, _BIG, width=90)
    beside = x + _BIG.width(printable(big, BOLD)) + 10
    page.text(beside, y + 16, "95 % interval", SMALL, width=70, colour=MUTED)
    page.text(beside, y + 25, words.bounds(answer["interval95"]), STRONG, width=70)
    call = str(answer["call"] or "no call").capitalize()
    status = {"scored": "", "limited": ", limited result"}.get(str(answer["status"]), f", {answer['status']}")
    page.text(x, y + 46, call + status, Style(9, BOLD), width=175)
    _scale(page, Box(card.x + 200, y + 2, 178, 56), answer)
    _comparators(page, Box(card.x + 402, y, card.width - 402 - 12, 60), content)
    return card.height


def _scale(page: Page, box: Box, answer: Json) -> None:
    """Probability and interval on a line from 0 to 100 %, with threshold above and base rate below."""
    line = box.y + 24

    def at(share: float) -> float:
        return box.x + box.width * min(1.0, max(0.0, share))

    page.fill(Box(box.x, line - 2, box.width, 4), RULE, radius=2)
    if answer["interval95"]:
        low, high = answer["interval95"]
        page.fill(Box(at(low), line - 5, max(1.0, at(high) - at(low)), 10), "#9CC7D4", radius=4)
    for share, name, top in ((answer["threshold"], "threshold", True), (answer["base_rate"], "base rate", False)):
        if share is None:
            continue
        page.rule(at(share), line - 9, at(share), line + 9, colour="#102A43" if top else MUTED, width=1.1)
        label = Box(min(max(at(share) - 40, box.x - 6), box.right - 74), line - 19 if top else line + 11, 80, 8)
        page.text(label.x, label.y, f"{name} {words.whole_percent(share)}", SMALL, width=80, align="c")
    page.dot(at(answer["probability"]), line, 5.4, "#FFFFFF")
    page.dot(at(answer["probability"]), line, 4.4, ACCENT)
    page.text(box.x, line + 22, "0", TINY, width=20, colour=MUTED)
    page.text(box.right - 30, line + 22, "100 %", TINY, width=30, colour=MUTED, align="r")


def _comparators(page: Page, box: Box, content: Json) -> None:
    page.text(box.x, box.y, "Established markers", SMALL, width=box.width, colour=MUTED)
    for number, (key, name, unit) in enumerate(words.COMPARATORS):
        y = box.y + 12 + number * 15.5
        page.text(box.x, y, name, TINY, width=box.width, colour=MUTED)
        page.text(box.x, y + 6.6, words.comparator(content["comparators"], key, unit), SMALL, width=box.width)


def _limits(page: Page, box: Box, content: Json) -> float:
    """Reasons of the input gate, and what the interval means."""
    lines: list[str] = []
    for reason in content["reasons"]:
        where = MODALITY_NAMES.get(str(reason.get("modality")), "")
        lines += BODY.wrap(f"• {where + ': ' if where else ''}{reason['message']}", box.width - 20)
    if len(lines) > _MOST_LIMIT_LINES:
        left_out = len(lines) - _MOST_LIMIT_LINES + 1
        lines = [*lines[: _MOST_LIMIT_LINES - 1], f"{left_out} more lines of limits are in the JSON report."]
    used = 0.0
    if lines:
        used = len(lines) * BODY.line + 9
        page.fill(Box(box.x, box.y, box.width, used), WARN_BACK, radius=4)
        page.lines(box.x + 10, box.y + 4.5, lines, BODY, colour=WARN)
        used += 3
    note = SMALL.wrap(INTERVAL_MEANS if lines else f"No limits were found in the input. {INTERVAL_MEANS}", box.width)
    return used + page.lines(box.x, box.y + used, note[:2], SMALL, colour=MUTED)


def _quality_height(content: Json) -> float:
    rows = min(_MOST_SLIDES, len(content["slides"])) + (len(content["slides"]) > _MOST_SLIDES) + 1
    return 13 + rows * BODY.line + 1


def _quality(page: Page, box: Box, content: Json) -> None:
    page.text(box.x, box.y, "Input and quality", HEADING, width=box.width)
    y = box.y + 13
    slides = content["slides"]
    rows = [("Clinical", words.clinical_line(content["clinical"]))]
    rows += [(f"Slide {n}", _slide_line(slide)) for n, slide in enumerate(slides[:_MOST_SLIDES], start=1)]
    if len(slides) > _MOST_SLIDES:
        rows.append(("", f"{len(slides) - _MOST_SLIDES} more in the JSON report."))
    for number, (name, text) in enumerate(rows):
        page.text(box.x, y + number * BODY.line, name, BODY, width=44, colour=MUTED)
        style = BODY if BODY.width(printable(text)) <= box.width - 46 else SMALL
        page.text(box.x + 46, y + number * BODY.line, text, style, width=box.width - 46)


def _slide_line(slide: Json) -> str:
    qc = slide.get("qc") or {}
    shares = ", ".join(
        f"{name} {100 * qc[key]:.1f} %"
        for name, key in (("blur", "blur_fraction"), ("pen", "pen_fraction"), ("folds", "fold_fraction"))
        if qc.get(key) is not None
    )
    tissue = f"{qc['tissue_mm2']:.3g} mm² tissue, " if qc.get("tissue_mm2") is not None else ""
    return (
        f"{slide.get('n_tiles', 0)} tiles of 256 px at 0.5 µm/px ({qc.get('unreadable_tiles', 0)} unreadable), {tissue}"
        f"{qc.get('stain_kind', 'stain unknown')}; of the tissue area: {shares} · {slide.get('path', '')}"
    )


def _hash_rows(content: Json) -> list[tuple[str, str]]:
    model = content["model"]
    inputs = [(str(s.get("path", "")), str(s.get("digest", ""))) for s in content["slides"][:_MOST_SLIDES]]
    inputs += [(str(name), str(digest)) for name, digest in content["inputs"].items()]
    named = ", ".join(f"{name} {digest[:16]}" for name, digest in inputs)
    versions = content["versions"]
    software = ", ".join(f"{k} {versions[k]}" for k in ("icicore", "torch", "openslide-bin") if k in versions)
    backbone = f"{model.get('backbone', '')} {str(model.get('backbone_digest', ''))[:12]}".strip()
    return [
        ("Model", f"{model.get('name', '')} {model.get('digest', '')} · {backbone}"),
        ("Result", content["result_digest"]),
        ("Inputs", f"{named} (SHA-256, first 16 digits)"),
        ("Software", software),
    ]


def _hash_lines(content: Json, width: float) -> list[tuple[str, list[str]]]:
    """Names and their lines, at most two each; the end of a longer one says where the rest is."""
    rows = []
    for name, text in _hash_rows(content):
        lines = TINY.wrap(text, width - _NAME)
        if len(lines) > _MOST_HASH_LINES:
            rest = " … the rest is in the JSON report"
            last = TINY.clip(lines[_MOST_HASH_LINES - 1], width - _NAME - TINY.width(rest))
            lines = [*lines[: _MOST_HASH_LINES - 1], last.removesuffix(MORE) + rest]
        rows.append((name, lines))
    return rows


def _foot_height(content: Json, width: float) -> float:
    return 16 + (sum(len(lines) for _, lines in _hash_lines(content, width)) + 2) * TINY.line


def _foot(page: Page, box: Box, content: Json) -> None:
    page.rule(box.x, box.y + 4, box.right, box.y + 4)
    y = box.y + 9
    for name, lines in _hash_lines(content, box.width):
        page.text(box.x, y, name, TINY, width=_NAME, colour=MUTED)
        y += page.lines(box.x + _NAME, y, lines, TINY, colour=MUTED)
    use = f"{content['use']}. Supports a decision and never makes one; not a medical device."
    page.text(box.x, y + 2, use, Style(TINY.size, BOLD), width=box.width)
    if _has_unprintable(content):
        note = f"{PLACEHOLDER} stands for a character that this page cannot print; the JSON report holds it."
        page.text(box.x, y + 2 + TINY.line, note, TINY, width=box.width, colour=MUTED)


def _has_unprintable(value: object) -> bool:
    """Whether any text of the report holds a character that becomes a placeholder."""
    if isinstance(value, str):
        return PLACEHOLDER in printable(value)
    if isinstance(value, dict):
        return any(_has_unprintable(v) for v in (*value, *value.values()))
    return isinstance(value, list) and any(_has_unprintable(v) for v in value)
