"""Write a study in the form that training and evaluation read, its ids prefixed with the name of the study."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from icicore.errors import InputError
from icicore.fingerprint import write_bytes
from icicore.genomics.builds import build_of_cells
from icicore.genomics.coverage import GENE_MATRIX, gene_matrix, panel_files
from icicore.genomics.expression_matrix import ExpressionMatrix, read_expression_matrix
from icicore.genomics.maf import read_maf_cells, read_maf_table
from icicore.genomics.text_files import read_text
from icicore.types import Json
from icicore.workflows.cohort_source import SourceStudy

PATIENT_COLUMNS = (
    *("PATIENT_ID", "AGE", "SEX", "ECOG", "LDH_ULN", "RESPONSE", "TUMOUR_TYPE", "SITE", "RESPONSE_ENDPOINT"),
    *("ALBUMIN", "NLR", "SYSTEMIC_HISTORY", "PDL1_TPS"),
)
SAMPLE_COLUMNS = ("PATIENT_ID", "SAMPLE_ID", "GENE_PANEL", "TMB")


def prefixed(name: str, own: str) -> str:
    """Id of a patient or sample that no other study has: ``riaz2017.Pt1``."""
    return f"{name}.{'_'.join(own.split())}"


def write_rows(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    """Clinical table with the header lines of the format; columns that are blank in all rows are left out."""
    used = [c for c in columns if any(row.get(c) for row in rows) or c in columns[:2] or c == "RESPONSE"]
    head = ["#" + "\t".join(line) for line in (used, used, ["STRING"] * len(used), ["1"] * len(used))]
    body = ["\t".join(row.get(c, "") for c in used) for row in rows]
    write_bytes(path, ("\n".join([*head, "\t".join(used), *body]) + "\n").encode())


def write_mutations(source: SourceStudy, name: str, out: Path, notes: list[str]) -> Json:
    """Write the MAF and the list of sequenced samples; an unusable file is left out and said.

    Returns genome build, number of sequenced samples and of rows.
    """
    if source.mutations is None:
        return {}
    try:
        table = read_maf_table(source.mutations, one_build=True)  # validates
        cells, sequenced = read_maf_cells(source.mutations)
    except InputError as error:
        notes.append(f"mutations are not used: {error}")
        return {}
    notes += [reason.message for reason in table.warnings]
    cells = cells[~cells["Tumor_Sample_Barcode"].isin(table.other_build)]
    known = {row["SAMPLE_ID"] for row in source.samples} - table.other_build
    strange = sorted(set(cells["Tumor_Sample_Barcode"]) - known)
    if len(cells) and set(strange) == set(cells["Tumor_Sample_Barcode"]):
        # The list of sequenced samples would else make wild type of all of them.
        notes.append(
            f"mutations are not used: none of their {len(strange)} samples ({', '.join(strange[:3])}) is listed"
        )
        return {}
    if strange:
        notes.append(f"{len(strange)} samples with mutations belong to no listed patient: {', '.join(strange[:3])}")
    cells = cells[cells["Tumor_Sample_Barcode"].isin(known)]
    listed = _listed(source)
    samples = list(dict.fromkeys([*cells["Tumor_Sample_Barcode"], *(s for s in (*sequenced, *listed) if s in known)]))
    cells = cells.assign(Tumor_Sample_Barcode=[prefixed(name, s) for s in cells["Tumor_Sample_Barcode"]])
    lines = ["\t".join(cells.columns), *map("\t".join, cells.to_numpy().tolist())]
    write_bytes(out / "data_mutations.txt", ("\n".join(lines) + "\n").encode())
    ids = "\t".join(prefixed(name, s) for s in samples)
    content = f"stable_id: {name}_sequenced\ncase_list_ids: {ids}\n"
    write_bytes(out / "case_lists" / "cases_sequenced.txt", content.encode())
    build = build_of_cells(cells["NCBI_Build"].unique(), source=source.mutations) if "NCBI_Build" in cells else ""
    return {"genome_build": build or "not stated", "samples": len(samples), "rows": len(cells)}


def _listed(source: SourceStudy) -> list[str]:
    """Samples that the study's own list of sequenced cases names."""
    path = source.folder / "case_lists" / "cases_sequenced.txt"
    if not path.is_file():
        return []
    lines = [line.partition(":")[2] for line in read_text(path).split("\n") if line.startswith("case_list_ids:")]
    return [sample for line in lines for sample in line.split()]


def write_expression(source: SourceStudy, name: str, out: Path, notes: list[str]) -> Json:
    """Write the matrix with prefixed samples; an unusable file is left out and said."""
    if source.expression is None or source.unit is None:
        return {}
    try:
        matrix = read_expression_matrix(
            source.expression, source.unit.unit, estimated=source.unit.estimated
        )  # validates
    except InputError as error:
        notes.append(f"expression is not used: {error}")
        return {}
    known = {row["SAMPLE_ID"] for row in source.samples}
    strange = [sample for sample in matrix.samples if sample not in known]
    if strange:
        notes.append(f"{len(strange)} samples with expression belong to no listed patient: {', '.join(strange[:3])}")
    notes += [reason.message for reason in matrix.warnings]
    _copy_matrix(source.expression, out / f"data_mrna_seq_{source.unit.header}.txt", matrix, name=name)
    return {"unit": matrix.unit, "samples": len(matrix.samples) - len(strange), "genes": _measured(matrix)}


def _copy_matrix(path: Path, target: Path, matrix: ExpressionMatrix, *, name: str) -> None:
    """The file as it is, but for the header, in which samples are prefixed."""
    text = read_text(path)
    while text.startswith("#"):
        text = text.partition("\n")[2]
    header, _, body = text.partition("\n")
    own = set(matrix.samples)
    cells = [cell.strip().strip('"') for cell in header.split("\t")]
    renamed = "\t".join(prefixed(name, cell) if cell in own else cell for cell in cells)
    write_bytes(target, f"{renamed}\n{body}".encode())


def _measured(matrix: ExpressionMatrix) -> int:
    return int(np.isfinite(matrix.values).any(axis=1).sum())


def write_panels(source: SourceStudy, name: str, out: Path) -> None:
    """Gene lists of the study's panels, and its gene matrix with prefixed samples."""
    for path in panel_files(source.folder):
        write_bytes(out / path.name, path.read_bytes())
    matrix = gene_matrix(source.folder)
    if matrix is not None:
        lines = [line for line in read_text(matrix).split("\n") if line.strip() and not line.startswith("#")]
        rows = [line.split("\t") for line in lines]
        renamed = [rows[0], *([prefixed(name, row[0].strip()), *row[1:]] for row in rows[1:])]
        write_bytes(out / GENE_MATRIX[0], ("\n".join("\t".join(row) for row in renamed) + "\n").encode())


def write_slides(source: SourceStudy, name: str, out: Path) -> None:
    """``slides.tsv`` with prefixed patients; the slides stay where they are."""
    path = source.folder / "slides.tsv"
    if not path.is_file():
        return
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    if {"patient", "path"} <= set(table):
        table = table.assign(
            patient=[prefixed(name, p) for p in table["patient"]],
            path=[str((source.folder / p).absolute()) for p in table["path"]],
        )
        write_bytes(out / path.name, table.to_csv(sep="\t", index=False, lineterminator="\n").encode())
