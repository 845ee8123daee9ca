"""A cBioPortal study folder as it comes: which files it has, and its patients and samples with all their columns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from icicore.clinical.columns import is_blank, normal
from icicore.errors import StudyError
from icicore.genomics.expression import unit_of
from icicore.genomics.text_files import read_text

_TIMING = ("SAMPLE_TREATMENT", "SAMPLE_TIMEPOINT", "TIMEPOINT", "TIME_POINT", "BIOPSY_TIME", "BIOPSY_TIMING", "VISIT")
_LATER = ("on", "post", "progression", "after")


@dataclass(frozen=True)
class SourceStudy:
    """What a study folder holds.

    Attributes
    ----------
    folder : where it lies
    meta : properties of ``meta_study.txt``
    patients : rows with normal column names, ``PATIENT_ID`` in each; with what its samples say where the row is blank
    samples : rows with normal column names, ``PATIENT_ID`` and ``SAMPLE_ID`` in each, before treatment only
    mutations, expression : data files, None where there is none
    unused : names of data files that nothing here reads
    notes : what was left out
    """

    folder: Path
    meta: Mapping[str, str]
    patients: tuple[Mapping[str, str], ...]
    samples: tuple[Mapping[str, str], ...]
    mutations: Path | None
    expression: Path | None
    unused: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def about(self) -> str:
        """Name and description of the study."""
        return f"{self.meta.get('name', '')} {self.meta.get('description', '')}"


def read_source(folder: Path) -> SourceStudy:
    """Read the clinical tables of a study and find its data files.

    Raises
    ------
    StudyError
        no folder, no clinical table, or a table without its id column
    """
    if not folder.is_dir():
        raise StudyError(folder, "no such folder", expected="a cBioPortal study folder", remedy="check the path")
    meta = [_properties(path) for path in sorted(folder.glob("*meta_*.txt"))]
    notes: list[str] = []
    patient_rows = _table(_clinical_file(folder, meta, "PATIENT"), "PATIENT_ID")
    sample_rows = _table(_clinical_file(folder, meta, "SAMPLE"), "PATIENT_ID", "SAMPLE_ID")
    if not patient_rows and not sample_rows:
        raise StudyError(
            folder.resolve().name,
            "holds no clinical table",
            expected="data_clinical_patient.txt and data_clinical_sample.txt",
            remedy="name the folder of a cBioPortal study",
        )
    samples = _before_treatment(sample_rows, notes)
    if not samples and not sample_rows:
        samples = [{"PATIENT_ID": row["PATIENT_ID"], "SAMPLE_ID": row["PATIENT_ID"]} for row in patient_rows]
    mutations = _mutation_file(folder, meta)
    expression = _expression_file(folder, notes)
    read = {path.name for path in (mutations, expression) if path is not None}
    return SourceStudy(
        folder=folder,
        meta=next((m for m in meta if "type_of_cancer" in m or "description" in m), {}),
        patients=tuple(_merged(patient_rows, samples)),
        samples=tuple(samples),
        mutations=mutations,
        expression=expression,
        unused=tuple(_unused(folder, read)),
        notes=tuple(notes),
    )


def _properties(path: Path) -> dict[str, str]:
    pairs = (line.partition(":") for line in read_text(path).split("\n") if ":" in line)
    return {key.strip(): value.strip() for key, _, value in pairs}


def _clinical_file(folder: Path, meta: Sequence[Mapping[str, str]], kind: str) -> Path | None:
    named = (m.get("data_filename", "") for m in meta if m.get("datatype") == f"{kind}_ATTRIBUTES")
    usual = f"data_clinical_{kind.lower()}.txt"
    old = ("data_clinical.txt",) if kind == "SAMPLE" else ()
    return next((folder / n for n in (*named, usual, *old) if n and (folder / n).is_file()), None)


def _table(path: Path | None, *needed: str) -> list[dict[str, str]]:
    """Rows of a clinical table with normal column names; quotes are text, as the format has it."""
    if path is None:
        return []
    lines = [line for line in read_text(path).split("\n") if line.strip() and not line.startswith("#")]
    header = [normal(cell.strip().strip('"')) for cell in lines[0].split("\t")] if lines else []
    missing = [name for name in needed if name not in header]
    if missing:
        raise StudyError(path, f"lacks the column {missing[0]}", expected=", ".join(needed), remedy="add it")
    rows = []
    for number, line in enumerate(lines[1:], 2):
        cells = [cell.strip().strip('"') for cell in line.split("\t")]
        if len(cells) > len(header) and any(cells[len(header) :]):
            raise StudyError(
                path, f"row {number} has {len(cells)} columns", expected=f"{len(header)}", remedy="export it again"
            )
        row = dict(zip(header, cells, strict=False))
        if not all(row.get(name) for name in needed):
            raise StudyError(path, f"row {number} has no {needed[-1]}", expected="an id in each row", remedy="add it")
        rows.append(row)
    return rows


def _before_treatment(rows: Sequence[dict[str, str]], notes: list[str]) -> list[dict[str, str]]:
    """Samples taken before treatment: what a tumour looks like under the drug must not predict the response to it."""
    kept = [row for row in rows if not _is_later(row)]
    if len(kept) < len(rows):
        notes.append(f"{len(rows) - len(kept)} samples taken during or after treatment are left out")
    several = len(kept) - len({row["PATIENT_ID"] for row in kept})
    if several:
        notes.append(f"{several} further samples of the same patients: the first that has an assay is used")
    return kept


def _is_later(row: Mapping[str, str]) -> bool:
    words = [row.get(name, "").strip().lower() for name in _TIMING]
    return any(word.startswith(_LATER) for word in words if word)


def _merged(patients: Sequence[dict[str, str]], samples: Sequence[dict[str, str]]) -> Iterator[dict[str, str]]:
    """Rows of the patients; what a row leaves blank is taken from the patient's samples, the first that says it."""
    own: dict[str, dict[str, str]] = {}
    for sample in samples:
        said = own.setdefault(sample["PATIENT_ID"], {})
        for name, cell in sample.items():
            if not is_blank(cell):
                said.setdefault(name, cell)
    rows = patients or [{"PATIENT_ID": patient} for patient in own]
    for row in rows:
        yield own.get(row["PATIENT_ID"], {}) | {k: v for k, v in row.items() if not is_blank(v)}


def _mutation_file(folder: Path, meta: Sequence[Mapping[str, str]]) -> Path | None:
    named = [m.get("data_filename", "") for m in meta if m.get("genetic_alteration_type") == "MUTATION_EXTENDED"]
    usual = ("data_mutations.txt", "data_mutations_extended.txt", "data_mutations_mskcc.txt")
    return next((folder / n for n in (*named, *usual) if n and (folder / n).is_file()), None)


def _expression_file(folder: Path, notes: list[str]) -> Path | None:
    """The matrix on a linear scale whose unit is known, TPM before FPKM before counts."""
    found = [p for p in sorted(folder.glob("data_*.txt")) if "mrna" in p.name.lower() or "rna_seq" in p.name.lower()]
    linear = {p: unit_of(p.stem.replace("_", " ")) for p in found if "zscore" not in p.name.lower()}
    usable = [p for unit in ("tpm", "fpkm", "counts") for p, own in linear.items() if own == unit]
    if linear and not usable:
        notes.append(f"expression is not used: {next(iter(linear)).name} names none of counts, TPM and FPKM")
    return usable[0] if usable else None


def _unused(folder: Path, read: set[str]) -> Iterator[str]:
    for path in sorted(folder.glob("data_*")):
        known = path.name.startswith(("data_clinical", "data_gene_matrix", "data_gene_panel"))
        if path.is_file() and path.name not in read and not known:
            yield path.name
