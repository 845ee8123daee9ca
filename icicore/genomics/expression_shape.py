"""What the shape of an expression table betrays: a logarithm nobody declared, another species, genes in columns."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from icicore.domain import GENOMICS, Reason
from icicore.errors import GenomicsError
from icicore.genomics.panel import is_known
from icicore.types import F64

ENOUGH_GENES = 200
"""From so many genes on, the spread of the values tells a linear scale from a logarithmic one."""

_MOST_LOGGED = 30.0
_RARELY_LOGGED = 50.0
_RARELY_LOGGED = 50.0
_LEAST_SPREAD = 8.0
_FEWEST_NAMES = 20
_RODENT = re.compile(r"[A-Z][a-z0-9.-]*[a-z][a-z0-9.-]*")
_SPREADSHEET_DATE = re.compile(r"\d{1,2}-[A-Z][a-z]{2}|[A-Z][a-z]{2}-\d{1,2}|\d{4}-\d\d-\d\d")


def seems_logged(found: F64, *, n_genes: int) -> str:
    """Why the values seem to be logged already, "" where they do not.

    On a linear scale the strongest of hundreds of genes is in the hundreds or more, and many times the upper quartile;
    logged values end near 20, and where one does not, all are a few times their upper quartile.

    Parameters
    ----------
    found : finite values of 0 or more, of one sample or of several
    n_genes : number of genes they belong to
    """
    largest = float(found.max(initial=0.0))
    if n_genes < ENOUGH_GENES or not (found > 0).any():
        return ""
    if largest < _MOST_LOGGED:
        return f"the largest of {n_genes} values is {largest:.1f}"
    spread = largest / float(np.percentile(found[found > 0], 75))
    whole = bool((found == np.round(found)).all())
    if whole or largest >= _RARELY_LOGGED or spread >= _LEAST_SPREAD:
        return ""
    return f"the largest value is only {spread:.1f} times the upper quartile"


def maybe_logged(path: Path, values: F64) -> tuple[Reason, ...]:
    """The warning for a table too short to tell its scale, whose values would all fit a logarithm."""
    largest = float(values.max(initial=0.0))
    if len(values) >= ENOUGH_GENES or largest >= _MOST_LOGGED or bool((values == np.round(values)).all()):
        return ()
    message = (
        f"{path.name}: {len(values)} genes up to {largest:.1f} are too few to tell a linear scale from a logarithm; "
        "they are taken as linear"
    )
    return (Reason("maybe_logged", message, GENOMICS),)


def check_species(path: Path, symbols: Sequence[str]) -> None:
    """Refuse genes that are named as in mouse and rat (``Cd274``), which would match human symbols by chance.

    Raises
    ------
    GenomicsError
        Most of the names that we know are written so.
    """
    known = [
        symbol for symbol in symbols if len(symbol) > 2 and is_known(symbol) and not symbol.upper().startswith("ENS")
    ]
    rodent = [symbol for symbol in known if _RODENT.fullmatch(symbol)]
    if len(known) >= _FEWEST_NAMES and len(rodent) > len(known) / 2:
        raise GenomicsError(
            path,
            f"the genes are named as in mouse or rat ({', '.join(rodent[:3])})",
            expected="human gene symbols such as CD274",
            remedy="give the human data, or write human symbols",
        )


def spreadsheet_dates(path: Path, symbols: Sequence[str]) -> tuple[Reason, ...]:
    """The warning for gene names that a spreadsheet turned into dates (``1-Mar``)."""
    dates = [symbol for symbol in symbols if _SPREADSHEET_DATE.fullmatch(symbol)]
    if not dates:
        return ()
    message = (
        f"{path.name}: {len(dates)} gene names were turned into dates by a spreadsheet ({', '.join(dates[:3])}) "
        "and are not used"
    )
    return (Reason("date_genes", message, GENOMICS),)


def check_orientation(path: Path, header: Sequence[str]) -> None:
    """Refuse a table whose genes stand in the columns.

    Raises
    ------
    GenomicsError
        Most names of a long header are genes.
    """
    if len(header) > _FEWEST_NAMES and sum(map(is_known, header)) > len(header) / 2:
        raise GenomicsError(
            path,
            f"the genes stand in the columns ({', '.join(header[1:4])})",
            expected="one row per gene",
            remedy="transpose the table",
        )
