"""Somatic mutations of one case or of a whole study, from MAF or annotated VCF, with tumour mutational burden."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from icicore.domain import GENOMICS, Reason
from icicore.genomics.assays import known_assay
from icicore.genomics.consequences import NON_SYNONYMOUS, SILENT
from icicore.genomics.maf import MafTable, parse_maf, read_maf_table, unknown_genes
from icicore.genomics.panel import resolve_symbol
from icicore.genomics.records import EXOME_MB, Mutation, MutationCalls
from icicore.genomics.samples import choose_sample
from icicore.genomics.text_files import read_text
from icicore.genomics.vcf import VcfCalls, parse_vcf

__all__ = ["Mutation", "MutationCalls", "calls_by_sample", "panel_megabases", "read_mutations", "with_coverage"]

SMALLEST_TMB_MB = 0.5
"""Below this covered size a burden per megabase is noise, and none is given."""
HIGHEST_TMB = 250.0
"""Mutations per megabase that hardly any tumour exceeds; a germline exome has some 300 protein-changing ones."""
_TELLING_GENES = 8
_MB_PER_GENE = 0.0026
"""Coding megabases per gene of a cancer panel: 1.22 Mb over 468 genes (Samstein et al., Nat Genet 2019)."""


def read_mutations(
    path: Path,
    *,
    case_id: str | None = None,
    covered_genes: Iterable[str] | None = None,
    covered_mb: float | None = None,
    sample_barcode: str | None = None,
) -> MutationCalls:
    """Read the mutations of one case.

    Parameters
    ----------
    path
        MAF (``.maf``, ``.txt``) or VCF annotated by VEP (CSQ) or SnpEff (ANN), plain or gzip; told apart by content.
    case_id
        Pseudonym that the sample barcode must be or begin with.
    covered_genes
        Genes of the sequencing panel; None for a whole exome. Genes outside are not measured.
    covered_mb
        Megabases of coding sequence covered; by default 30 for an exome, 0.0026 per gene for a panel.
    sample_barcode
        The sample to take, when its barcode does not begin with the case id or there are several.

    Raises
    ------
    GenomicsError
        One line saying what is wrong with the file and what to do.
    """
    text = read_text(path)
    if text.startswith(("##fileformat=VCF", "#CHROM\t")) or ".vcf" in map(str.lower, path.suffixes):
        calls = _from_vcf(parse_vcf(path, text, case_id=case_id, sample_barcode=sample_barcode), path)
    else:
        table = parse_maf(path, text)
        if table.samples:
            sample = choose_sample(table.samples, source=path, case_id=case_id, sample_barcode=sample_barcode)
        else:
            sample = sample_barcode or case_id or ""
        calls = _calls(table, sample, table.rows[table.rows["sample"] == sample], path)
    if covered_genes is None and covered_mb is None:
        calls = replace(calls, warnings=(*calls.warnings, *_panel_suspicion(path, calls)))
    return with_coverage(calls, covered_genes, covered_mb=covered_mb)


def _panel_suspicion(path: Path, calls: MutationCalls) -> tuple[Reason, ...]:
    """The warning for calls that lie in cancer genes only: an exome would hit others, with 500 of 20,000 in a panel."""
    largest = known_assay("IMPACT505")
    if largest is None or len(calls.genes) < _TELLING_GENES or not calls.genes <= largest.genes:
        return ()
    message = (
        f"{path.name}: all {len(calls.genes)} mutated genes are cancer panel genes; if this is a panel and not an "
        "exome, its genes must be stated, or other genes count as wild type and TMB is too low"
    )
    return (Reason("maybe_panel", message, GENOMICS),)


def calls_by_sample(
    path: Path, *, coverage: Mapping[str, Iterable[str] | None] | None = None, covered_mb: float | None = None
) -> dict[str, MutationCalls]:
    """Read a MAF of many samples: calls by Tumor_Sample_Barcode, also for listed samples without mutation.

    ``coverage`` gives the panel genes of a sample (None or absent: exome).
    """
    return calls_of_table(read_maf_table(path), path, coverage=coverage, covered_mb=covered_mb)


def calls_of_table(
    table: MafTable,
    path: Path,
    *,
    coverage: Mapping[str, Iterable[str] | None] | None = None,
    covered_mb: float | None = None,
) -> dict[str, MutationCalls]:
    """Calls by sample of a MAF that was read before; see :func:`calls_by_sample`."""
    groups = dict(list(table.rows.groupby("sample", sort=False)))
    empty = table.rows.iloc[:0]
    covered = coverage or {}
    return {
        sample: with_coverage(
            _calls(table, sample, groups.get(sample, empty), path), covered.get(sample), covered_mb=covered_mb
        )
        for sample in table.samples
    }


def panel_megabases(n_genes: int) -> float:
    """Coding megabases that a panel of so many genes covers, estimated."""
    return n_genes * _MB_PER_GENE


def with_coverage(
    calls: MutationCalls, covered_genes: Iterable[str] | None, *, covered_mb: float | None = None
) -> MutationCalls:
    """The same calls with what the assay covered, and the burden that follows from it."""
    genes = None if covered_genes is None else frozenset(resolve_symbol(gene) for gene in covered_genes)
    size = covered_mb
    if size is None:
        size = EXOME_MB if genes is None else panel_megabases(len(genes))
    enough = size >= SMALLEST_TMB_MB
    warnings = calls.warnings
    if not enough:
        message = f"the panel covers {size:.2f} Mb, too little for a mutational burden; TMB is not measured"
        warnings = (*warnings, Reason("tmb_not_measured", message, GENOMICS))
    tmb = len(calls.mutations) / size if enough else None
    if tmb is not None and tmb > HIGHEST_TMB:
        message = (
            f"{len(calls.mutations)} protein-changing mutations in {size:.3g} Mb are {tmb:.0f} per Mb, more than "
            "tumours have; germline variants or artefacts may not have been removed"
        )
        warnings = (*warnings, Reason("implausible_tmb", message, GENOMICS))
    return replace(calls, covered_genes=genes, covered_mb=size, tmb=tmb, warnings=warnings)


def _calls(table: MafTable, sample: str, rows: pd.DataFrame, path: Path) -> MutationCalls:
    changing = rows[rows["consequence"].isin(NON_SYNONYMOUS)]
    n_silent = int((rows["consequence"] == SILENT).sum())
    return MutationCalls(
        mutations=tuple(_records(changing)),
        n_synonymous=n_silent,
        genome_build=table.genome_build,
        sample=sample,
        warnings=(
            *table.warnings,
            *unknown_genes(path, rows),
            *nothing_found(path, len(rows), n_silent, len(changing)),
        ),
    )


def _records(rows: pd.DataFrame) -> Iterable[Mutation]:
    columns: Sequence[list[Any]] = [
        rows[name].tolist() for name in ("gene", "consequence", "protein_change", "vaf", "chrom", "pos")
    ]
    for gene, consequence, change, vaf, chrom, pos in zip(*columns, strict=True):
        fraction = None if vaf != vaf else float(vaf)
        yield Mutation(gene, consequence, change, fraction, chrom, None if pos != pos else int(pos))


def _from_vcf(found: VcfCalls, path: Path) -> MutationCalls:
    return MutationCalls(
        mutations=found.mutations,
        n_synonymous=found.n_synonymous,
        genome_build=found.genome_build,
        sample=found.sample,
        warnings=(
            *found.warnings,
            *nothing_found(path, found.n_records, found.n_synonymous, len(found.mutations)),
        ),
    )


def nothing_found(path: Path, n_rows: int, n_silent: int, n_changing: int) -> tuple[Reason, ...]:
    """The warning for a file without any protein-changing mutation: valid, and worth a second look."""
    if n_changing:
        return ()
    if n_rows == 0:
        message = f"{path.name}: no somatic mutation is listed; every covered gene counts as wild type and TMB as 0"
        return (Reason("no_mutations", message, GENOMICS),)
    message = (
        f"{path.name}: {n_rows} somatic mutations ({n_silent} synonymous), none changes a protein; "
        "every covered gene counts as wild type and TMB as 0"
    )
    return (Reason("synonymous_only", message, GENOMICS),)
