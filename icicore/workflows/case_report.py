"""The report of a case: from its result folder and its signed reviews to one page and to JSON."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from icicore.access import Person, Role, require
from icicore.domain import ClinicalValues
from icicore.errors import CaseError, InputError, SlideError
from icicore.fingerprint import file_digest, write_bytes
from icicore.people import local_person
from icicore.reports.case.content import CaseFacts, report_content
from icicore.reports.case.page import render_report
from icicore.reports.case.pictures import Pictures, TilePicture, draw_overview, draw_tile, strongest, top_tiles
from icicore.slides.reader import OpenSlideReader, open_slide
from icicore.store.audit import AuditRow
from icicore.store.reviews import Review
from icicore.types import Json, Progress, no_progress
from icicore.workflows.casefolder import case_key, read_case
from icicore.workflows.cases import CaseResult, load_result
from icicore.workflows.records import EXPORT, audit_log, difference, hashes_of, record, result_digest, review_store
from icicore.workflows.services import Services

PDF, JSON = KINDS = ("pdf", "json")
_NO_SLIDE = "No slide in this result."
_GONE = "The slide file cannot be read any more: no pictures."
_DIGITS = 16


@dataclass(frozen=True)
class CaseReport:
    """Content of the report and its pictures."""

    content: Json
    pictures: Pictures

    def as_bytes(self, kind: str) -> bytes:
        """The file: ``pdf`` or ``json``; the same report gives the same bytes."""
        if kind == PDF:
            return render_report(self.content, self.pictures)
        return (json.dumps(self.content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def build_report(
    services: Services, key: str, result: CaseResult, *, folder: Path | None = None, draw: bool = True
) -> CaseReport:
    """The report of a result, with everything signed on its case.

    Parameters
    ----------
    folder : the case folder, where it is known; it holds the clinical values
    draw : False leaves out the pictures, which the JSON does not need
    """
    tiles = _tiles(result)
    pictures = _pictures(services, result, tiles) if draw else Pictures()
    features = result.folder / "features.json"
    facts = CaseFacts(
        prediction=result.prediction,
        result_digest=result_digest(result.prediction),
        features=json.loads(features.read_text(encoding="utf-8")) if features.is_file() else [],
        clinical=_clinical(folder, result.prediction),
        reviews=_reviews(services, key, result.prediction),
        tiles=tiles,
    )
    return CaseReport(report_content(facts), pictures)


def export_report(services: Services, key: str, kind: str, *, by: Person | None = None) -> bytes:
    """The report of a case of the work list as a file; the export is logged with the digest of the file.

    Raises
    ------
    CaseError
        The case has no result.
    """
    result = load_result(services, key)
    if result is None:
        raise CaseError(key, "has no result to report", remedy="score the case first")
    row = services.cases.get(key)
    return _exported(services, key, result, kind, folder=None if row is None else Path(row.folder), by=by)


def report_folder(
    services: Services,
    folder: Path,
    out: Path,
    *,
    bundle: str | None = None,
    by: Person | None = None,
    progress: Progress = no_progress,
) -> None:
    """Write the report of a case folder to ``out`` (.pdf or .json); scores the case if it must be.

    Raises
    ------
    InputError
        The case cannot be scored, or ``out`` is neither .pdf nor .json.
    """
    kind = out.suffix.lower().removeprefix(".")
    if kind not in KINDS:
        raise InputError(out, "is no kind of report", expected="a name that ends in .pdf or .json", remedy="rename it")
    key = case_key(folder)
    result = current_result(services, folder, bundle=bundle, by=by, progress=progress)
    write_bytes(out, _exported(services, key, result, kind, folder=folder, by=by))


def _exported(
    services: Services, key: str, result: CaseResult, kind: str, *, folder: Path | None, by: Person | None = None
) -> bytes:
    content = build_report(services, key, result, folder=folder, draw=kind == PDF).as_bytes(kind)
    hashes = {**hashes_of(result.prediction), "format": kind, "file": hashlib.sha256(content).hexdigest()}
    record(services, EXPORT, case_key=key, hashes=hashes, by=by)
    return content


def current_result(
    services: Services,
    folder: Path,
    *,
    bundle: str | None = None,
    by: Person | None = None,
    progress: Progress = no_progress,
) -> CaseResult:
    """The result folder of these very inputs under the bundle; computed when there is none and ``by`` may score."""
    from icicore.workflows.cases import result_folder
    from icicore.workflows.predictions import prediction_key, remember

    case, ref = read_case(folder), services.bundle_ref(bundle)
    key = case_key(folder)
    wanted = prediction_key(services, case, ref)
    found = load_result(services, key, ref.digest)
    remembered = services.settings.home / "predictions" / f"{wanted}.json"
    if found is not None and remembered.is_file():
        stored = json.loads(remembered.read_text(encoding="utf-8"))
        if result_digest(stored) == result_digest(found.prediction):
            return found
    require(by or local_person(services.settings), Role.REVIEWER, "score a case that has no result yet")
    from icicore.workflows.inference import score, write_explanation
    from icicore.workflows.records import record_score

    scored = score(services, case, ref, progress=progress)
    write_explanation(services, scored, result_folder(services, key, ref.digest), progress=progress)
    remember(services, wanted, scored.prediction)
    record_score(services, key, scored.prediction, by=by)
    result = load_result(services, key, ref.digest)
    if result is None:
        raise CaseError(folder, "its result cannot be read back", remedy="check the disk under ICICORE_HOME")
    return result


def _clinical(folder: Path | None, prediction: Json) -> ClinicalValues | None:
    """The clinical values, only while case.json is still the file that was scored."""
    try:
        if folder is None or file_digest(folder / "case.json") != (prediction.get("files") or {}).get("case.json"):
            return None
        return read_case(folder).clinical
    except (InputError, OSError):
        return None


def _reviews(services: Services, key: str, shown: Json) -> list[Json]:
    """Signed reviews, oldest first, each with its addenda and the audit row of its signature."""
    signed = review_store(services).of_case(key)
    rows = {r.hash_map().get("review", ""): r for r in audit_log(services).signatures(key)}
    return [
        _review(r, shown, rows) | {"addenda": [_review(a, shown, rows) for a in signed if a.parent == r.review_id]}
        for r in signed
        if not r.is_addendum
    ]


def _review(review: Review, shown: Json, rows: dict[str, AuditRow]) -> Json:
    row = rows.get(review.digest)
    return {
        "author": review.author,
        "signed": review.signed,
        "judgement": review.judgement,
        "text": review.text,
        "digest": review.digest,
        "evidence": review.evidence_map(),
        "differs": list(difference(review, shown).parts),
        "audit": None if row is None else f"{row.seq}:{row.digest[:_DIGITS]}",
    }


def _tiles(result: CaseResult) -> list[Json]:
    """The tiles that counted most, over all slides."""
    return strongest(
        [t for n, layers in enumerate(result.slides, 1) for t in top_tiles(_folder(result, layers), layers, slide=n)]
    )


def _pictures(services: Services, result: CaseResult, tiles: Sequence[Json]) -> Pictures:
    if not result.slides:
        return Pictures(missing=_NO_SLIDE)
    with ExitStack() as stack:
        try:
            readers = [stack.enter_context(_open(services, layers)) for layers in result.slides]
            main = _main_slide(result)
            overview = draw_overview(readers[main], _folder(result, result.slides[main]), result.slides[main])
            drawn = [TilePicture(t, _tile(readers, result.slides, t)) for t in tiles]
        except SlideError:
            return Pictures(tiles=tuple(TilePicture(t, None) for t in tiles), missing=_GONE)
    missing = "" if overview else "This result has no map of contributions."
    return Pictures(overview, tuple(drawn), missing, n_slides=len(result.slides))


def _folder(result: CaseResult, layers: Json) -> Path:
    return result.folder / "slides" / str(layers["digest"])[:16]


def _open(services: Services, layers: Json) -> OpenSlideReader:
    digest = str(layers["digest"])
    found = services.find_slide(digest[:16])
    if found is None:
        raise SlideError(str(layers.get("path_name", "slide")), "is not where it was when it was scored")
    return open_slide(found[0], mpp=found[1])


def _main_slide(result: CaseResult) -> int:
    """Index of the slide with the most tiles; the first of equals."""
    sizes = {str(s["digest"]): int(s.get("n_tiles", 0)) for s in result.prediction.get("slides") or []}
    counts = [sizes.get(str(layers["digest"]), 0) for layers in result.slides]
    return counts.index(max(counts))


def _tile(readers: Sequence[OpenSlideReader], slides: Sequence[Json], entry: Json) -> bytes:
    number = int(entry["slide"]) - 1
    return draw_tile(readers[number], entry, float(slides[number]["tile_l0"]))
