"""Jobs of every kind on the training page: started behind their checks, watched, stopped, continued, deleted."""

import json
from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

from icicore.access import Person, Role
from icicore.jobs import batches, submit
from icicore.settings import read_settings
from icicore.store.case_query import CaseFilter
from icicore.store.jobs import FAILED, QUEUED, SUCCEEDED
from icicore.ui import jobs_desk, worker_notice
from icicore.ui.jobs_desk import forget_jobs_desk
from icicore.ui.places import TRAINING
from icicore.ui.training_desk import use_training_desk
from icicore.ui.training_words import doing
from icicore.workflows.cases import open_case
from icicore.workflows.job_files import job_folder
from icicore.workflows.services import Services, build_services
from tests.factories import make_bundle
from tests.pages.conftest import MAIN, html_of
from tests.pages.test_training_page import EVIL, FOUND
from tests.training.study_folder import write_small_study


@pytest.fixture
def services(tmp_path, monkeypatch) -> Iterator[Services]:
    for name, value in (("HOME", "home"), ("ROOTS", "roots"), ("CHECKPOINTS", "checkpoints")):
        monkeypatch.setenv(f"ICICORE_{name}", str(tmp_path / value))
    monkeypatch.setenv("ICICORE_USER", "Ann Weber")
    (tmp_path / "roots").mkdir()
    make_bundle(tmp_path / "checkpoints" / "shipped-virtual", members=1, name="shipped-virtual")
    use_training_desk(None)
    forget_jobs_desk()
    built = build_services(read_settings())
    yield built
    built.database.close()
    use_training_desk(None)
    forget_jobs_desk()


@pytest.fixture
def open_page(services) -> Callable[..., AppTest]:
    def open_one(kind: str = "") -> AppTest:
        at = AppTest.from_file(str(MAIN), default_timeout=120)
        wanted = {"training_view": "Jobs"} | ({"job_kind": kind} if kind else {})
        for key, value in wanted.items():
            at.session_state[key] = value
        at.switch_page(str(TRAINING)).run()
        assert not at.exception, [e.message for e in at.exception]
        return at

    return open_one


@pytest.fixture
def case(services, tmp_path) -> str:
    folder = tmp_path / "roots" / "P-1"
    folder.mkdir()
    (folder / "case.json").write_text(json.dumps({"case_id": "P-1", "tumour_type": "nsclc", "clinical": {"age": 60}}))
    return open_case(services, folder).case_key


def newest(services: Services):
    return services.jobs.recent()[0]


def test_a_slide_is_embedded_only_from_where_slides_may_be_opened(open_page, services, tmp_path):
    at = open_page()
    assert at.button(key="embed_start").disabled
    at.text_input(key="embed_slide").set_value("/etc/passwd").run()
    assert at.button(key="embed_start").disabled
    assert "lies outside the folders" in at.error[0].value.replace("\\", "")
    slide = tmp_path / "roots" / "a.svs"
    slide.write_bytes(b"x")
    at.text_input(key="embed_slide").set_value(str(slide)).run()
    at.button(key="embed_start").click().run()
    job = newest(services)
    assert (job.kind, job.owner, job.parameters["slide"]) == ("embed", "Ann Weber", str(slide))
    assert "a.svs" in html_of(at)


def test_a_case_is_scored_and_its_report_made_once_it_has_a_result(open_page, services, case):
    at = open_page("Report of a case")
    at.text_input(key="report_case").set_value("P-1").run()
    assert at.button(key="report_start").disabled
    assert "score the case first" in at.error[0].value
    services.cases.set_state(case, "scored", probability=0.4)
    at.run()
    at.button(key="report_start").click().run()
    assert (newest(services).kind, newest(services).parameters) == ("report", {"format": "pdf"})
    at = open_page("Score a case")
    at.text_input(key="score_case").set_value(EVIL).run()
    assert at.button(key="score_start").disabled
    assert "no such case" in at.error[0].value
    at.text_input(key="score_case").set_value("P-1").run()
    at.button(key="score_start").click().run()
    assert (newest(services).kind, newest(services).case_key) == ("score", case)


def test_models_are_tested_on_a_study(open_page, services, tmp_path):
    study = write_small_study(tmp_path / "roots" / "small")
    at = open_page("Test models")
    assert at.button(key="evaluate_start").disabled
    at.multiselect(key="evaluate_bundles").set_value(["shipped-virtual"]).run()
    at.button(key="evaluate_start").click().run()
    job = newest(services)
    assert (job.kind, job.device) == ("evaluate", "cpu")
    assert job.parameters == {"bundles": ["shipped-virtual"], "study": str(study), "bootstrap": 1000}


def test_a_search_waits_for_a_check_that_finds_nothing_against_it(open_page, services, tmp_path):
    write_small_study(tmp_path / "roots" / "small")
    at = open_page("Search for a recipe")
    assert at.button(key="tune_start").disabled
    at.button(key="tune_check").click().run()
    check = newest(services)
    assert check.kind == "preflight" and at.button(key="tune_start").disabled
    services.jobs.start(check.job_id, "w")
    services.jobs.finish(check.job_id, SUCCEEDED, result=FOUND, runner="w")
    at.run()
    at.number_input(key="tune_trials").set_value(3).run()
    at.button(key="tune_start").click().run()
    job = newest(services)
    assert (job.kind, job.device, job.parameters["trials"]) == ("tune", "cpu", 3)
    assert job.parameters["config"] == {"model": "multimodal", "device": "cpu"}


def test_every_kind_is_listed_with_its_state_and_may_be_stopped_continued_and_deleted(open_page, services, case):
    made = [
        submit.submit_embed(services, f"/x/{EVIL}.svs"), submit.submit_report(services, case),
        submit.submit_evaluate(services, ["m"], "/s/c1"), batches.submit_batch(services, CaseFilter()),
        submit.submit_tune(services, "mine", "/s/c1", trials=3, config={}, device="cpu"),
    ]  # fmt: skip
    at = open_page()
    shown = html_of(at)
    for words in ("Embedding of a slide", "Report of a case", "Test of models", "Scoring of cases", "Search for a"):
        assert words in shown, words
    assert EVIL not in shown and "P-1" in shown
    for job in made:
        at.button(key=f"stop_{job.job_id}").click().run()
    assert {services.jobs.get(j.job_id).state for j in made} == {"cancelled"}
    assert services.cases.get(case).state == "new", "the batch gave its case back"
    at.run()
    keys = {b.key for b in at.button}
    assert f"resume_{made[3].job_id}" not in keys, "a stopped batch is asked for anew"
    at.button(key=f"resume_{made[0].job_id}").click().run()
    assert services.jobs.get(made[0].job_id).state == QUEUED
    at.button(key=f"delete_{made[1].job_id}").click().run()
    assert services.jobs.get(made[1].job_id) is None
    assert not at.exception


def test_a_job_that_is_opened_shows_result_reason_files_and_log(open_page, services, case):
    job = submit.submit_report(services, case)
    services.jobs.start(job.job_id, "w")
    services.jobs.finish(job.job_id, SUCCEEDED, result={"file": "report.pdf", "bytes": 4}, runner="w")
    folder = job_folder(services.settings.home, job.job_id)
    folder.mkdir(parents=True)
    (folder / "report.pdf").write_bytes(b"%PDF")
    (folder / "log.txt").write_text("report, try 1\ndrawing\n")
    failed = submit.submit_embed(services, "/x/a.svs")
    services.jobs.start(failed.job_id, "w")
    services.jobs.finish(failed.job_id, FAILED, error=f"a.svs: {EVIL}", runner="w")
    at = open_page()
    assert EVIL not in html_of(at)
    at.button(key=f"open_{job.job_id}").click().run()
    assert not at.exception
    assert any("drawing" in c.value for c in at.code)
    assert [d.proto.label.replace("\\", "") for d in at.get("download_button")] == ["report.pdf"]
    at.button(key=f"open_{failed.job_id}").click().run()
    assert "<img" not in at.error[0].value.replace("\\<", "")


def test_a_reader_sees_the_jobs_and_starts_none(open_page, services, monkeypatch):
    job = submit.submit_embed(services, "/x/a.svs")
    monkeypatch.setattr(jobs_desk, "current_person", lambda: Person("Rob", Role.READER))
    at = open_page()
    assert "Embedding of a slide" in html_of(at)
    assert "embed_start" not in {b.key for b in at.button}
    assert at.button(key=f"stop_{job.job_id}").disabled


def test_without_a_worker_the_page_says_what_to_do(open_page, services, monkeypatch):
    monkeypatch.setattr(worker_notice, "PATIENCE_SECONDS", 0.0)
    at = open_page()
    assert "No worker is running" in at.warning[0].value
    assert "icicore worker" in at.warning[0].value
    monkeypatch.setenv("ICICORE_WORKER", "0")
    at.run()
    assert "started without one" in at.warning[0].value


def test_the_notice_waits_for_a_worker_that_is_just_starting(open_page):
    assert not open_page().warning


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("training clinical-1", "Training: Clinical, member 2"),
        ("waiting", "Waiting"),
        ("training the heads", "Training the heads"),
        ("", ""),
    ],
)
def test_a_member_is_named_alike_everywhere(message, shown):
    assert doing(message) == shown
