"""Identity of a slide's content, and which files belong to it."""

import hashlib
from pathlib import Path

import openslide

from icicore.errors import SlideError
from icicore.fingerprint import file_digest

_SERIES = "dicom.SeriesInstanceUID"
_REMEDY = "choose a slide file or a folder with one DICOM series"


def slide_digest(path: Path) -> str:
    """SHA-256 (hex) of the slide's content, read once; the same wherever and under whatever name it lies.

    A slide of several files (a DICOM series, a MIRAX or VMS set) is the digest of its sorted file digests.
    """
    try:
        parts = slide_files(path)
        if len(parts) == 1:
            return file_digest(parts[0])
        return hashlib.sha256("".join(sorted(file_digest(part) for part in parts)).encode()).hexdigest()
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise SlideError(path, f"cannot be read ({reason})", remedy="check the path and its permissions") from error


def slide_files(path: Path) -> list[Path]:
    """All files that make up a slide."""
    suffix = path.suffix.lower()
    if path.is_dir() or suffix == ".dcm":
        return _series_files(path)
    companions = path.with_suffix("")
    if suffix == ".mrxs" and companions.is_dir():
        return [path, *sorted(p for p in companions.rglob("*") if p.is_file())]
    if suffix in (".vms", ".vmu"):
        named = path.read_text(encoding="latin-1")
        return [path, *sorted(p for p in path.parent.iterdir() if p.is_file() and p != path and p.name in named)]
    return [path]


def dicom_entry(folder: Path) -> Path:
    """One file of the folder's DICOM series, from which OpenSlide finds the others."""
    series: dict[str, Path] = {}
    for file in _dicom_candidates(folder):
        series.setdefault(_series_of(file) or "", file)
    series.pop("", None)
    if not series:
        raise SlideError(folder, "the folder holds no DICOM slide", expected="one DICOM series", remedy=_REMEDY)
    if len(series) > 1:
        raise SlideError(folder, f"the folder holds {len(series)} DICOM series", expected="one", remedy=_REMEDY)
    return next(iter(series.values()))


def _series_files(path: Path) -> list[Path]:
    wanted = _series_of(dicom_entry(path) if path.is_dir() else path)
    if wanted is None:
        return [path]
    folder = path if path.is_dir() else path.parent
    return [file for file in _dicom_candidates(folder) if _series_of(file) == wanted]


def _dicom_candidates(folder: Path) -> list[Path]:
    files = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    return [p for p in files if p.suffix.lower() in (".dcm", "") and _has_dicom_magic(p)]


def _has_dicom_magic(file: Path) -> bool:
    with file.open("rb") as stream:
        stream.seek(128)
        return stream.read(4) == b"DICM"


def _series_of(file: Path) -> str | None:
    try:
        with openslide.OpenSlide(file) as slide:
            return slide.properties.get(_SERIES)
    except openslide.OpenSlideError:
        return None
