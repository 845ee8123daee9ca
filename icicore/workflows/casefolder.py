"""A case folder on disk to a ``Case``, and the rules for which folders may be opened."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from icicore.access import LONGEST_SITE, one_line
from icicore.clinical.response import parse_response
from icicore.clinical.table import HISTORY, ROUTINE, parse_clinical, parse_routine
from icicore.domain import Case, TumourType
from icicore.errors import CaseError, NotAllowed
from icicore.fingerprint import fingerprint
from icicore.types import Json
from icicore.workflows.strays import check_fields, check_overlooked, check_slide_links, check_stated_mpp

_CASE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MUTATION_FILES = ("mutations.maf", "mutations.maf.gz", "mutations.vcf", "mutations.vcf.gz", "mutations.vcf.bgz")
_EXPRESSION_FILES = ("expression.tsv", "expression.tsv.gz")
_READ = ("case.json", *_MUTATION_FILES, *_EXPRESSION_FILES)
_NOT_A_SLIDE = {".json", ".txt", ".md", ".csv", ".tsv", ".xml", ".geojson", ".log"}
_LEFT_BY_SYSTEMS = {"thumbs.db", "desktop.ini"}


def case_key(folder: Path) -> str:
    """Stable key of a case folder: two folders with the same case id stay two cases."""
    return fingerprint(str(folder.resolve()))[:16]


def check_allowed(folder: Path, roots: Iterable[Path]) -> Path:
    """Resolve ``folder`` (links included) and refuse it unless it lies under one of the roots."""
    resolved = folder.expanduser().resolve()
    allowed = [root.resolve() for root in roots]
    if not any(resolved == root or root in resolved.parents for root in allowed):
        raise NotAllowed(
            str(folder),
            "lies outside the folders that may be opened",
            expected="a folder under " + ", ".join(map(str, allowed)),
            remedy="move it there or add its folder to ICICORE_ROOTS",
        )
    return resolved


def check_files_allowed(case: Case, roots: Iterable[Path]) -> Case:
    """Refuse a case one of whose files is a link to outside the roots; returns the case."""
    allowed = tuple(roots)
    for path in (case.folder / "case.json", case.mutations, case.expression, *case.slides):
        if path is not None:
            check_allowed(path, allowed)
    return case


def read_case(folder: Path) -> Case:
    """Read and check a case folder.

    Raises
    ------
    CaseError
        The folder or case.json is missing or malformed, or there is nothing to score.
    ClinicalError
        A clinical value is out of range or unreadable.
    """
    if not folder.is_dir():
        raise CaseError(
            folder, "no such folder", expected="a case folder that holds case.json", remedy="check the path"
        )
    path = folder / "case.json"
    record = _read_json(path)
    check_fields(path, record)
    check_overlooked(folder, _READ)
    clinical = record.get("clinical")
    if clinical is not None and not isinstance(clinical, dict):
        raise CaseError(path, '"clinical" is not an object', expected="age, sex, ecog, ldh_uln", remedy="correct it")
    fields = clinical or {}
    routine = parse_routine(fields, source="case.json clinical")
    four = {name: value for name, value in fields.items() if name not in (*ROUTINE, HISTORY)}
    values = parse_clinical(four, source="case.json clinical")
    case = Case(
        case_id=_case_id(path, record.get("case_id")),
        tumour_type=_tumour_type(path, record.get("tumour_type")),
        folder=folder,
        clinical=None if values.empty else values,
        response=parse_response(record.get("response")),
        slides=_slides(folder / "slides"),
        mutations=_first(folder, _MUTATION_FILES),
        expression=_first(folder, _EXPRESSION_FILES),
        mpp=_mpp(path, record.get("mpp")),
        gene_panel=_gene_panel(path, record.get("gene_panel")),
        sample_barcode=_barcode(path, record.get("sample_barcode")),
        virtual=record.get("virtual") is True,
        routine=routine,
        site=_site(path, record.get("site")),
    )
    check_stated_mpp(path, case.mpp, case.slides)
    if not (case.slides or case.mutations or case.expression or case.clinical):
        raise CaseError(
            folder,
            "holds nothing to score",
            expected="slides/, mutations.maf or .vcf, expression.tsv, or clinical values in case.json",
            remedy="add at least one of them",
        )
    return case


def find_case_folders(roots: Iterable[Path], *, limit: int = 500) -> list[Path]:
    """Folders with a case.json at most two levels below the roots."""
    found: dict[Path, None] = {}
    for root in roots:
        for pattern in ("case.json", "*/case.json", "*/*/case.json"):
            for path in sorted(root.glob(pattern)):
                found[path.parent] = None
                if len(found) >= limit:
                    return list(found)
    return list(found)


def site_of(folder: Path) -> str | None:
    """Site in case.json; None also where the folder cannot be read."""
    try:
        return _site(folder / "case.json", _read_json(folder / "case.json").get("site"))
    except CaseError:
        return None


def _read_json(path: Path) -> Json:
    try:
        record = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_once)
    except FileNotFoundError:
        raise CaseError(
            path.parent, "has no case.json", expected='{"case_id", "tumour_type", ...}', remedy="write one"
        ) from None
    except UnicodeDecodeError:
        raise CaseError(path, "is not UTF-8 text", expected="JSON in UTF-8", remedy="save it as UTF-8") from None
    except json.JSONDecodeError as error:
        raise CaseError(
            path, f"is not valid JSON (line {error.lineno}: {error.msg})", expected="a JSON object", remedy="correct it"
        ) from None
    except (ValueError, RecursionError) as error:  # a field twice, a number of thousands of digits, endless brackets
        problem = str(error) if isinstance(error, _TwiceError) else "is not valid JSON (too deep or too long)"
        raise CaseError(path, problem, expected="a JSON object", remedy="correct it") from None
    except OSError as error:
        raise CaseError(path, f"cannot be read ({error.strerror})", remedy="check its permissions") from None
    if not isinstance(record, dict):
        raise CaseError(path, "is not a JSON object", expected='{"case_id", "tumour_type", ...}', remedy="correct it")
    return record


class _TwiceError(ValueError):
    """A field that stands twice in one object."""


def _once(pairs: list[tuple[str, Any]]) -> Json:
    """An object whose fields are all different: of two values of one field neither is taken."""
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(f"states {next(n for n in names if names.count(n) > 1)[:40]!r} twice")
    return record


def is_case_id(value: object) -> bool:
    """Whether a text can be a case id."""
    return isinstance(value, str) and _CASE_ID.fullmatch(value) is not None


def _case_id(path: Path, value: Any) -> str:
    if not is_case_id(value):
        raise CaseError(
            path,
            f"case_id {str(value)[:40]!r} cannot be used",
            expected="1-64 letters, digits, dot, dash or underscore, starting with a letter or digit",
            remedy="give the case a plain pseudonym",
        )
    return str(value)


def _tumour_type(path: Path, value: Any) -> TumourType:
    text = str(value).strip().lower()
    if text not in set(TumourType):
        raise CaseError(
            path,
            f"tumour_type {str(value)[:40]!r} is out of scope",
            expected="melanoma or nsclc",
            remedy="the models were made for these two only",
        )
    return TumourType(text)


def _mpp(path: Path, value: Any) -> dict[str, float]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(
        isinstance(v, (int, float)) and not isinstance(v, bool) for v in value.values()
    ):
        raise CaseError(path, '"mpp" cannot be read', expected='{"slide file name": 0.25}', remedy="correct it")
    return {str(name): float(v) for name, v in value.items()}


def _gene_panel(path: Path, value: Any) -> str | tuple[str, ...] | None:
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, list) and value and all(isinstance(v, str) for v in value):
        return tuple(value)
    raise CaseError(
        path, '"gene_panel" cannot be read', expected="the name of an assay or a list of genes", remedy="correct it"
    )


def _barcode(path: Path, value: Any) -> str | None:
    if value is None or (isinstance(value, str) and value):
        return value
    raise CaseError(path, '"sample_barcode" cannot be read', expected="the tumour sample's name", remedy="correct it")


def _site(path: Path, value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and value == one_line(value, LONGEST_SITE) and value:
        return value
    raise CaseError(
        path,
        '"site" cannot be used',
        expected=f"a name of 1-{LONGEST_SITE} characters on one line",
        remedy="correct it",
    )


def _first(folder: Path, names: Iterable[str]) -> Path | None:
    present = [folder / n for n in names if (folder / n).exists()]
    if len(present) > 1:
        raise CaseError(
            folder,
            f"holds both {present[0].name} and {present[1].name}",
            expected="one of them",
            remedy="remove the other",
        )
    return present[0] if present else None


def _slides(folder: Path) -> tuple[Path, ...]:
    """Slide files, and sub-folders that hold a DICOM series; companion folders of .mrxs files are not slides."""
    if not folder.is_dir():
        return ()
    entries = sorted(
        p for p in folder.iterdir() if not p.name.startswith(".") and p.name.lower() not in _LEFT_BY_SYSTEMS
    )
    check_slide_links(entries)
    stems = {p.stem for p in entries if p.suffix.lower() in (".mrxs", ".vms", ".vmu")}
    files = [p for p in entries if p.is_file() and p.suffix.lower() not in _NOT_A_SLIDE]
    companions = {".dat", ".ini"} if stems else set()
    series = [p for p in entries if p.is_dir() and p.name not in stems and any(p.iterdir())]
    return tuple([p for p in files if p.suffix.lower() not in companions] + series)
