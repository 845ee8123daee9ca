"""Gene expression: units, upper-quartile normalisation, logarithm; from arrays and from the file of one case."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from icicore.domain import GENOMICS, Reason
from icicore.errors import GenomicsError
from icicore.genomics.expression_shape import (
    check_orientation,
    check_species,
    maybe_logged,
    seems_logged,
    spreadsheet_dates,
)
from icicore.genomics.panel import is_known, load_panel, resolve_symbol
from icicore.genomics.records import Expression
from icicore.genomics.text_files import read_text, separator_hint
from icicore.types import F32, F64, Mask

__all__ = ["Expression", "normalise_expression", "read_expression", "to_tpm", "upper_quartile"]

Unit: TypeAlias = Literal["counts", "tpm", "fpkm"]
UNITS: tuple[str, ...] = get_args(Unit)
SCALE = 1000.0
"""The upper quartile becomes this value before the logarithm."""
FEW_GENES = 200
"""Fewer panel genes than this say little about a tumour, and make the upper quartile unstable."""

MISSING = frozenset({"", "na", "nan", "null", "."})

_UNIT_WORD = re.compile(r"(?<![a-z])(raw_?counts?|read_?counts?|counts?|tpm|fpkm|rpkm)(?![a-z])", re.IGNORECASE)
_ESTIMATED_WORD = re.compile(r"expected|estimated|^est_?counts?$", re.IGNORECASE)
_LOGGED_WORD = re.compile(r"log|z-?score|zscore|rlog|vst", re.IGNORECASE)
_GENE_WORDS = frozenset(
    {"gene", "genes", "symbol", "gene_symbol", "hugo_symbol", "hgnc_symbol", "gene_name", "gene_id", "ensembl_id"}
)
_MANY_UNKNOWN = 0.5
_LEAST_WHOLE = 0.3


def upper_quartile(values: F64) -> F64:
    """75th percentile over the expressed genes (value above 0) of each sample.

    ``values`` is (genes,) or (genes, samples); the result is () or (samples,), NaN where nothing is expressed.
    """
    with_gaps = np.where(values > 0, values, np.nan)
    empty = np.isnan(with_gaps).all(axis=0)
    return np.asarray(np.nanpercentile(np.where(empty, 1.0, with_gaps), 75, axis=0) * np.where(empty, np.nan, 1.0))


def to_tpm(values: F64, unit: Unit, *, lengths: F64 | None = None) -> F64:
    """Transcripts per million: each sample sums to 10^6 over the genes given.

    Parameters
    ----------
    values
        Non-negative, (genes,) or (genes, samples).
    unit
        FPKM and TPM are already per length; counts need ``lengths`` in bases, (genes,).
    """
    rate = np.asarray(values, np.float64)
    if unit == "counts":
        if lengths is None:
            raise GenomicsError("counts", "no gene lengths", expected="lengths in bases", remedy="give TPM instead")
        rate = (rate.T / lengths).T
    total = rate.sum(axis=0)
    return np.asarray(rate / np.where(total > 0, total, 1.0) * 1e6)


def normalise_expression(values: F64, *, reference: Mask | None = None) -> F32:
    """log2(1 + 1000 * x / upper quartile), float32, same shape as ``values``.

    The result does not depend on sequencing depth or on whether TPM or FPKM is given, since each sample is divided
    by its own upper quartile. Normalisation by the upper quartile: Bullard et al., BMC Bioinformatics 2010.

    Parameters
    ----------
    values
        Non-negative expression in any linear unit, (genes,) or (genes, samples); NaN stays NaN.
    reference
        Genes over which the quartile is taken, bool (genes,); all by default. Passing the same gene set for every
        file keeps a short gene list comparable with a whole transcriptome.
    """
    linear = np.asarray(values, np.float64)
    basis = linear if reference is None else linear[reference]
    return np.asarray(np.log2(1.0 + SCALE * linear / upper_quartile(basis)), np.float32)


def read_expression(path: Path) -> Expression:
    """Read the expression table of one case: a gene column and a value column whose header names the unit.

    Several rows of one gene are summed. The upper quartile is taken over the genes of the current panel that the
    file holds, or over all its genes when those are fewer than 200.

    Raises
    ------
    GenomicsError
        Unit not declared; values negative, missing, infinite, logged, with decimal comma or not numbers; counts that
        are not whole; no gene that we know.
    """
    table = _parse(path)
    values = _numbers(path, table)
    check_values(path, values, table.unit, estimated=table.estimated)
    genes, merged, n_duplicates = merge_genes(table.genes, values)
    known = np.array([is_known(gene) for gene in genes], np.bool_)
    check_species(path, table.genes)
    matched, warnings = panel_matches(path, genes)
    warnings = (*warnings, *_unknown(path, genes, known), *spreadsheet_dates(path, table.genes))
    warnings = (*warnings, *maybe_logged(path, values))
    if n_duplicates:
        message = f"{path.name}: {n_duplicates} rows repeat a gene; their values are summed"
        warnings = (*warnings, Reason("duplicate_genes", message, GENOMICS))
    reference = quartile_genes(matched)
    if not (merged[reference] > 0).any():
        raise GenomicsError(path, "every value is 0", expected="expressed genes", remedy="export it again")
    normalised = normalise_expression(merged, reference=reference)
    names = tuple(gene for gene, use in zip(genes, known, strict=True) if use)
    return Expression(names, normalised[known], table.unit, warnings)


@dataclass(frozen=True)
class _Table:
    genes: tuple[str, ...]
    cells: tuple[str, ...]
    unit: Unit
    estimated: bool
    first_line: int


def _parse(path: Path) -> _Table:
    lines = read_text(path).split("\n")
    start = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")), None)
    if start is None:
        raise GenomicsError(path, "has comments only", expected="a header: gene, tpm", remedy="export it again")
    separator = "\t" if "\t" in lines[start] else ","
    header = [cell.strip().strip('"') for cell in lines[start].split(separator)]
    check_orientation(path, header)
    gene_column, value_column, unit = _columns(path, header)
    genes, cells = [], []
    for number, line in enumerate(lines[start + 1 :], start + 2):
        if not line.strip():
            continue
        row = [cell.strip().strip('"') for cell in line.split(separator)]
        if len(row) != len(header):
            decimal = ", perhaps a decimal comma" if separator == "," and len(row) > len(header) else ""
            raise GenomicsError(
                path,
                f"line {number} has {len(row)} columns{decimal}",
                expected=f"{len(header)} as in the header",
                remedy="export it again as tab-separated text",
            )
        genes.append(row[gene_column])
        cells.append(row[value_column])
    if not genes:
        raise GenomicsError(path, "has a header but no genes", expected="one row per gene", remedy="export it again")
    estimated = _ESTIMATED_WORD.search(header[value_column]) is not None
    return _Table(tuple(genes), tuple(cells), unit, estimated, start + 2)


def _columns(path: Path, header: Sequence[str]) -> tuple[int, int, Unit]:
    """Positions of gene and value, and the unit that the header names."""
    named = [(i, unit) for i, name in enumerate(header) if (unit := unit_of(name))]
    logged = next((header[i] for i, _ in named if _LOGGED_WORD.search(header[i])), None)
    if logged is not None:
        raise _logged(path, f"the column {logged!r} is on a logarithmic or z-score scale")
    units = {unit for _, unit in named}
    if len(named) != 1:
        found = f"names {len(units)} units ({', '.join(sorted(units))})" if len(units) > 1 else "names no unit"
        found = f"has {len(named)} value columns" if len(units) == 1 else f"the header {found}"
        raise GenomicsError(
            path, found, expected="one value column named counts, tpm or fpkm", remedy="name the unit in the header"
        )
    value, unit = named[0]
    gene = next((i for i, name in enumerate(header) if name.lower() in _GENE_WORDS and i != value), None)
    if gene is None and len(header) > 1:
        gene = 0 if value != 0 else 1
    if gene is None:
        hint = separator_hint(" ".join(header) if "," in header[0] else header[0])
        remedy = f"{hint}export it as tab-separated text" if hint else "add the gene column"
        raise GenomicsError(path, "has one column", expected="two: gene and value", remedy=remedy)
    return gene, value, unit


def unit_of(name: str) -> Unit | None:
    """The unit that a column or file name states, None when it states none; RPKM counts as FPKM."""
    match = _UNIT_WORD.search(name)
    if match is None:
        return None
    word = match.group().lower()
    if "count" in word:
        return "counts"
    return "tpm" if word == "tpm" else "fpkm"


def _numbers(path: Path, table: _Table) -> F64:
    values = pd.to_numeric(pd.Series(table.cells, dtype=str), errors="coerce").to_numpy(np.float64)
    missing = np.array([cell.lower() in MISSING for cell in table.cells])
    bad = np.isnan(values) & ~missing
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise not_a_number(path, table.cells[row], gene=table.genes[row])
    return values


def not_a_number(path: Path, cell: str, *, gene: str, sample: str = "") -> GenomicsError:
    """The error for a cell that holds no number."""
    comma = re.fullmatch(r"-?\d+,\d+", cell.strip()) is not None
    return GenomicsError(
        path,
        f"{cell!r} of gene {gene}{f' in sample {sample}' if sample else ''} is "
        + ("a number with a decimal comma" if comma else "not a number"),
        expected="numbers with a decimal point",
        remedy="export it with a decimal point" if comma else "correct the value or remove the row",
    )


def quartile_genes(matched: Mask) -> Mask:
    """Genes over which the upper quartile is taken: those of the panel, or all when the panel's are too few.

    A file of 1,700 immune genes and one of 22,000 genes differ in their quartiles over all genes, but much less
    over the panel genes that both hold.
    """
    return matched if matched.sum() >= FEW_GENES else np.ones_like(matched)


def check_values(
    path: Path, values: F64, unit: Unit, *, missing_allowed: bool = False, estimated: bool = False
) -> None:
    """Refuse values that cannot be expression in the declared unit.

    ``values`` is (genes,) or (genes, samples); ``estimated`` counts may be fractional.

    Raises
    ------
    GenomicsError
        Missing, infinite, negative, logged, or counts that are not whole.
    """
    n_missing = int(np.isnan(values).sum())
    if n_missing and not missing_allowed:
        remedy = "leave out genes that were not measured"
        raise GenomicsError(path, f"{n_missing} values are missing (NaN)", expected="a number per gene", remedy=remedy)
    if np.isinf(values).any():
        problem = f"{int(np.isinf(values).sum())} values are infinite"
        raise GenomicsError(path, problem, expected="finite numbers", remedy="export it again")
    if (values < 0).any():
        problem = f"{int((values < 0).sum())} values are negative, so this is logged or centred, not {unit}"
        raise GenomicsError(path, problem, expected=f"{unit} of 0 or more", remedy=f"export the {unit} before any log")
    found = values[np.isfinite(values)]
    if why := seems_logged(found, n_genes=len(values)):
        raise _logged(path, f"{why}, so they seem to be logged already")
    # Quantifiers report expected counts, fractional in part; TPM are nearly never whole.
    expressed = found[found > 0]
    whole = bool((found == np.round(found)).all())
    if unit == "counts" and not (whole or estimated) and np.mean(expressed == np.round(expressed)) < _LEAST_WHOLE:
        problem = "the values are declared as counts but are mostly not whole"
        raise GenomicsError(path, problem, expected="read counts", remedy="declare the unit they are in")


def _logged(path: Path, problem: str) -> GenomicsError:
    return GenomicsError(
        path, problem, expected="counts, TPM or FPKM on a linear scale", remedy="export before the log"
    )


def merge_genes(symbols: Sequence[str], values: F64) -> tuple[tuple[str, ...], F64, int]:
    """Resolve symbols and sum the rows of one gene.

    Returns the unique genes in order of appearance, values (genes,) or (genes, samples), and how many rows were
    merged into another. Sums are right in all three linear units: the reads or transcripts of a gene are those of
    its rows together.
    """
    resolved = [resolve_symbol(symbol) for symbol in symbols]
    codes, genes = pd.factorize(np.array(resolved, dtype=object))
    order = np.argsort(codes, kind="stable")
    merged = np.add.reduceat(values[order], np.searchsorted(codes[order], np.arange(len(genes))), axis=0)
    return tuple(genes), merged, len(symbols) - len(genes)


def panel_matches(path: Path, genes: Sequence[str]) -> tuple[Mask, tuple[Reason, ...]]:
    """Which genes are in the expression panel, bool (genes,), and a warning when they are few.

    Raises
    ------
    GenomicsError
        No gene of the panel is there.
    """
    panel = frozenset(load_panel().expression_genes)
    matched = np.array([gene in panel for gene in genes], np.bool_)
    count = int(matched.sum())
    if count == 0:
        example = ", ".join(genes[:3])
        raise GenomicsError(
            path,
            f"no gene name is known ({example})",
            expected="gene symbols or Ensembl gene ids (ENSG...)",
            remedy="put symbols into the gene column",
        )
    if count < FEW_GENES:
        message = f"{path.name}: only {count} of {len(panel)} panel genes are given; the rest counts as not measured"
        return matched, (Reason("few_genes", message, GENOMICS),)
    return matched, ()


def _unknown(path: Path, genes: Sequence[str], known: Mask) -> tuple[Reason, ...]:
    if known.mean() >= 1 - _MANY_UNKNOWN:
        return ()
    shown = ", ".join([gene for gene, ok in zip(genes, known, strict=True) if not ok][:3])
    message = f"{path.name}: {int((~known).sum())} of {len(genes)} gene names are unknown ({shown}) and are not used"
    return (Reason("unknown_genes", message, GENOMICS),)
