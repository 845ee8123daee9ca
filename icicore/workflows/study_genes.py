"""Mutations and expression of a study, sample by sample, as the files of single cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from icicore.errors import InputError
from icicore.fingerprint import write_bytes
from icicore.genomics.assays import WHOLE_EXOME, known_assay
from icicore.genomics.coverage import Coverage, read_coverage
from icicore.genomics.maf import read_maf_cells
from icicore.genomics.text_files import read_text
from icicore.workflows.cohort_source import SourceStudy

_GENE_COLUMNS = ("hugo_symbol", "gene", "gene_symbol", "symbol", "gene_id", "ensembl_id")


@dataclass(frozen=True)
class StudyGenes:
    """What a study measured.

    Attributes
    ----------
    mutations : rows of the MAF by sample, cells as in the file
    columns : of the MAF
    sequenced : samples that were sequenced, with or without a mutation
    coverage : assay of each sample
    expression : one row per gene, one column per sample, cells as in the file; None without a usable file
    unit : counts, estimated_counts, tpm or fpkm
    """

    mutations: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    sequenced: frozenset[str] = frozenset()
    coverage: Coverage = field(default_factory=lambda: Coverage({}, {}))
    expression: pd.DataFrame | None = None
    unit: str = ""


def read_study_genes(study: SourceStudy, notes: list[str]) -> StudyGenes:
    """Read the data files of a study; one that cannot be used is left out, and ``notes`` says why."""
    stated = {row["SAMPLE_ID"]: row.get("GENE_PANEL", "") for row in study.samples}
    coverage = read_coverage(study.folder, stated)
    found: dict[str, pd.DataFrame] = {}
    columns: tuple[str, ...] = ()
    sequenced = set(coverage.names) | set(_listed(study.folder))
    if study.mutations is not None:
        try:
            cells, named = read_maf_cells(study.mutations)
            found = {str(sample): rows for sample, rows in cells.groupby("Tumor_Sample_Barcode", sort=False)}
            columns = tuple(map(str, cells.columns))
            sequenced |= {*found, *named}
        except InputError as error:
            notes.append(f"mutations are not used: {error}")
    expression = _expression(study.expression, notes)
    unit = "" if study.unit is None else study.unit.header
    return StudyGenes(found, columns, frozenset(sequenced) if columns else frozenset(), coverage, expression, unit)


def _listed(folder: Path) -> list[str]:
    """Samples on the study's own list of sequenced cases."""
    path = folder / "case_lists" / "cases_sequenced.txt"
    lines = read_text(path).split("\n") if path.is_file() else []
    return [s for line in lines if line.startswith("case_list_ids:") for s in line.partition(":")[2].split()]


def _expression(path: Path | None, notes: list[str]) -> pd.DataFrame | None:
    if path is None:
        return None
    try:
        text = read_text(path)
    except InputError as error:
        notes.append(f"expression is not used: {error}")
        return None
    lines = text.split("\n")
    skip = next((n for n, line in enumerate(lines) if not line.startswith("#")), 0)
    table = pd.read_csv(path, sep="\t", skiprows=skip, dtype=str, keep_default_na=False)
    gene = next((c for c in table.columns if c.lower() in _GENE_COLUMNS), None)
    if gene is None:
        notes.append(f"expression is not used: {path.name} has no column Hugo_Symbol")
        return None
    return table.set_index(gene)


def choose_sample(genes: StudyGenes, samples: Sequence[str]) -> str:
    """The sample that stands for a patient: the first one with the most kinds of data."""
    columns = () if genes.expression is None else genes.expression.columns
    return max(samples, key=lambda s: (s in genes.sequenced) + (s in columns), default="")


def write_sample(genes: StudyGenes, sample: str, folder: Path) -> str | list[str] | None:
    """Write mutations.maf and expression.tsv of a sample into a case folder; files of an earlier import go.

    Returns the assay for case.json: a name, its genes, or None for an exome.

    Raises
    ------
    InputError
        the sample was sequenced with a panel whose genes nobody lists; expression is written all the same
    """
    for name in ("mutations.maf", "expression.tsv"):
        (folder / name).unlink(missing_ok=True)
    if genes.expression is not None and sample in genes.expression.columns:
        column = genes.expression[sample]
        known = column[~column.str.strip().str.lower().isin(("", "na", "nan"))]
        lines = [f"gene\t{genes.unit}", *(f"{gene}\t{value}" for gene, value in known.items())]
        write_bytes(folder / "expression.tsv", ("\n".join(lines) + "\n").encode())
    if sample not in genes.sequenced:
        return None
    panel = _panel(genes.coverage, sample)
    rows = genes.mutations.get(sample)
    lines = [f"#sequenced_samples: {sample}", "\t".join(genes.columns)]
    lines += [] if rows is None else map("\t".join, rows.to_numpy().tolist())
    write_bytes(folder / "mutations.maf", ("\n".join(lines) + "\n").encode())
    return panel


def _panel(coverage: Coverage, sample: str) -> str | list[str] | None:
    name = coverage.names.get(sample, "")
    if name.upper() in WHOLE_EXOME:
        return None
    if known_assay(name) is not None:
        return name
    assay = coverage.panels.get(name)
    if assay is None:
        raise InputError(
            f"panel {name[:40]}",
            "its genes are not listed, so the mutations are left out",
            remedy=f"add data_gene_panel_{name[:40]}.txt to the study",
        )
    return sorted(assay.genes)
