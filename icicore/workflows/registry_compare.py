"""Set a candidate beside the promoted bundle on the same held-out patients."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from icicore.access import Person
from icicore.errors import BundleError
from icicore.evaluation.bootstrap import resamples
from icicore.evaluation.challenge import calibration_difference, enough, judged, no_leak, subgroup_losses
from icicore.evaluation.evaluate import Scores, discrimination
from icicore.evaluation.groups import SEXES, age_band
from icicore.evaluation.subgroups import subgroups
from icicore.genomics.panel import load_panel
from icicore.models.bundle import ModelBundle, load_bundle
from icicore.people import local_person
from icicore.store.registry import CANDIDATE, REFUSED, RegistryStore
from icicore.training.dataset import StudyData
from icicore.training.study import log_left_out, read_study
from icicore.types import F64, I32, Json, Mask, Progress, no_progress
from icicore.workflows.evaluation.faithfulness import FaithfulnessLimits, faithfulness
from icicore.workflows.evaluation.patients import on_scale_of
from icicore.workflows.evaluation.scoring import CohortScorer, scaled_cases
from icicore.workflows.inference import embed_default
from icicore.workflows.registry import champion_of
from icicore.workflows.registry_comparison import SCHEMA, allowed, write_comparison
from icicore.workflows.registry_entries import Listed, find_registered
from icicore.workflows.registry_patients import FairPatients, fair_patients
from icicore.workflows.services import Services

CHALLENGER, CHAMPION = "challenger", "champion"


@dataclass(frozen=True)
class ComparisonSpec:
    """Seed, resamples and how many patients the explanations are tested on."""

    seed: int = 0
    bootstrap: int = 1000
    faithfulness: FaithfulnessLimits = field(default_factory=lambda: FaithfulnessLimits(patients=16, steps=12))


def compare_candidate(
    services: Services,
    name: str,
    *,
    study: Path | None = None,
    spec: ComparisonSpec | None = None,
    by: Person | None = None,
    progress: Progress = no_progress,
) -> Json:
    """Compare a candidate with the promoted bundle; the result lies beside the candidate and decides what is offered.

    Parameters
    ----------
    study : the study that the candidate was trained on; by default where it was registered from
    progress : may raise ``Cancelled``; nothing is written then

    Raises
    ------
    InputError
        a bundle or the study cannot be used
    """
    listed, champion = find_registered(services, name), champion_of(services)
    if listed.row.digest == champion.digest:
        raise BundleError(name, "is the promoted bundle", remedy="compare a candidate with it")
    folder = study or training_study(services, listed)
    first = load_bundle(_folder(listed))
    second = load_bundle(_folder(find_registered(services, champion.name)))
    panel = load_panel(first.spec.panel.rpartition("/")[2])
    data = log_left_out(read_study(folder, embed=lambda s: embed_default(services, s), panel=panel, progress=progress))
    found = compare_on(data, first, second, spec=spec or ComparisonSpec(), progress=progress)
    # The folder's name, by which the registry knows a bundle, may differ from the name inside it.
    found[CHALLENGER]["name"], found[CHAMPION]["name"] = name, champion.name
    write_comparison(services, _folder(listed), found)
    _settle(services, listed, found, by)
    if study is not None:
        RegistryStore(services.database).set_study(listed.row.digest, str(study.resolve()))
    progress(1, 1, "compared")
    return found


def training_study(services: Services, listed: Listed) -> Path:
    """Folder of the study that a bundle was trained on, as far as it is known here.

    Raises
    ------
    BundleError
        it is not
    """
    imported = services.settings.studies_dir / Path(listed.row.study or "-").name
    for folder in (listed.row.study_folder, imported):
        if folder is not None and Path(folder).is_dir():
            return Path(folder)
    raise BundleError(
        listed.row.name,
        f"the study {listed.row.study or 'it was trained on'} is not on this machine",
        expected="the study that it was trained on",
        remedy=f"icicore bundle compare {listed.row.name} --study FOLDER",
    )


def compare_on(
    study: StudyData,
    challenger: ModelBundle,
    champion: ModelBundle,
    *,
    spec: ComparisonSpec,
    progress: Progress = no_progress,
) -> Json:
    """Compare on a study in memory; see ``compare_candidate``."""
    torch.set_num_threads(1)
    patients = fair_patients(study, challenger.spec.cohort, champion.spec.cohort)
    y = study.responder[patients.rows]
    checks = [enough(len(y), int(y.sum())), no_leak(patients.leaked, unknown=patients.unknown)]
    found: Json = {
        "schema": SCHEMA,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "study": study.name,
        "virtual_study": study.virtual,
        CHALLENGER: _about(challenger),
        CHAMPION: _about(champion),
        "n": len(y),
        "responders": int(y.sum()),
        "prevalence": float(y.mean()) if len(y) else None,
        "left_out": patients.tested - len(y),
        "leaked": list(patients.leaked[:100]),
        "bootstrap": spec.bootstrap,
        "main": CHALLENGER,
        "checks": checks,
    }
    if not checks[0]["passed"]:
        return found
    numbers = _numbers(study, patients, (challenger, champion), spec, progress)
    return found | numbers | {"checks": [*checks, *numbers["checks"]]}


def _numbers(
    study: StudyData,
    patients: FairPatients,
    bundles: tuple[ModelBundle, ModelBundle],
    spec: ComparisonSpec,
    progress: Progress,
) -> Json:
    rows, y = patients.rows, study.responder[patients.rows]
    scorers = [_scorer(study, bundle, rows, progress) for bundle in bundles]
    first, second = (1 / (1 + np.exp(-s.logit())) for s in scorers)
    scores = [
        Scores(name, values, bundle=b.name, threshold=b.spec.threshold)
        for name, values, b in zip((CHALLENGER, CHAMPION), (first, second), bundles, strict=True)
    ]
    progress(0, 1, "bootstrap")
    draws = resamples(y, np.random.default_rng([spec.seed, 7]), n=spec.bootstrap)
    parts = discrimination(y, scores, draws)
    calibration = calibration_difference(y, first, second, draws).to_json()
    (pair,) = parts["pairs"]
    faithful = {
        name: faithfulness(
            scorer, limits=spec.faithfulness, rng=np.random.default_rng([spec.seed, 8]), progress=progress
        )["kinds"]
        for name, scorer in zip((CHALLENGER, CHAMPION), scorers, strict=True)
    }
    return {
        **{name: parts[name] for name in ("models", "curves", "calibration")},
        "pair": pair,
        "calibration_difference": calibration,
        **_groups(study, rows, y, first, second),
        "faithfulness": faithful,
        "checks": judged(parts["models"][0]["auc_roc"], pair, calibration),
    }


def _groups(study: StudyData, rows: I32, y: Mask, first: F64, second: F64) -> Json:
    """Subgroups of both bundles and the losses within them."""
    clinical = [study.clinical[i] for i in rows]
    groupings = {
        "tumour type": [study.tumour_types[i] for i in rows],
        "site": [study.sites[i] for i in rows],
        "sex": [None if c is None or c.sex is None else SEXES.get(c.sex, c.sex) for c in clinical],
        "age": [None if c is None else age_band(c.age) for c in clinical],
    }
    losses = subgroup_losses(y, first, second, groupings)
    return {
        "subgroups": {CHALLENGER: subgroups(y, first, groupings), CHAMPION: subgroups(y, second, groupings)},
        "subgroup_losses": losses,
        "worst_loss": losses[0] if losses else None,
    }


def _scorer(study: StudyData, bundle: ModelBundle, rows: I32, progress: Progress) -> CohortScorer:
    return CohortScorer(bundle, scaled_cases(on_scale_of(bundle.spec, study), bundle, rows), progress=progress)


def _about(bundle: ModelBundle) -> Json:
    spec = bundle.spec
    trained = (spec.cohort.get("n") or {}).get("train")
    return {"name": bundle.name, "digest": bundle.digest, "kind": spec.model.kind, "virtual": spec.virtual} | {
        "study": spec.cohort.get("study"),
        "trained_on": trained,
    }


def _folder(listed: Listed) -> Path:
    if listed.ref is None:
        raise BundleError(listed.row.name, f"cannot be used: {listed.problem}", remedy="copy it back")
    return listed.ref.folder


def _settle(services: Services, listed: Listed, found: Json, by: Person | None) -> None:
    """A candidate that fails is refused with the reason; one that was refused and passes now is a candidate again."""
    store, row = RegistryStore(services.database), listed.row
    who = (by or local_person(services.settings)).name
    if not allowed(found) and row.state in (CANDIDATE, REFUSED):
        reason = "; ".join(check["text"] for check in found["checks"] if not check["passed"])
        store.set_state(row.digest, REFUSED, who=who, reason=reason)
    elif allowed(found) and row.state == REFUSED:
        store.set_state(row.digest, CANDIDATE, who=who, reason="passed the comparison")
