"""Names of the human reference genome: which build a file was called on."""

import re
from collections.abc import Iterable
from pathlib import Path

from icicore.domain import GENOMICS, Reason
from icicore.errors import GenomicsError

GRCH37, GRCH38 = "GRCh37", "GRCh38"

_EXACT = {
    "37": GRCH37,
    "19": GRCH37,
    "hg19": GRCH37,
    "b37": GRCH37,
    "grch37": GRCH37,
    "hs37d5": GRCH37,
    "38": GRCH38,
    "hg38": GRCH38,
    "b38": GRCH38,
    "grch38": GRCH38,
}
_INSIDE = re.compile(
    r"(?P<GRCh37>grch37|hg19|b37\b|hs37d5|human_g1k_v37)|(?P<GRCh38>grch38|hg38|b38\b|hs38)"
    r"|(?P<other>ncbi36|hg18|grcm3[89]|mm10|mm39|chm13|t2t|hs1\b)",
    re.IGNORECASE,
)
_LENGTHS = {  # of chromosomes 1, 7, 17, 21 and X
    249250621: GRCH37,
    159138663: GRCH37,
    81195210: GRCH37,
    48129895: GRCH37,
    155270560: GRCH37,
    248956422: GRCH38,
    159345973: GRCH38,
    83257441: GRCH38,
    46709983: GRCH38,
    156040895: GRCH38,
}
_BLANK = frozenset({"", ".", "na", "n/a", "nan", "unknown", "__unknown__"})


def build_of_cells(cells: Iterable[str], *, source: Path) -> str:
    """The one build that the NCBI_Build cells name; "" when they are all blank.

    Raises
    ------
    GenomicsError
        A build other than GRCh37 and GRCh38, or both.
    """
    found = set()
    for cell in cells:
        name = cell.strip().strip('"').lower()
        if name in _BLANK:
            continue
        # Patch releases ("GRCh38.p13", "37.1") and padding ("GRCh37-lite") do not move a gene.
        build = _EXACT.get(name) or _EXACT.get(re.split(r"[.\-]", name)[0])
        if build is None:
            raise _wrong(source, f"the genome build is {cell.strip()!r}")
        found.add(build)
    return only_build(found, source=source)


def build_of_text(text: str, *, source: Path) -> str | None:
    """The build named inside a header line, None when it names none."""
    match = _INSIDE.search(text)
    if match is None:
        return None
    if match.lastgroup == "other":
        raise _wrong(source, f"the genome build is {match.group()!r}")
    return match.lastgroup


def build_of_length(length: int) -> str | None:
    """The build in which a chromosome has this length."""
    return _LENGTHS.get(length)


def only_build(found: set[str], *, source: Path) -> str:
    """The single member of ``found``, "" when it is empty."""
    if len(found) > 1:
        raise GenomicsError(
            source,
            "two genome builds are mixed, GRCh37 and GRCh38",
            expected="one build in the whole file",
            remedy="lift over to one build or export again",
        )
    return next(iter(found), "")


def unknown_build(source: Path) -> Reason:
    """The warning for a file that names no build."""
    return Reason(
        "unknown_build", f"{source.name}: the genome build is not stated; gene names are taken as given", GENOMICS
    )


def _wrong(source: Path, problem: str) -> GenomicsError:
    return GenomicsError(source, problem, expected="GRCh37 (hg19) or GRCh38 (hg38)", remedy="lift over or call again")
