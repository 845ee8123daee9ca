"""A batch is one job: a bad case stops nothing, a cancel gives the rest back, somebody who waits goes first."""

import concurrent.futures
import json
from pathlib import Path

import pytest

from icicore.access import Person, Role
from icicore.errors import BundleError, InputError
from icicore.jobs import batches, handlers, queue
from icicore.settings import read_settings
from icicore.store.case_query import CaseFilter
from icicore.store.jobs import CANCELLED, FAILED, SUCCEEDED
from icicore.workflows import inference, second_bundle
from icicore.workflows.cases import open_case
from icicore.workflows.import_report import read_report
from icicore.workflows.services import Services, build_services

ADA = Person("Ada", Role.REVIEWER)


@pytest.fixture
def services(tmp_path) -> Services:
    env = {"ICICORE_HOME": str(tmp_path / "home"), "ICICORE_ROOTS": str(tmp_path)}
    built = build_services(read_settings(env | {"ICICORE_CHECKPOINTS": str(tmp_path / "checkpoints")}))
    yield built
    built.database.close()


@pytest.fixture
def keys(services, tmp_path) -> list[str]:
    found = []
    for n in range(4):
        folder = tmp_path / "cases" / f"P-{n}"
        folder.mkdir(parents=True)
        record = {"case_id": folder.name, "tumour_type": "nsclc", "clinical": {"age": 60}}
        (folder / "case.json").write_text(json.dumps(record))
        found.append(open_case(services, folder).case_key)
    return found


@pytest.fixture
def scoring(monkeypatch):
    """Replaces the scoring of one case; returns the keys in the order in which they came."""
    seen: list[str] = []

    def install(work=lambda services, key, progress: None):
        def score_case(services, key, *, by, progress):
            seen.append(key)
            work(services, key, progress)
            services.cases.set_state(key, "scored", probability=0.5, job_id=None)

        monkeypatch.setattr(inference, "score_case", score_case)
        return seen

    return install


def run(services: Services, wanted: CaseFilter):
    job = batches.submit_batch(services, wanted)
    serve_queue(services)
    return services.jobs.get(job.job_id)


def serve_queue(services: Services) -> list[str]:
    """What one worker does: run what the queue gives, in its order; returns the ids."""
    waiting, ran = queue.open_queue(services.settings.queue_url), []
    while (task := waiting.dequeue()) is not None:
        ran.append(task.args[0])
        handlers.run_job(services, task.args[0])
    return ran


def states(services: Services) -> list[str]:
    return [row.state for row in services.cases.all()]


def test_one_job_scores_them_all(services, keys, scoring):
    seen = scoring()
    ended = run(services, CaseFilter(keys=tuple(keys[:3])))
    assert (ended.state, ended.done, ended.total) == (SUCCEEDED, 3, 3)
    assert sorted(seen) == sorted(keys[:3])
    assert states(services) == ["scored"] * 3 + ["new"]


def test_cases_that_wait_already_are_not_taken_twice(services, keys, scoring):
    scoring()
    first = batches.submit_batch(services, CaseFilter())
    assert first.total == 4
    assert batches.submit_batch(services, CaseFilter()) is None


def test_a_bad_case_tells_why_and_the_others_are_scored(services, keys, scoring):
    def work(_, key, progress):
        if key == keys[1]:
            raise InputError("x.svs", "is empty", remedy="copy it again")
        if key == keys[2]:
            raise ZeroDivisionError

    scoring(work)
    assert run(services, CaseFilter()).state == SUCCEEDED
    assert states(services) == ["scored", "not_scored", "failed", "scored"]
    assert services.cases.get(keys[1]).reasons[0]["message"] == "x.svs: is empty; copy it again"
    assert "worker.log" in services.cases.get(keys[2]).reasons[0]["message"]


def test_cancel_keeps_what_is_scored_and_gives_the_rest_back(services, keys, scoring):
    services.cases.set_state(keys[3], "limited", probability=0.7)

    def work(services, key, progress):
        if key == keys[1]:
            services.jobs.request_cancel(services.cases.get(key).job_id)
        progress(1, 2, "tiles")

    scoring(work)
    assert run(services, CaseFilter()).state == CANCELLED
    assert states(services) == ["scored", "new", "new", "limited"]
    assert services.cases.get(keys[3]).probability == 0.7


def test_a_waiting_batch_is_cancelled_at_once(services, keys):
    job = batches.submit_batch(services, CaseFilter())
    assert states(services) == ["queued"] * 4
    queue.cancel(services, job.job_id)
    assert services.jobs.get(job.job_id).state == CANCELLED
    assert states(services) == ["new"] * 4


def test_an_interrupted_batch_goes_on_with_what_is_left(services, keys, scoring):
    job = batches.submit_batch(services, CaseFilter())
    services.jobs.start(job.job_id)
    services.cases.set_state(keys[0], "scored", job_id=None)
    services.cases.set_state(keys[2], "running")
    assert [j.job_id for j in services.jobs.requeue_lost()] == [job.job_id]
    seen = scoring()
    handlers.run_job(services, job.job_id)
    assert seen[0] == keys[2] and sorted(seen) == sorted(keys[1:])
    assert services.jobs.get(job.job_id).done == 4


def test_somebody_who_waits_goes_before_the_next_case_of_a_batch(services, keys, scoring):
    single: list[str] = []

    def work(services, key, progress):
        if key == keys[0]:
            services.cases.set_state(keys[3], "new", job_id=None)  # another person asks for it alone
            single.append(queue.submit_score(services, keys[3]).job_id)

    seen = scoring(work)
    ended = run(services, CaseFilter())
    assert (ended.state, ended.attempts, ended.done) == (SUCCEEDED, 1, 4)
    assert seen == [keys[0], keys[3], keys[1], keys[2]], "the one that waits goes first, and nothing is scored twice"
    assert services.jobs.get(single[0]).state == SUCCEEDED


def test_the_batch_runs_no_job_but_its_own(services, keys, scoring):
    def work(services, key, progress):
        if key == keys[0]:
            services.cases.set_state(keys[3], "new", job_id=None)
            queue.submit_score(services, keys[3])

    seen = scoring(work)
    job = batches.submit_batch(services, CaseFilter())
    handlers.run_job(services, job.job_id)
    assert seen == [keys[0]], "it gave way and scored nobody else's case"
    again = services.jobs.get(job.job_id)
    assert (again.state, again.attempts, again.message) == ("queued", 0, "waiting for others that go first")


def test_while_another_worker_takes_the_single_case_the_batch_is_not_run_twice(services, keys, scoring):
    single: list[str] = []

    def work(services, key, progress):
        if key == keys[0]:
            services.cases.set_state(keys[3], "new", job_id=None)
            single.append(queue.submit_score(services, keys[3]).job_id)

    seen = scoring(work)
    job = batches.submit_batch(services, CaseFilter())
    handlers.run_job(services, job.job_id)
    queue.enqueue(services, job.job_id)  # its id lies in the queue twice
    with concurrent.futures.ThreadPoolExecutor(2) as workers:
        list(workers.map(lambda _: serve_queue(services), range(2)))
    assert sorted(seen) == sorted(keys), "every case once"
    assert {services.jobs.get(one).state for one in (job.job_id, *single)} == {SUCCEEDED}


def test_a_batch_that_is_cancelled_as_it_gives_way_ends_cancelled(services, keys, scoring):
    def work(services, key, progress):
        if key == keys[0]:
            services.cases.set_state(keys[3], "new", job_id=None)
            queue.submit_score(services, keys[3])
            services.jobs.request_cancel(services.cases.get(keys[1]).job_id)

    scoring(work)
    assert run(services, CaseFilter()).state == CANCELLED
    assert states(services)[1:3] == ["new", "new"]


def test_an_import_leaves_its_report(services, keys, tmp_path):
    job = batches.submit_import(services, tmp_path / "cases", by=ADA)
    assert batches.submit_import(services, tmp_path / "cases", by=ADA).job_id == job.job_id
    handlers.run_job(services, job.job_id)
    assert services.jobs.get(job.job_id).state == SUCCEEDED
    report = read_report(services.settings, job.job_id)
    assert (report.imported, report.new, report.refused) == (4, 0, [])


def test_an_import_keeps_to_the_sites_of_the_person(services, keys, tmp_path):
    record = tmp_path / "cases" / "P-1" / "case.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"site": "North"}))
    job = batches.submit_import(services, tmp_path / "cases", by=Person("Eve", Role.REVIEWER, ("North",)))
    handlers.run_job(services, job.job_id)
    report = read_report(services.settings, job.job_id)
    assert report.imported == 1
    assert sorted(name for name, _ in report.refused) == ["P-0", "P-2", "P-3"]


def test_an_import_of_nothing_fails_with_its_line(services, tmp_path):
    (tmp_path / "empty").mkdir()
    job = batches.submit_import(services, tmp_path / "empty", by=ADA)
    handlers.run_job(services, job.job_id)
    ended = services.jobs.get(job.job_id)
    assert ended.state == FAILED and "holds no case" in ended.error
    assert read_report(services.settings, job.job_id) is None


def test_scoring_under_a_named_bundle_needs_one_that_exists(services, keys, monkeypatch, tmp_path):
    with pytest.raises(BundleError, match="no such bundle"):
        batches.submit_score_with(services, keys[0], "other")
    folder = tmp_path / "checkpoints" / "other"
    folder.mkdir(parents=True)
    (folder / "bundle.json").write_text(json.dumps({"seal": {"a": 1}}))
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(second_bundle, "score_under", lambda s, key, bundle, by, progress: asked.append((key, bundle)))
    job = batches.submit_score_with(services, keys[0], "other")
    handlers.run_job(services, job.job_id)
    assert asked == [(keys[0], "other")]
    assert states(services) == ["new"] * 4, "the work list shows the promoted bundle's result only"


def test_results_of_every_bundle_are_found(services, keys):
    for digest, name in (("a" * 64, "zeta"), ("b" * 64, "alpha"), ("c" * 64, "beta")):
        folder = Path(services.settings.results_dir) / keys[0] / digest[:16]
        folder.mkdir(parents=True)
        content = {"bundle": {"name": name, "digest": digest}, "slides": []}
        (folder / "prediction.json").write_text(json.dumps(content))
    services.cases.set_state(keys[0], "scored", bundle_digest="c" * 64)
    found = second_bundle.stored_results(services, keys[0])
    assert [r.bundle_digest[0] for r in found] == ["c", "b", "a"]
    assert second_bundle.stored_results(services, keys[1]) == []
