"""Read a cBioPortal study folder with ``slides.tsv`` into one ``StudyData``.

Only the files named here are opened, and never one below a folder called ``truth``: what a simulation knows about
its patients must not reach training.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd

from icicore.clinical.response import parse_response
from icicore.clinical.table import parse_clinical
from icicore.domain import ClinicalValues, TumourType
from icicore.embeddings.bag import Bag
from icicore.errors import StudyError
from icicore.genomics.expression_matrix import read_expression_matrix
from icicore.genomics.features import encode
from icicore.genomics.mutations import calls_by_sample
from icicore.genomics.panel import GenePanel, load_panel
from icicore.genomics.records import Expression, MutationCalls
from icicore.training.dataset import StudyData
from icicore.types import F16, F32, Mask, Progress, no_progress

PATIENTS, SAMPLES, MUTATIONS, SLIDES = (
    "data_clinical_patient.txt",
    "data_clinical_sample.txt",
    "data_mutations.txt",
    "slides.tsv",
)
SEQUENCED = "case_lists/cases_sequenced.txt"
_FIELDS = {"AGE": "age", "SEX": "sex", "ECOG": "ecog", "LDH_ULN": "ldh_uln"}

EmbedSlide: TypeAlias = Callable[[Path], Bag]
"""Turns a slide file into its bag; the caller knows backbone and cache."""


@dataclass(frozen=True)
class _Patient:
    patient: str
    tumour_type: str
    site: str
    responder: bool
    clinical: ClinicalValues | None


def read_study(
    folder: Path, *, embed: EmbedSlide | None = None, panel: GenePanel | None = None, progress: Progress = no_progress
) -> StudyData:
    """Read all labelled patients of a study; patients without a label (NE, blank) are left out.

    Parameters
    ----------
    folder : the study; ``slides.tsv`` lists ``patient`` and ``path`` (relative to the folder): a bag or a slide
    embed : how to embed a slide; without it only bags can be used
    panel : gene panel, the current one by default

    Raises
    ------
    StudyError
        a table is missing or unreadable, an unknown patient, a slide that is not embedded, bags of two encoders
    InputError
        a value, MAF, matrix or bag that cannot be used
    """
    panel = panel or load_panel()
    patients = _read_patients(guarded(folder, PATIENTS))
    progress(0, len(patients), "reading genes")
    samples = _read_samples(folder, [p.patient for p in patients])
    values, measured = _read_genes(folder, samples, panel)
    bags = _read_bags(folder, [p.patient for p in patients], embed, progress)
    tiles, offsets = _join([bags.get(p.patient, []) for p in patients])
    first = next((bag for own in bags.values() for bag in own), None)
    backbone, _, digest = ("", "", "") if first is None else first.encoder_id.rpartition("@")
    return StudyData(
        name=folder.resolve().name,
        virtual=_is_virtual(folder),
        patients=tuple(p.patient for p in patients),
        tumour_types=tuple(p.tumour_type for p in patients),
        sites=tuple(p.site for p in patients),
        responder=np.array([p.responder for p in patients], np.bool_),
        tiles=tiles,
        offsets=offsets,
        gene_values=values,
        gene_measured=measured,
        clinical=tuple(p.clinical for p in patients),
        panel=f"{panel.name}/{panel.version}",
        tokens=tuple(t.symbol for t in panel.tokens),
        token_kinds=tuple(t.kind for t in panel.tokens),
        token_pathways=tuple(panel.pathways_of(t) for t in panel.tokens),
        backbone=backbone,
        backbone_digest=digest,
        grid={} if first is None else _grid(first),
        stain={} if first is None else {"method": first.stain.method},
    )


def guarded(folder: Path, name: str) -> Path:
    """Path of a file of the study; refuses anything below a folder called ``truth``."""
    path = folder / name
    resolved = path.resolve()
    if "truth" in (part.lower() for part in resolved.parent.relative_to(resolved.anchor).parts):
        raise StudyError(path, "lies in a folder of planted truth", remedy="training must not read it; name another")
    return path


def _read_table(path: Path, needed: Sequence[str]) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, sep="\t", comment="#", dtype=str, keep_default_na=False, encoding="utf-8")
    except FileNotFoundError:
        raise StudyError(path, "is missing", expected="a cBioPortal study folder", remedy="add it") from None
    except (ValueError, OSError) as error:
        raise StudyError(
            path, f"cannot be read ({error})", expected="tab-separated UTF-8", remedy="save it so"
        ) from error
    missing = [name for name in needed if name not in table.columns]
    if missing:
        raise StudyError(path, f"lacks the column {missing[0]}", expected=", ".join(needed), remedy="add it")
    return table


def _read_patients(path: Path) -> list[_Patient]:
    table = _read_table(path, ("PATIENT_ID", "RESPONSE", "TUMOUR_TYPE"))
    twice = table["PATIENT_ID"][table["PATIENT_ID"].duplicated()]
    if len(twice):
        raise StudyError(path, f"patient {twice.iloc[0]} is listed twice", expected="one row each", remedy="remove one")
    found = [_patient({str(k): str(v) for k, v in row.items()}, path) for row in table.to_dict("records")]
    labelled = [p for p in found if p is not None]
    if not labelled:
        raise StudyError(path, "no patient has a response", expected="CR, PR, SD or PD in RESPONSE", remedy="add them")
    return labelled


def _patient(row: Mapping[str, str], path: Path) -> _Patient | None:
    source = f"{path.name}, patient {row['PATIENT_ID']}"
    response = parse_response(row["RESPONSE"], source=source)
    if response is None or response.responder is None:
        return None
    kinds = [t.value for t in TumourType]
    if row["TUMOUR_TYPE"].lower() not in kinds:
        raise StudyError(
            source, f"tumour type {row['TUMOUR_TYPE']!r}", expected=" or ".join(kinds), remedy="correct or leave out"
        )
    clinical = parse_clinical({to: row[name] for name, to in _FIELDS.items() if name in row}, source=source)
    return _Patient(
        row["PATIENT_ID"],
        row["TUMOUR_TYPE"].lower(),
        row.get("SITE", ""),
        response.responder,
        None if clinical.empty else clinical,
    )


def _read_samples(folder: Path, patients: Sequence[str]) -> dict[str, list[str]]:
    """Samples of each patient; a study without the sample table names its samples like its patients."""
    if not (folder / SAMPLES).is_file():
        return {patient: [patient] for patient in patients}
    table = _read_table(guarded(folder, SAMPLES), ("PATIENT_ID", "SAMPLE_ID"))
    samples: dict[str, list[str]] = {patient: [] for patient in patients}
    for patient, sample in zip(table["PATIENT_ID"], table["SAMPLE_ID"], strict=True):
        samples.get(patient, []).append(sample)
    return samples


def _read_genes(folder: Path, samples: Mapping[str, Sequence[str]], panel: GenePanel) -> tuple[F32, Mask]:
    """Raw token values and measured mask (N, T); the first sample of a patient that has the assay counts."""
    mutations, expression = _read_mutations(folder), _read_expression(folder)
    rows = []
    for own in samples.values():
        calls = next((mutations[s] for s in own if s in mutations), None)
        profile = next((expression[s] for s in own if s in expression), None)
        rows.append(encode(panel, mutations=calls, expression=profile))
    return np.stack([r.values for r in rows]), np.stack([r.measured for r in rows])


def _read_mutations(folder: Path) -> Mapping[str, MutationCalls]:
    """Calls by sample. A sample without rows was not sequenced, unless the list of sequenced cases names it."""
    if not (folder / MUTATIONS).is_file():
        return {}
    calls = calls_by_sample(guarded(folder, MUTATIONS))
    template = next(iter(calls.values()), MutationCalls())
    megabases = template.covered_mb or 0.0
    silent = MutationCalls(tmb=0.0 if megabases else None, genome_build=template.genome_build)
    return {sample: silent for sample in _sequenced(folder)} | calls


def _sequenced(folder: Path) -> list[str]:
    if not (folder / SEQUENCED).is_file():
        return []
    lines = guarded(folder, SEQUENCED).read_text(encoding="utf-8").splitlines()
    listed = [line.partition(":")[2] for line in lines if line.startswith("case_list_ids:")]
    return [sample for text in listed for sample in text.split()]


def _read_expression(folder: Path) -> Mapping[str, Expression]:
    found = sorted(folder.glob("data_mrna_seq_*.txt"))
    linear = [p for p in found if p.stem.removeprefix("data_mrna_seq_") in ("tpm", "fpkm", "counts", "read_counts")]
    if not linear:
        return {}
    matrix = read_expression_matrix(guarded(folder, linear[0].name))
    return {name: Expression(matrix.genes, matrix.values[:, k], matrix.unit) for k, name in enumerate(matrix.samples)}


def _read_bags(
    folder: Path, patients: Sequence[str], embed: EmbedSlide | None, progress: Progress
) -> dict[str, list[Bag]]:
    if not (folder / SLIDES).is_file():
        return {}
    table = _read_table(guarded(folder, SLIDES), ("patient", "path"))
    wanted = table[table["patient"].isin(patients)]
    bags: dict[str, list[Bag]] = {}
    for done, (patient, name) in enumerate(zip(wanted["patient"], wanted["path"], strict=True)):
        progress(done, len(wanted), "reading slides")
        bags.setdefault(patient, []).append(_bag(guarded(folder, name), embed))
    kinds = sorted({bag.encoder_id for own in bags.values() for bag in own})
    if len(kinds) > 1:
        raise StudyError(
            folder / SLIDES, f"bags of {len(kinds)} encoders: {', '.join(kinds)}", expected="one", remedy="embed anew"
        )
    return bags


def _bag(path: Path, embed: EmbedSlide | None) -> Bag:
    if not path.exists():
        raise StudyError(path, "is listed in slides.tsv but missing", remedy="add it or remove the row")
    if path.suffix == ".safetensors":
        return Bag.load(path)
    if embed is None:
        raise StudyError(path, "is a slide that is not embedded", expected="a bag", remedy="embed it first")
    return embed(path)


def _join(bags: Sequence[Sequence[Bag]]) -> tuple[F16, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    counts = [sum(len(bag) for bag in own) for own in bags]
    parts = [bag.embeddings for own in bags for bag in own]
    tiles = np.concatenate(parts) if parts else np.zeros((0, 0), np.float16)
    return tiles, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _grid(bag: Bag) -> dict[str, float]:
    grid = asdict(bag.grid)
    return {name: grid[name] for name in ("tile_px", "mpp", "min_tissue")}


def _is_virtual(folder: Path) -> bool:
    """Whether the study says of itself that its patients are simulated."""
    meta = folder / "meta_study.txt"
    if not meta.is_file():
        return False
    text = guarded(folder, meta.name).read_text(encoding="utf-8").lower()
    return "virtual" in text or "simulated" in text
