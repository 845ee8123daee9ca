"""What a case can be taken away as: report, and the files that other systems read."""

from icicore.access import Person
from icicore.workflows.case_report import KINDS, export_report
from icicore.workflows.services import Services


def export_case(services: Services, key: str, kind: str, *, by: Person | None = None) -> bytes:
    """One kind of file of a case of the work list; the export is logged with the digest of the file."""
    assert kind in KINDS
    return export_report(services, key, kind, by=by)
