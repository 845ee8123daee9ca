"""What a case folder holds that would be overlooked: misnamed files, broken links, misspelt fields of case.json."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from icicore.errors import CaseError

FIELDS = (
    *("case_id", "tumour_type", "clinical", "response", "mpp", "gene_panel", "sample_barcode", "virtual", "site"),
)
"""Fields of case.json that are read."""

_CLINICAL_FIELDS = ("age", "sex", "ecog", "ldh_uln")
_MUTATION_ENDINGS = (".maf", ".vcf", ".bcf", ".maf.gz", ".vcf.gz", ".vcf.bgz", ".maf.txt")
_SLIDE_ENDINGS = (
    *(".svs", ".ndpi", ".mrxs", ".scn", ".bif", ".vms", ".vmu", ".czi", ".dcm", ".tif", ".tiff", ".svslide"),
)
_BESIDE = (".tbi", ".csi", ".idx", ".md5", ".sha256", ".bak", ".old", ".orig", "~", ".md", ".json", ".log")
"""Endings of files that lie beside an input (an index, a checksum, a copy kept) and are none themselves."""
_ALIKE = 0.8


def check_overlooked(folder: Path, read: Iterable[str]) -> None:
    """Refuse a folder in which a file looks like an input but has a name that is not read.

    Parameters
    ----------
    folder : case folder
    read : names of files that are read

    Raises
    ------
    CaseError
        The file, and the name that it should have.
    """
    known = set(read)
    for path in sorted(folder.iterdir()):
        if path.name in known and path.is_symlink() and not path.exists():
            raise _broken(path)
        if path.name in known or path.name.startswith(".") or path.name.lower().endswith(_BESIDE) or path.is_dir():
            continue
        if wanted := _meant(path.name.lower(), path.name):
            raise CaseError(path, "is not read under this name", expected=wanted, remedy="rename or move it")


def _meant(lower: str, name: str) -> str:
    """Name that a file should have, "" where it is none of ours."""
    stem = lower.partition(".")[0]
    if lower.endswith(_SLIDE_ENDINGS):
        return f"slides/{name}"
    if stem in ("mutation", "mutations") or lower.endswith(_MUTATION_ENDINGS):
        return "mutations.maf or mutations.vcf, also with .gz"
    if stem in ("expression", "expressions"):
        return "expression.tsv, tab-separated text, also with .gz"
    return ""


def check_slide_links(paths: Iterable[Path]) -> None:
    """Refuse what would else count as no slide, or break a table: a link to nothing (an unmounted disk), a bad name."""
    for path in paths:
        try:
            path.name.encode()
        except UnicodeEncodeError:
            shown = path.name.encode(errors="replace").decode()
            raise CaseError(
                shown, "its name is not valid UTF-8", expected="a name that every program can read", remedy="rename it"
            ) from None
        if path.is_symlink() and not path.exists():
            raise _broken(path)


def _broken(path: Path) -> CaseError:
    return CaseError(
        path, "is a link to a file that is not there", expected="the file itself", remedy="mount its disk or remove it"
    )


def check_fields(path: Path, record: Mapping[str, object]) -> None:
    """Refuse a field of case.json that is probably a misspelt or misplaced one; others are nobody's concern.

    Raises
    ------
    CaseError
        The field, and the one that is probably meant.
    """
    for name in record:
        if name in FIELDS:
            continue
        if name.lower() in _CLINICAL_FIELDS:
            raise CaseError(
                path, f'{name!r} stands outside of "clinical"', expected='"clinical": {"age": ...}', remedy="move it"
            )
        alike = difflib.get_close_matches(name.lower().replace("tumor", "tumour"), FIELDS, 1, _ALIKE)
        if alike:
            raise CaseError(path, f"unknown field {name[:40]!r}", expected=alike[0], remedy="rename or remove it")


def check_stated_mpp(path: Path, mpp: Mapping[str, float], slides: Sequence[Path]) -> None:
    """Refuse a pixel size that is stated for a slide which is not in the folder."""
    names = [slide.name for slide in slides]
    for name in mpp:
        if name not in names:
            shown = ", ".join(names[:3]) or "a slide in slides/"
            raise CaseError(
                path, f'"mpp" names {name[:60]!r}, which is not in slides/', expected=shown, remedy="correct the name"
            )
