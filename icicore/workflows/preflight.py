"""Whether a training can start: who and what is in the study, and whether test patients stay test patients."""

from collections import Counter
from pathlib import Path

import numpy as np

from icicore.errors import InputError
from icicore.training.dataset import ScaledStudy, StudyData
from icicore.training.leakage import PARTS, part_of
from icicore.training.splits import Split, split_patients
from icicore.training.study import read_study
from icicore.training.study_tables import PATIENTS, read_table
from icicore.training.successor import After, check_architecture, recipe_after, scalers_of, tested_before
from icicore.types import Json, Mask, Progress, no_progress
from icicore.workflows.candidates import TrainingRequest, after_promoted, recipe_of
from icicore.workflows.services import Services
from icicore.workflows.studies import check_study_folder

_TWICE = ("same molecular profile", "listed twice", "listed more than once", "listed for two patients")
_FEW = 10
"""Fewer responders or non-responders than this in a part make its figures hardly worth anything."""


def check_training(services: Services, request: TrainingRequest, *, progress: Progress = no_progress) -> Json:
    """Read the study as training will, and say what was found; ``problems`` forbid the start, ``warnings`` do not.

    What cannot be read is a problem in the answer rather than an error: this is the place to say it.
    """
    found: Json = {"problems": [], "warnings": [], "leak": None}
    try:
        folder = check_study_folder(services.settings, request.study)
        recipe_of(request)
        raw = _unembedded(folder)
        study = read_study(folder, progress=progress, slides=not raw)
        after, promoted = after_promoted(services, request)
    except InputError as error:
        return found | {"problems": [str(error)]}
    found |= _description(study, folder) | {"slides_to_embed": raw, "promoted": promoted and promoted.name}
    progress(1, 2, "checking the parts")
    try:
        found |= _parts(study, after, request, found)
    except InputError as error:
        found["problems"].append(str(error))
    _warn(found)
    progress(2, 2, "checked")
    return found


def _unembedded(folder: Path) -> int:
    """Slides that have to be embedded before training: those that are not listed as bags."""
    path = folder / "slides.tsv"
    if not path.is_file():
        return 0
    return sum(not str(name).endswith(".safetensors") for name in read_table(path, ("patient", "path"))["path"])


def _description(study: StudyData, folder: Path) -> Json:
    listed = read_table(folder / PATIENTS, ("PATIENT_ID",))["PATIENT_ID"].nunique()
    kinds = {k: [i for i, kind in enumerate(study.token_kinds) if kind == k] for k in ("mutation", "expression")}
    tiles = np.diff(study.offsets)
    return {
        "study": study.name,
        "virtual": study.virtual,
        "listed": int(listed),
        "patients": len(study),
        "responders": int(study.responder.sum()),
        "endpoint": study.endpoint or "objective response (CR or PR)",
        "modalities": {
            "histology": int((tiles > 0).sum()),
            **{k: int(study.gene_measured[:, columns].any(axis=1).sum()) for k, columns in kinds.items()},
            "clinical": sum(c is not None for c in study.clinical),
        },
        "tumour_types": _balance(study.tumour_types, study.responder),
        "sites": _balance(tuple(s or "not stated" for s in study.sites), study.responder),
        "duplicates": [line for line in study.notes if any(word in line for word in _TWICE)],
        "notes": [line for line in study.notes if not any(word in line for word in _TWICE)],
        "facts": {
            "tiles": int(tiles.sum()),
            "tile_dim": int(study.tiles.shape[1]),
            "bags": int((tiles > 0).sum()),
            "tokens": len(study.tokens),
            "table_bytes": sum(p.stat().st_size for p in folder.glob("data_*.txt")),
        },
    }


def _balance(names: tuple[str, ...], responder: Mask) -> list[Json]:
    """Patients and responders of each group, largest first."""
    counts = Counter(names)
    hits = Counter(name for name, yes in zip(names, responder, strict=True) if yes)
    return [{"name": name, "n": n, "responders": hits[name]} for name, n in counts.most_common()]


def _parts(study: StudyData, after: After, request: TrainingRequest, found: Json) -> Json:
    """Numbers per part, and what the promoted bundle knows of these patients."""
    config, before = recipe_of(request), after.known
    if before is not None and not request.keep_split:
        rng = np.random.default_rng([config.seed, 1])
        drawn = split_patients(study.patients, study.strata, rng=rng)
        if leaked := tested_before(study, drawn, before.cohort):
            found["leak"] = {"bundle": before.name, "patients": leaked}
    split = after.split(study, config.seed)
    if after.parent is not None:
        from icicore.training.fit import model_config  # Lightning is slow to import

        scaled, config = ScaledStudy(study, scalers_of(after.parent)), recipe_after(after.parent, config)
        check_architecture(after.parent, study, model_config(scaled, config, config.model))
    known = [] if before is None else part_of(before.cohort, study.patients)
    counts = {part: _count(study, split, part) for part in PARTS}
    return {"parts": counts, "known": sum(part is not None for part in known)}


def _count(study: StudyData, split: Split, part: str) -> Json:
    rows = getattr(split, part)
    return {"n": len(rows), "responders": int(study.responder[rows].sum())}


def _warn(found: Json) -> None:
    """Add what a person should know before the start."""
    for part, count in (found.get("parts") or {}).items():
        few = min(count["responders"], count["n"] - count["responders"])
        if few < _FEW:
            name = {"train": "training", "val": "validation"}.get(part, part)
            found["warnings"].append(f"the {name} part has only {few} patients of the rarer class")
    for name, n in found["modalities"].items():
        if n == 0 and not (name == "histology" and found["slides_to_embed"]):
            found["warnings"].append(f"no patient has {name}")
    if found["slides_to_embed"]:
        found["warnings"].append(f"{found['slides_to_embed']} slides are embedded first, which can take hours")
