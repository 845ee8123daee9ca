"""What an import did, kept as a file so that the page can show it after the job."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from icicore.fingerprint import write_json
from icicore.settings import Settings
from icicore.types import Json


@dataclass
class ImportReport:
    """Outcome of an import, filled in as it goes.

    Attributes
    ----------
    source : name of the folder
    kind : ``case``, ``folder`` or ``study``
    found : patients or case folders that were found
    imported, new : cases that are on the work list now, and those of them that were not there before
    refused : name and one line for everything left out, a whole case or one of its files
    notes : what else a reader should know
    """

    source: str
    kind: str
    found: int = 0
    imported: int = 0
    new: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def refuse(self, name: str, why: Exception) -> None:
        """Note what was left out."""
        self.refused.append((name, str(why)))

    def to_json(self) -> Json:
        """As it is kept and printed."""
        return asdict(self)


def report_path(settings: Settings, job_id: str) -> Path:
    """Where the report of an import job lies."""
    return settings.home / "imports" / f"{job_id}.json"


def write_report(settings: Settings, job_id: str, report: ImportReport) -> None:
    """Keep the report of a job."""
    write_json(report_path(settings, job_id), report.to_json())


def read_report(settings: Settings, job_id: str) -> ImportReport | None:
    """The report of a job; None while there is none."""
    try:
        content = json.loads(report_path(settings, job_id).read_text(encoding="utf-8"))
        return ImportReport(**{**content, "refused": [(str(n), str(line)) for n, line in content["refused"]]})
    except (OSError, ValueError, KeyError, TypeError):
        return None
