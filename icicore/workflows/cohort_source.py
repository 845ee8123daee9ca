"""A cBioPortal study folder as it comes: which files it has, and its patients and samples with all their columns."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from icicore.clinical.columns import is_blank, normal
from icicore.errors import StudyError
from icicore.genomics.expression import Unit, unit_of
from icicore.genomics.text_files import read_text

_TIMING = re.compile(
    r"TIME_?POINT|TIMING|_TIME$|VISIT|PRE_?(OR_)?(ON|POST)|SAMPLE_TREATMENT|TREATMENT_STATUS|SAMPLE_TYPE"
)
_LATER = re.compile(
    r"(on|post|after|during|progress\w*|edt)([\W_]|\d|$)|on_?(tx|treat\w*|therapy)|post\w+", re.IGNORECASE
)
_EARLIER_ID = re.compile(r"[_.\-](pre|baseline|base|bl)([_.\-\d]|$)", re.IGNORECASE)
_LATER_ID = re.compile(r"[_.\-](on|ontx|post|prog|edt)([_.\-\d]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class ExpressionUnit:
    """Unit of an expression matrix; ``estimated`` counts are fractional."""

    unit: Unit
    estimated: bool = False

    @property
    def header(self) -> str:
        """As a column or file name states it."""
        return "estimated_counts" if self.estimated and self.unit == "counts" else self.unit


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
    unit : of the expression
    unused : names of data files that nothing here reads
    notes : what was left out
    """

    folder: Path
    meta: Mapping[str, str]
    patients: tuple[Mapping[str, str], ...]
    samples: tuple[Mapping[str, str], ...]
    mutations: Path | None
    expression: Path | None
    unit: ExpressionUnit | None
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
    expression, unit = _expression_file(folder, meta, notes)
    read = {path.name for path in (mutations, expression) if path is not None}
    return SourceStudy(
        folder=folder,
        meta=next((m for m in meta if "type_of_cancer" in m or "description" in m), {}),
        patients=tuple(_merged(patient_rows, samples)),
        samples=tuple(samples),
        mutations=mutations,
        expression=expression,
        unit=unit,
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
    return _first_file(folder, (*named, usual, *old))


def _first_file(folder: Path, names: Sequence[str]) -> Path | None:
    """The first of the names that is a file of this folder; a meta file may not lead out of it."""
    return next((folder / n for n in names if n and Path(n).name == n and (folder / n).is_file()), None)


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
    telling = any(_EARLIER_ID.search(row["SAMPLE_ID"]) for row in rows)
    kept = [row for row in rows if not _is_later(row) and not (telling and _LATER_ID.search(row["SAMPLE_ID"]))]
    if len(kept) < len(rows):
        notes.append(f"{len(rows) - len(kept)} samples taken during or after treatment are left out")
    several = len(kept) - len({row["PATIENT_ID"] for row in kept})
    if several:
        notes.append(f"{several} further samples of the same patients: the first that has an assay is used")
    return kept


def _is_later(row: Mapping[str, str]) -> bool:
    return any(_LATER.match(cell.strip()) for name, cell in row.items() if _TIMING.search(name))


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
    return _first_file(folder, (*named, *usual))


def _expression_file(
    folder: Path, meta: Sequence[Mapping[str, str]], notes: list[str]
) -> tuple[Path | None, ExpressionUnit | None]:
    """The matrix on a linear scale whose unit is known, TPM before FPKM before counts, and its unit."""
    found = [p for p in sorted(folder.glob("data_*.txt")) if "mrna" in p.name.lower() or "rna_seq" in p.name.lower()]
    linear = {p: _unit(p, meta) for p in found if not _is_scored(p, meta)}
    usable = [(p, own) for kind in ("tpm", "fpkm", "counts") for p, own in linear.items() if own and own.unit == kind]
    if found and not linear:
        notes.append(
            f"expression is not used: {found[0].name} holds z-scores, which cannot be compared between studies"
        )
    elif linear and not usable:
        notes.append(f"expression is not used: {next(iter(linear)).name} names none of counts, RSEM, TPM and FPKM")
    return usable[0] if usable else (None, None)


def _profile(path: Path, meta: Sequence[Mapping[str, str]]) -> Mapping[str, str]:
    return next((m for m in meta if m.get("data_filename") == path.name), {})


def _is_scored(path: Path, meta: Sequence[Mapping[str, str]]) -> bool:
    stated = _profile(path, meta).get("datatype", "").upper()
    return "zscore" in path.name.lower().replace("-", "").replace("_", "") or stated == "Z-SCORE"


def _unit(path: Path, meta: Sequence[Mapping[str, str]]) -> ExpressionUnit | None:
    """Unit by the name of the file, else by the name and description that the study gives the profile.

    RSEM without more said is its expected count, which studies scale to one upper quartile.
    """
    profile = _profile(path, meta)
    stated = f"{profile.get('profile_name', '')} {profile.get('profile_description', '')}".replace("_", " ")
    for words in (path.stem.replace("_", " "), stated):
        if (unit := unit_of(words)) is not None:
            return ExpressionUnit(unit, estimated="expected" in words.lower() or "rsem" in words.lower())
        if re.search(r"\brsem\b", words, re.IGNORECASE):
            return ExpressionUnit("counts", estimated=True)
    return None


def _unused(folder: Path, read: set[str]) -> Iterator[str]:
    for path in sorted(folder.glob("data_*")):
        known = path.name.startswith(("data_clinical", "data_gene_matrix", "data_gene_panel"))
        if path.is_file() and path.name not in read and not known:
            yield path.name
