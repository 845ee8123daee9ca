"""Which studies can be trained on: those imported into the home, and study folders under the allowed roots."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from icicore.errors import StudyError
from icicore.settings import Settings
from icicore.workflows.casefolder import check_allowed

PATIENTS = "data_clinical_patient.txt"
_DEPTH = 3
_MOST_FOLDERS = 2000


@dataclass(frozen=True)
class StudyPlace:
    """A study folder; ``imported`` tells those in the home."""

    name: str
    folder: Path
    imported: bool


def list_studies(settings: Settings) -> list[StudyPlace]:
    """Imported studies first, then those found under the roots, by name."""
    imported = {p.parent.resolve() for p in settings.studies_dir.glob(f"*/{PATIENTS}")}
    found = {folder for root in settings.roots if root.is_dir() for folder in _studies_below(root.resolve())}
    places = [StudyPlace(f.name, f, imported=True) for f in sorted(imported)]
    return places + [StudyPlace(f.name, f, imported=False) for f in sorted(found - imported)]


def check_study_folder(settings: Settings, folder: Path) -> Path:
    """Resolve a study folder; refuse one outside the roots and the home, or without a patient table.

    Raises
    ------
    NotAllowed
        it lies elsewhere
    StudyError
        it is no study
    """
    resolved = check_allowed(folder, (*settings.roots, settings.studies_dir))
    if not (resolved / PATIENTS).is_file():
        raise StudyError(
            folder.name, f"holds no {PATIENTS}", expected="a cBioPortal study folder", remedy="choose another"
        )
    return resolved


def _studies_below(root: Path) -> Iterator[Path]:
    """Study folders up to three levels down; hidden folders and what lies in a study are not searched."""
    level, seen = [root], 0
    for _ in range(_DEPTH + 1):
        below: list[Path] = []
        for folder in level:
            seen += 1
            if seen > _MOST_FOLDERS:
                return
            if (folder / PATIENTS).is_file():
                yield folder
                continue
            below += _folders(folder)
        level = below


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = [e.name for e in entries if e.is_dir(follow_symlinks=False) and not e.name.startswith(".")]
    except OSError:
        return []
    return [folder / name for name in sorted(names)]
