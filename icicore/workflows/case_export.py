"""What a case can be taken away as: the report, and files that other systems read. Every export is logged."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from icicore.access import Person, Role, require
from icicore.errors import CaseError, InputError
from icicore.fingerprint import write_bytes
from icicore.people import local_person
from icicore.reports.interop.content import CaseContent, SlideResult, pack
from icicore.reports.interop.fhir import fhir_json
from icicore.reports.interop.geojson import geojson_files
from icicore.reports.interop.tables import csv_tables
from icicore.slides.annotation_geojson import to_geojson
from icicore.store.annotations import AnnotationStore
from icicore.types import Json, Progress, no_progress
from icicore.workflows.case_report import KINDS as REPORTS
from icicore.workflows.case_report import current_result, export_report
from icicore.workflows.casefolder import case_key
from icicore.workflows.cases import CaseResult, load_result
from icicore.workflows.records import EXPORT, hashes_of, record, result_digest, review_store
from icicore.workflows.services import Services
from icicore.workflows.visibility import sees_case

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

DICOM, FHIR, CSV, GEOJSON = FORMATS = ("dicom", "fhir", "csv", "geojson")
_DICOM_SUFFIXES = (".dcm", ".dicom", "")
_MOST_DICOM_FILES = 500


def export_case(services: Services, key: str, kind: str, *, by: Person | None = None) -> bytes:
    """One kind of file of a case of the work list; several files come as one zip. The same result: the same bytes.

    Parameters
    ----------
    kind : ``pdf`` or ``json`` (the report), ``dicom``, ``fhir``, ``csv``, ``geojson``
    by : who takes it away; None is the local user

    Raises
    ------
    NotPermitted
        The person may see no cases.
    CaseError
        There is no such case in the person's sight, or it has no result, or nothing of that kind.
    """
    person = require(by or local_person(services.settings), Role.READER, "export a case")
    if not sees_case(services, person, key):
        raise CaseError(key, "no such case", expected="a case from the work list")
    if kind in REPORTS:
        return export_report(services, key, kind, by=person)
    result = load_result(services, key)
    if result is None:
        raise CaseError(key, "has no result to export", remedy="score the case first")
    files = export_files(services, key, result, kind)
    return _logged(services, key, result, kind, files, by=person)


def export_folder(
    services: Services,
    folder: Path,
    out: Path,
    *,
    formats: Iterable[str] = FORMATS,
    by: Person | None = None,
    progress: Progress = no_progress,
) -> list[Path]:
    """Write the files of a case folder below ``out``, a folder per format; scores the case if it must be.

    Formats of which the case has nothing (maps of a case without slides) are left out. Returns what was written.
    """
    person = require(by or local_person(services.settings), Role.READER, "export a case")
    result = current_result(services, folder, by=person, progress=progress)
    key, written = case_key(folder), []
    for kind in formats:
        if kind in (DICOM, GEOJSON) and not result.slides:
            continue
        files = export_files(services, key, result, kind)
        for name, content in files.items():
            written.append(out / kind / name)
            write_bytes(written[-1], content)
        _logged(services, key, result, kind, files, by=person)
    if not written:
        raise CaseError(folder, "has nothing of that kind", expected="a slide, for maps and tiles")
    return written


def export_files(services: Services, key: str, result: CaseResult, kind: str) -> dict[str, bytes]:
    """File name to content of one format."""
    content = case_content(services, key, result)
    if kind == FHIR:
        return {"report.fhir.json": fhir_json(content)}
    if kind == CSV:
        return csv_tables(content)
    if kind not in FORMATS:
        raise InputError("format", f"{kind!r:.40} is not known", expected=", ".join(FORMATS))
    if not content.slides:
        raise CaseError(content.case_id, "has no slide", expected="a case with slides", remedy="export another format")
    if kind == GEOJSON:
        return geojson_files(content)
    from icicore.reports.interop.dicom import dicom_files  # slow to load

    return dicom_files(content, _dicom_sources(services, content))


def case_content(services: Services, key: str, result: CaseResult) -> CaseContent:
    """All of a result that its page shows."""
    features = result.folder / "features.json"
    store = AnnotationStore(services.database)
    signed = review_store(services).of_case(key)
    return CaseContent(
        prediction=result.prediction,
        result_digest=result_digest(result.prediction),
        features=tuple(json.loads(features.read_text(encoding="utf-8"))) if features.is_file() else (),
        slides=tuple(_slide(result, layers, store) for layers in result.slides),
        judgements=tuple({"judgement": r.judgement, "signed": r.signed} for r in signed),
    )


def _slide(result: CaseResult, layers: Json, store: AnnotationStore) -> SlideResult:
    slide_id = str(layers["digest"])[:16]
    folder = result.folder / "slides" / slide_id
    drawn = [row.annotation for row in store.all(slide_id)]
    left, top, width, height = (float(v) for v in layers["bounds_l0"])
    bounds = (left, top, width, height)
    return SlideResult(
        layers=layers,
        tiles=json.loads((folder / "tiles.json").read_text(encoding="utf-8")),
        grids={str(x["id"]): np.load(folder / str(x["file"]), allow_pickle=False) for x in layers["layers"]},
        annotations=to_geojson(drawn, bounds_l0=bounds, slide_id=slide_id, origin="scan") if drawn else None,
    )


def _dicom_sources(services: Services, content: CaseContent) -> "dict[str, Dataset]":
    """Metadata of the slides that are DICOM and still where they were."""
    found = {}
    for slide in content.slides:
        place = services.find_slide(slide.slide_id)
        if place is not None and (source := _dicom_source(place[0])) is not None:
            found[slide.slide_id] = source
    return found


def _dicom_source(path: Path) -> "Dataset | None":
    """Full-resolution image of a DICOM slide, without pixels; None for other formats and damaged files."""
    if path.suffix.lower() not in _DICOM_SUFFIXES:
        return None
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    from icicore.reports.interop.dicom import base_image

    folder = path if path.is_dir() else path.parent
    read: list[Any] = []
    for file in sorted(p for p in folder.iterdir() if p.is_file())[:_MOST_DICOM_FILES]:
        try:
            read.append(dcmread(file, stop_before_pixels=True))
        except (InvalidDicomError, OSError, ValueError, KeyError):
            continue
    if path.is_file():  # other series may lie in the same folder
        own = next((d for d in read if Path(d.filename) == path), None)
        read = [] if own is None else [d for d in read if d.get("SeriesInstanceUID") == own.get("SeriesInstanceUID")]
    return base_image(read)


def _logged(
    services: Services, key: str, result: CaseResult, kind: str, files: Mapping[str, bytes], *, by: Person
) -> bytes:
    """The files as one; the export is in the audit log before they leave."""
    (only, *others) = files.values()
    packed = only if not others and kind == FHIR else pack(files)
    hashes = {**hashes_of(result.prediction), "format": kind, "file": hashlib.sha256(packed).hexdigest()}
    record(services, EXPORT, case_key=key, hashes=hashes, by=by)
    return packed
