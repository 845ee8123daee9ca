"""Ask for training and other learning: what the training page and the command line call."""

from icicore.errors import InputError
from icicore.jobs.kinds import EMBED, EVALUATE, PREFLIGHT, REPORT, TRAIN, TUNE
from icicore.jobs.queue import enqueue, owner_of
from icicore.store.jobs import SUCCEEDED, JobRow
from icicore.types import Json
from icicore.workflows.candidates import TrainingRequest, check_name, recipe_of
from icicore.workflows.checks import check_request
from icicore.workflows.services import Services
from icicore.workflows.studies import check_study_folder


def submit_check(services: Services, request: TrainingRequest, *, by: str = "") -> JobRow:
    """Queue the preflight of a training; returns the one that is already active, if there is one.

    Raises
    ------
    InputError
        no study, or one that may not be opened
    """
    check_study_folder(services.settings, request.study)
    asked = check_request(request).to_json()
    for job in services.jobs.recent(active_only=True, kinds=[PREFLIGHT]):
        if job.parameters == asked:
            return job
    return services.jobs.create(PREFLIGHT, parameters=asked, owner=owner_of(services, by))


def find_check(services: Services, request: TrainingRequest) -> JobRow | None:
    """The newest preflight of what this training depends on, under way or done; None without one."""
    asked = check_request(request).to_json()
    return next((j for j in services.jobs.recent(kinds=[PREFLIGHT], limit=100) if j.parameters == asked), None)


def submit_train(services: Services, request: TrainingRequest, *, device: str, by: str = "") -> JobRow:
    """Queue a training.

    Raises
    ------
    InputError
        a name that is taken, a recipe that cannot be used, or no preflight that found nothing against it
    """
    _check_free(services, request.name)
    recipe_of(request)
    found = find_check(services, request)
    if found is None or found.state != SUCCEEDED or found.result is None:
        raise InputError(request.study.name, "has not been checked", remedy="check the study first")
    if found.result["problems"]:
        raise InputError(request.study.name, str(found.result["problems"][0]))
    parameters = request.to_json() | {"config": {**request.config, "device": device}}
    parameters["facts"] = found.result["facts"]
    return services.jobs.create(TRAIN, parameters=parameters, owner=owner_of(services, by), device=device)


def _check_free(services: Services, name: str) -> None:
    check_name(services.settings, name)
    if any(job.parameters.get("name") == name for job in services.jobs.recent(kinds=[TRAIN], limit=1000)):
        raise InputError(name, "is the name of another training", expected="a free name", remedy="choose another")


def submit_embed(
    services: Services, slide: str, *, backbone: str = "", mpp: float | None = None, by: str = ""
) -> JobRow:
    """Queue the embedding of a slide; where it lies is checked when it is opened."""
    parameters: Json = {"slide": slide, "backbone": backbone, "mpp": mpp}
    job = services.jobs.create(EMBED, parameters=parameters, owner=owner_of(services, by))
    enqueue(services, job.job_id)
    return job


def submit_report(services: Services, case_key: str, *, kind: str = "pdf", by: str = "") -> JobRow:
    """Queue the report of a case; the file lies in the folder of the job."""
    job = services.jobs.create(REPORT, case_key=case_key, parameters={"format": kind}, owner=owner_of(services, by))
    enqueue(services, job.job_id)
    return job


def submit_tune(
    services: Services, name: str, study: str, *, trials: int, config: Json, device: str, by: str = ""
) -> JobRow:
    """Queue the search for a recipe, which is written to ``recipes/NAME.json`` in the home folder."""
    check_name(services.settings, name)
    parameters = {"name": name, "study": study, "trials": trials, "config": config | {"device": device}}
    return services.jobs.create(TUNE, parameters=parameters, owner=owner_of(services, by), device=device)


def submit_evaluate(
    services: Services, bundles: list[str], study: str, *, bootstrap: int = 1000, by: str = ""
) -> JobRow:
    """Queue the test of bundles on a study; the report lies in the folder of the job."""
    parameters = {"bundles": bundles, "study": study, "bootstrap": bootstrap}
    return services.jobs.create(EVALUATE, parameters=parameters, owner=owner_of(services, by), device="cpu")
