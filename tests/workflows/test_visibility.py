"""Jobs over many cases name cases: who is limited to sites neither sees nor stops those of others."""

from pathlib import Path

import pytest

from icicore.access import NotPermitted, Person, Role
from icicore.errors import CaseError
from icicore.jobs import queue
from icicore.settings import read_settings
from icicore.store.cases import CaseRow
from icicore.ui.workflow_backend import WorkflowBackend
from icicore.workflows.services import Services, build_services
from icicore.workflows.visibility import sees_job

NORTH, SOUTH = "a" * 16, "b" * 16
ADA = Person("Ada (a)", Role.REVIEWER, ("North",))
BOB = Person("Bob (b)", Role.REVIEWER, ("South",))
ALL = Person("Eve (e)", Role.READER, None)
NOBODY = Person("nobody", Role.NONE, ())


@pytest.fixture
def services(tmp_path: Path):
    built = build_services(read_settings({"ICICORE_HOME": str(tmp_path)}))
    for key, site in ((NORTH, "North"), (SOUTH, "South")):
        built.cases.put(CaseRow(key, f"CASE-{site}", "nsclc", f"/c/{site}", site=site))
    yield built
    built.database.close()


@pytest.mark.parametrize("kind", ["score_batch", "import_cases", "embed"])
def test_a_job_over_cases_is_seen_by_its_owner_and_by_who_sees_all_sites(services: Services, kind: str):
    job = services.jobs.create(kind, owner=BOB.name)
    assert sees_job(services, BOB, job) and sees_job(services, ALL, job)
    assert not sees_job(services, ADA, job) and not sees_job(services, NOBODY, job)


def test_a_job_on_a_case_is_seen_with_the_case_and_a_training_by_everybody_with_a_role(services: Services):
    case, training = services.jobs.create("score", case_key=SOUTH), services.jobs.create("train", owner="x")
    assert sees_job(services, BOB, case) and not sees_job(services, ADA, case) and not sees_job(services, NOBODY, case)
    assert sees_job(services, ADA, training) and not sees_job(services, NOBODY, training)


def test_what_is_out_of_sight_is_neither_listed_nor_found_nor_stopped(services: Services):
    batch = services.jobs.create("score_batch", owner=BOB.name)
    single = services.jobs.create("score", case_key=SOUTH)
    shared = WorkflowBackend(queue, services)
    ada, bob = shared.for_person(ADA), shared.for_person(BOB)
    assert ada.active_jobs() == [] and {j.job_id for j in bob.active_jobs()} == {batch.job_id, single.job_id}
    for job in (batch, single):
        assert ada.job(job.job_id) is None and bob.job(job.job_id) is not None
        with pytest.raises(CaseError, match="no such job"):
            ada.cancel(job.job_id)
    with pytest.raises(NotPermitted):
        shared.for_person(ALL).cancel(batch.job_id)
    assert not any(j.cancel for j in services.jobs.recent())
