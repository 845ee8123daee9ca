"""Do attention and contribution find the planted lymphocytes? Tiles of virtual slides against the planted tissue.

A study keeps the truth of its patients, not of their tiles. The simulator is asked for the same patients again (same
seed, scenario and number), and their slides are laid out as when their bags were composed; when the patients do not
come out as the truth table says, nothing is claimed.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from icicore.domain import HISTOLOGY, MODALITIES
from icicore.evaluation.association import mean_with_interval
from icicore.evaluation.metrics import auc_roc
from icicore.explain.tiles import explain_tiles
from icicore.simulate.bank import plan_layout
from icicore.simulate.patients import VirtualPatient
from icicore.simulate.spec import CLASSES
from icicore.simulate.truth_store import read_study_truth
from icicore.training.dataset import StudyData
from icicore.types import I32, Json, Progress
from icicore.workflows.evaluation.scoring import CohortScorer
from icicore.workflows.evaluation.truth import Truth
from icicore.workflows.simulation import draw_patients

MARGIN = CLASSES.index("margin_lymphocytes")
PATIENTS = 16
_ID = re.compile(r"VP(\d+)-\d+")


def planted_tiles(
    scorer: CohortScorer,
    study: StudyData,
    rows: I32,
    *,
    folder: Path,
    truth: Truth,
    rng: np.random.Generator,
    progress: Progress,
) -> Json | None:
    """Mean AUC of tile attention and contribution for planted lymphocyte-rich margin tiles; None where unknown.

    Only patients whose slide is informative count: on the others the simulation planted someone else's tissue.
    """
    place = MODALITIES.index(HISTOLOGY)
    usable = np.flatnonzero(scorer.present[:, place] & truth.informative[:, place])
    if not len(usable):
        return None
    progress(0, 1, "laying out planted tissue")
    again = _same_patients(folder, truth.scenario, [study.patients[i] for i in rows])
    if again is None:
        return None
    chosen = np.sort(rng.choice(usable, min(PATIENTS, len(usable)), replace=False))
    found: dict[str, list[float]] = {"attention": [], "contribution": []}
    for done, k in enumerate(chosen):
        progress(done, len(chosen), "comparing with planted tissue")
        planted = _planted(again[study.patients[rows[k]]], study, int(rows[k]))
        if planted is None or not 0 < planted.sum() < len(planted):
            continue
        explained = explain_tiles(scorer.bundle, scorer.cases[k])
        found["attention"].append(auc_roc(planted, explained.attention))
        found["contribution"].append(auc_roc(planted, explained.contribution))
    head: Json = {
        "planted": "lymphocyte-rich tiles at the tumour margin",
        "measure": "AUC-ROC over the tiles of a patient",
    }
    return head | {kind: mean_with_interval(values, rng=rng) for kind, values in found.items()}


def _same_patients(folder: Path, scenario: str, wanted: Sequence[str]) -> dict[str, VirtualPatient] | None:
    """Simulate the cohort again; None unless it is the cohort of the truth table."""
    seeds = {match.group(1) for name in wanted if (match := _ID.fullmatch(name)) is not None}
    if len(seeds) != 1:
        return None
    table = read_study_truth(folder)
    patients = {p.patient_id: p for p in draw_patients(len(table), seed=int(seeds.pop()), scenario=scenario)}
    if not set(wanted) <= set(patients):
        return None
    oracle = [patients[name].truth.oracle_probability for name in wanted]
    alike = np.allclose(oracle, table.loc[list(wanted), "oracle_probability"].to_numpy(np.float64), rtol=1e-4)
    return patients if alike else None


def _planted(patient: VirtualPatient, study: StudyData, row: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]] | None:
    if patient.slide_spec is None:
        return None
    layout = plan_layout(patient.slide_spec).tile_class
    index = study.tile_index[int(study.offsets[row]) : int(study.offsets[row + 1])]
    if (index >= np.array(layout.shape)).any():
        return None
    classes = layout[index[:, 0], index[:, 1]]
    return np.asarray(classes == MARGIN) if (classes >= 0).all() else None
