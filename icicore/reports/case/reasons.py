"""Right column of the page: modalities, findings over all modalities, genes."""

from collections.abc import Sequence

from icicore.reports.case import words
from icicore.reports.case.canvas import ACCENT, AGAINST, BODY, FOR, HEADING, MUTED, RULE, SMALL, TINY, Box, Page
from icicore.reports.names import MODALITY_NAMES
from icicore.types import Json

_ROW = 11.6
_NAME = 122.0
_HEAD = 26.0
_NOTE = 8.0


def draw_reasons_column(page: Page, box: Box, content: Json) -> None:
    """Three tables; the lists are as long as the column allows."""
    used = _modalities(page, box, content["modalities"], content["readable_tiles"])
    rest = box.below(used + 8)
    findings, genes = content["findings"], content["genes"]
    rows = max(0, int((rest.height - 2 * _HEAD - 8 - 12) / _ROW))
    n_findings = min(len(findings), max(rows - len(genes), (rows + 1) // 2))
    n_genes = min(len(genes), rows - n_findings)
    used = _bars(page, rest, "What counted most", "attribution, logit", _finding_rows(findings[:n_findings]))
    _genes(page, rest.below(used + 8), content, n_genes)


def _modalities(page: Page, box: Box, modalities: Sequence[Json], readable: float | None) -> float:
    page.text(box.x, box.y, "Modalities", HEADING, width=box.width)
    columns = (box.x + 52, box.x + 104, box.right - 44)
    for x, name, align, width in (
        (columns[0], "fusion weight", "l", 52),
        (columns[1], "contribution, logit", "l", 70),
        (columns[2], "without it", "r", 44),
    ):
        page.text(x, box.y + 12, name, TINY, width=width, colour=MUTED, align=align)
    limit = max([abs(m["contribution"]) for m in modalities if m["contribution"] is not None] + [1e-9])
    for number, modality in enumerate(modalities):
        y = box.y + 22 + number * _ROW
        page.text(box.x, y, MODALITY_NAMES[modality["name"]], width=52)
        if modality["weight"] is None:
            page.text(columns[0], y, "not given", width=60, colour=MUTED)
            continue
        page.fill(Box(columns[0], y + 1.8, 22, 5), RULE)
        page.fill(Box(columns[0], y + 1.8, 22 * float(modality["weight"]), 5), ACCENT)
        page.text(columns[0] + 24, y, words.whole_percent(modality["weight"]), width=26)
        _diverging(page, Box(columns[1], y, box.right - 46 - columns[1], 8), modality["contribution"], limit)
        page.text(columns[2], y, words.whole_percent(modality["probability_without"]), width=44, align="r")
    used = 22 + len(modalities) * _ROW
    if readable is None:
        return used
    told = f"{words.whole_percent(readable)} of the tiles can be read; histology counts as present to that share"
    page.text(box.x, box.y + used, told, TINY, width=box.width, colour=MUTED)
    return used + _NOTE


def _diverging(page: Page, box: Box, value: float | None, limit: float, *, digits: int = 2) -> None:
    """A bar from the middle: right and red for response, left and blue against it; the number at the right."""
    bar = Box(box.x, box.y + 1.4, box.width - 32, 6)
    middle = bar.x + bar.width / 2
    if value is not None:
        length = bar.width / 2 * min(1.0, abs(value) / limit)
        page.fill(
            Box(middle if value >= 0 else middle - length, bar.y, length, bar.height), FOR if value >= 0 else AGAINST
        )
    page.rule(middle, bar.y - 1, middle, bar.bottom + 1, colour=MUTED)
    page.text(box.right - 31, box.y, words.plus(value, digits), width=29, align="r")


def _finding_rows(findings: Sequence[Json]) -> list[tuple[str, float]]:
    return [(words.feature_name(f), float(f["importance"])) for f in findings]


def _bars(page: Page, box: Box, title: str, detail: str, rows: list[tuple[str, float]]) -> float:
    page.text(box.x, box.y, title, HEADING, width=box.width)
    page.text(box.x, box.y + 12, f"{detail}; + is for response", TINY, width=box.width, colour=MUTED)
    limit = max([abs(value) for _, value in rows] + [1e-9])
    for number, (name, value) in enumerate(rows):
        y = box.y + _HEAD - 3 + number * _ROW
        page.text(box.x, y, name, BODY if BODY.width(name) <= _NAME else SMALL, width=_NAME)
        _diverging(page, Box(box.x + _NAME + 2, y, box.width - _NAME - 2, 8), value, limit)
    if not rows:
        page.text(box.x, box.y + _HEAD - 3, "none", width=box.width, colour=MUTED)
    return _HEAD + max(1, len(rows)) * _ROW - 3


def _genes(page: Page, box: Box, content: Json, n_rows: int) -> None:
    rows = [(f"{g['symbol']} {words.gene_state(g)}", float(g["attribution"])) for g in content["genes"][:n_rows]]
    used = _bars(page, box, "Genes", "integrated gradients, logit", rows)
    counts = content["gene_counts"]
    line = (
        f"{counts['mutated']} mutated, {counts['wild_type']} wild type, {counts['other_measured']} expression and TMB "
        f"values; {counts['not_measured']} not measured"
    )
    page.text(
        box.x, box.y + used + 1, line, SMALL if SMALL.width(line) <= box.width else TINY, width=box.width, colour=MUTED
    )
