"""The expression of a whole study: one row per gene, one column per sample (cBioPortal ``data_mrna_seq_*.txt``)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from icicore.domain import Reason
from icicore.errors import GenomicsError
from icicore.genomics.expression import (
    MISSING,
    Unit,
    check_values,
    merge_genes,
    normalise_expression,
    not_a_number,
    panel_matches,
    quartile_genes,
    unit_of,
)
from icicore.genomics.expression_shape import check_species
from icicore.genomics.panel import is_known
from icicore.genomics.records import Expression
from icicore.genomics.text_files import read_table, read_text
from icicore.types import F32, F64

_GENE_COLUMNS = ("hugo_symbol", "gene", "gene_symbol", "symbol", "gene_id", "ensembl_id")
_OTHER_COLUMNS = frozenset({*_GENE_COLUMNS, "entrez_gene_id", "cytoband", "description", "gene_name"})


@dataclass(frozen=True)
class ExpressionMatrix:
    """Normalised expression of many samples; ``values`` float32 (genes, samples), NaN where not measured."""

    genes: tuple[str, ...]
    samples: tuple[str, ...]
    values: F32
    unit: Unit
    warnings: tuple[Reason, ...]

    def sample(self, name: str) -> Expression:
        """The expression of one sample, equal to what its own file would give."""
        values = self.values[:, self.samples.index(name)]
        return Expression(self.genes, values, self.unit, self.warnings)


def read_expression_matrix(path: Path, unit: Unit | None = None, *, estimated: bool = False) -> ExpressionMatrix:
    """Read an expression matrix and normalise each sample as :func:`icicore.genomics.read_expression` does.

    Parameters
    ----------
    path
        Tab-separated, gene symbols in the first known gene column (Hugo_Symbol), all other columns samples.
    unit
        Unit of the values; by default the one that the file name states.
    estimated
        Whether counts are estimates and may be fractional, as a file name with "estimated" says too.

    Raises
    ------
    GenomicsError
        Unit not stated, no gene column or samples, a sample twice, values that are no expression.
    """
    stated = unit or unit_of(path.name.replace("_", " "))
    if stated is None:
        raise GenomicsError(
            path,
            "the unit is not stated",
            expected="counts, tpm or fpkm in the file name",
            remedy="rename it, for example data_mrna_seq_tpm.txt",
        )
    symbols, samples, raw = _read(path)
    check_values(path, raw, stated, missing_allowed=True, estimated=estimated or "estimated" in path.name)
    check_species(path, symbols)
    genes, merged, _ = merge_genes(symbols, raw)
    matched, warnings = panel_matches(path, genes)
    with np.errstate(invalid="ignore"):
        values = normalise_expression(merged, reference=quartile_genes(matched))
    known = np.array([is_known(gene) for gene in genes], np.bool_)
    names = tuple(gene for gene, use in zip(genes, known, strict=True) if use)
    return ExpressionMatrix(names, samples, values[known], stated, warnings)


def _read(path: Path) -> tuple[list[str], tuple[str, ...], F64]:
    text = read_text(path)
    lines = 0
    while text.startswith("#"):
        text = text.partition("\n")[2]
        lines += 1
    header = [cell.strip().strip('"') for cell in text.partition("\n")[0].split("\t")]
    lower = [name.lower() for name in header]
    gene = next((lower.index(name) for name in _GENE_COLUMNS if name in lower), None)
    if gene is None:
        raise GenomicsError(path, "has no gene column", expected="Hugo_Symbol", remedy="name the gene column")
    columns = [i for i, name in enumerate(lower) if name not in _OTHER_COLUMNS]
    samples = tuple(header[i] for i in columns)
    _check_samples(path, samples)
    frame = read_table(path, text, skip=0, columns=[str(i) for i in range(len(header))])
    if frame.empty:
        raise GenomicsError(path, "has a header but no genes", expected="one row per gene", remedy="export it again")
    symbols = [symbol.strip().strip('"') for symbol in frame[str(gene)].fillna("")]
    values = np.empty((len(frame), len(columns)))
    for target, (column, sample) in enumerate(zip(columns, samples, strict=True)):
        values[:, target] = _numbers(path, frame[str(column)], symbols, sample)
    return symbols, samples, values


def _check_samples(path: Path, samples: Sequence[str]) -> None:
    if not samples:
        raise GenomicsError(path, "has no sample column", expected="one column per sample", remedy="export it again")
    twice = [name for name in samples if samples.count(name) > 1]
    if twice:
        raise GenomicsError(path, f"sample {twice[0]!r} is there twice", expected="one column", remedy="remove one")


def _numbers(path: Path, cells: "pd.Series[str]", symbols: Sequence[str], sample: str) -> F64:
    values = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64)
    for row in np.flatnonzero(np.isnan(values)).tolist():
        text = cells.iloc[row]
        if isinstance(text, str) and text.strip().strip('"').lower() not in MISSING:
            raise not_a_number(path, text, gene=symbols[row], sample=sample)
    return values
