"""What can be taken away of a case: links, not buttons, as an address stays good while the page runs again.

The file is made when it is asked for, and every export is in the history of the case.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from icicore.store.cases import CaseRow
from icicore.ui import charts
from icicore.ui.text import esc
from icicore.ui.viewer.urls import report_url
from icicore.workflows.cases import CaseResult


@dataclass(frozen=True)
class _Format:
    """One kind of file: its address, what the link says, the end of the file name, and what is in it."""

    kind: str
    label: str
    suffix: str
    holds: str
    needs_slide: bool = False


_REPORT = (
    _Format("pdf", "PDF", "pdf", "Download the report as PDF"),
    _Format("json", "JSON", "json", "Download the report as JSON"),
)
_EXCHANGE = (
    _Format("dicom", "DICOM", "dicom.zip", "Layers as Parametric Maps, one pixel per tile", needs_slide=True),
    _Format("fhir", "FHIR", "fhir.json", "FHIR R4 DiagnosticReport with Observations"),
    _Format("csv", "CSV", "csv.zip", "Tables: answer, weights, genes, clinical values, tiles, findings"),
    _Format("geojson", "GeoJSON", "geojson.zip", "Tiles and annotations for QuPath", needs_slide=True),
)


def report_card(row: CaseRow, author: str, secret: str) -> str:
    """The one-page report."""
    words = "One page: answer, reasons, pictures, quality, and what is signed. A draft is not in it."
    return charts.card("Report", charts.note(words), _links(row, _REPORT, author, secret))


def export_card(row: CaseRow, result: CaseResult, author: str, secret: str) -> str:
    """Files that other systems read."""
    offered = [f for f in _EXCHANGE if result.slides or not f.needs_slide]
    rows = [(f.label, f.holds) for f in offered]
    words = "Of the patient only the case id leaves, and in CSV the clinical values. Each export is logged."
    return charts.card("Export", _links(row, offered, author, secret), charts.facts(rows), charts.note(words))


def _links(row: CaseRow, formats: Sequence[_Format], author: str, secret: str) -> str:
    return f'<div class="i-downloads">{"".join(_link(row, f, author, secret) for f in formats)}</div>'


def _link(row: CaseRow, found: _Format, author: str, secret: str) -> str:
    address = report_url(row.case_key, found.kind, secret=secret, user=author)
    name = _file_name(row.case_id, found.suffix)
    return (
        f'<a class="i-download" href="{esc(address)}" download="{esc(name)}" title="{esc(found.holds)}">'
        f"{found.label}</a>"
    )


def _file_name(case_id: str, suffix: str) -> str:
    plain_id = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in case_id)
    return f"icicore_{plain_id}.{suffix}"
