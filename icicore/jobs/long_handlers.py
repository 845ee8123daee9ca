"""What a long job does: each kind calls one workflow. Runs in the process of the job."""

from pathlib import Path

from icicore.jobs.comparison import run_comparison
from icicore.jobs.kinds import COMPARE, EVALUATE, PREFLIGHT, TRAIN, TUNE
from icicore.jobs.runner import Handler
from icicore.store.jobs import JobRow
from icicore.types import Json, Progress
from icicore.workflows.job_files import EVENTS, job_folder
from icicore.workflows.services import Services


def _train(services: Services, job: JobRow, progress: Progress) -> Json:
    from icicore.workflows.candidates import TrainingRequest, train_candidate

    journal = job_folder(services.settings.home, job.job_id) / EVENTS
    request = TrainingRequest.from_json(job.parameters)
    return train_candidate(services, request, job_id=job.job_id, keep_journal=journal, progress=progress)


def _preflight(services: Services, job: JobRow, progress: Progress) -> Json:
    from icicore.workflows.candidates import TrainingRequest
    from icicore.workflows.preflight import check_training

    return check_training(services, TrainingRequest.from_json(job.parameters), progress=progress)


def _tune(services: Services, job: JobRow, progress: Progress) -> Json:
    from icicore.workflows.candidates import check_name
    from icicore.workflows.learning import tune_recipe
    from icicore.workflows.studies import check_study_folder

    asked, settings = job.parameters, services.settings
    name = check_name(settings, str(asked["name"]))
    return tune_recipe(
        services,
        check_study_folder(settings, Path(asked["study"])),
        settings.home / "recipes" / f"{name}.json",
        trials=int(asked["trials"]),
        options=dict(asked.get("config") or {}),
        progress=progress,
    )


def _evaluate(services: Services, job: JobRow, progress: Progress) -> Json:
    from icicore.workflows.candidates import bundles_dir
    from icicore.workflows.evaluation.command import evaluate_study
    from icicore.workflows.studies import check_study_folder

    asked, settings = job.parameters, services.settings
    names = [Path(str(name)).name for name in asked["bundles"]]
    own = {name: bundles_dir(settings) / name for name in names}
    report = evaluate_study(
        services,
        check_study_folder(settings, Path(asked["study"])),
        [str(own[name]) if (own[name] / "bundle.json").is_file() else name for name in names],
        job_folder(settings.home, job.job_id) / "evaluation",
        seed=int(asked.get("seed", 0)),
        bootstrap=int(asked.get("bootstrap", 1000)),
        progress=progress,
    )
    return {"folder": "evaluation", "models": [{k: m[k] for k in ("name", "n", "auc_roc")} for m in report["models"]]}


LONG_HANDLERS: dict[str, Handler] = {
    TRAIN: _train,
    TUNE: _tune,
    EVALUATE: _evaluate,
    PREFLIGHT: _preflight,
    COMPARE: run_comparison,
}
"""Long kinds by name; one more is one entry here, or in a module that adds its own."""
