"""What a report says of itself: study, patients, bundles, versions and notes."""

from collections.abc import Sequence

import numpy as np
import torch

from icicore import __version__
from icicore.domain import MODALITIES, RESEARCH_USE
from icicore.types import I32, Json
from icicore.workflows.evaluation.prepared import Prepared
from icicore.workflows.unlearnt import unlearnt_by


def about(run: Prepared) -> Json:
    """Facts about the study, its test patients, the bundles and the versions."""
    rows = run.patients.rows
    return {
        "research_use": RESEARCH_USE,
        "virtual_study": run.study.virtual,
        "virtual": run.study.virtual or any(b.spec.virtual for b in run.bundles),
        "external": run.patients.split is None,
        "n": len(rows),
        "responders": int(run.y.sum()),
        "tumour_types": _counts([run.study.tumour_types[i] for i in rows]),
        "present": {m: int(c) for m, c in zip(MODALITIES, _present(run), strict=True)},
        "endpoint": run.study.endpoint or "objective response (RECIST 1.1 CR or PR)",
        "bootstrap": run.spec.bootstrap,
        "seed": run.spec.seed,
        "bundles": [
            {"name": b.name, "kind": b.spec.model.kind, "digest": b.digest, "members": b.spec.members,
             "virtual": b.spec.virtual, "trained_on": b.spec.cohort.get("study")}
            for b in run.bundles
        ],
        "created_with": {"icicore": __version__, "torch": torch.__version__, "numpy": np.__version__},
    }  # fmt: skip


def split_sizes(run: Prepared) -> Json:
    """Patients behind the main bundle, and those tested here."""
    trained = run.bundles[run.main].spec.cohort.get("n", {})
    return {"train": trained.get("train"), "val": trained.get("val"), "test": len(run.patients.rows)}


def notes(run: Prepared) -> list[str]:
    """One line for everything a reader must know to read the numbers rightly."""
    notes = list(run.study.notes)
    notes += [
        f"{s.name}: no patient has what it looks at, so it has no score"
        for s in run.scores
        if s.bundle is not None and not s.known.any()
    ]
    notes += list(
        dict.fromkeys(r.message for b in run.bundles for r in unlearnt_by(b.spec, run.study, run.patients.rows))
    )
    if run.patients.split is None:
        notes.append(
            "external cohort: expression and TMB were brought to location and spread of the training cohort, gene by "
            "gene over all patients of this study and without their labels (where fewer than 20 have a gene: as it is)"
        )
    if run.patients.shared_ids:
        notes.append(
            f"{run.patients.shared_ids} patient identifiers of this study also occur in a training cohort of another "
            "name; if they are the same people, these figures are not external"
        )
    if run.study.virtual:
        notes.append("virtual patients: the figures say how well the method finds what was planted, nothing else")
    elif any(b.spec.virtual for b in run.bundles):
        notes.append("a bundle was trained on virtual data; on real patients its scores have no meaning")
    if not run.tissue.named and run.study.backbone:
        notes.append("no tile-class head fits this encoder: Table 2 shows histology as one row")
    if run.truth is None and run.study.virtual:
        notes.append("the planted truth was left behind: no oracle")
    return notes


def _present(run: Prepared) -> I32:
    found = torch.stack([case.present for case in run.scorers[0].cases])
    return np.asarray(found.sum(dim=0).numpy(), np.int32)


def _counts(values: Sequence[str]) -> dict[str, int]:
    return {value: values.count(value) for value in sorted(set(values))}
