"""The training page over a real home: brakes before the start, the live view, and what its buttons do."""

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from icicore.jobs import submit
from icicore.settings import read_settings
from icicore.store.jobs import CANCELLED, FAILED, QUEUED, SUCCEEDED
from icicore.training.config import TrainConfig
from icicore.training.journal import Journal
from icicore.ui import recipe_form
from icicore.ui.places import TRAINING
from icicore.ui.training_desk import use_training_desk
from icicore.workflows.candidates import TrainingRequest, work_dir
from icicore.workflows.services import Services, build_services
from tests.pages.conftest import MAIN, components, html_of
from tests.training.study_folder import write_small_study

EVIL = "<img src=x onerror=alert(1)>"
FOUND = {
    "problems": [], "warnings": ["the validation part has only 7 patients of the rarer class"], "leak": None,
    "study": "small", "virtual": True, "listed": 210, "patients": 200, "responders": 73,
    "endpoint": "objective response",
    "modalities": {"histology": 180, "mutation": 190, "expression": 192, "clinical": 196},
    "tumour_types": [{"name": "nsclc", "n": 117, "responders": 40}, {"name": "melanoma", "n": 83, "responders": 33}],
    "sites": [{"name": EVIL, "n": 200, "responders": 73}], "duplicates": [], "notes": [], "slides_to_embed": 0,
    "promoted": None, "known": 0,
    "parts": {
        "train": {"n": 140, "responders": 51}, "val": {"n": 20, "responders": 7}, "test": {"n": 40, "responders": 15},
    },
    "facts": {"tiles": 20_000, "tile_dim": 1280, "bags": 180, "tokens": 2394, "table_bytes": 10**6},
}  # fmt: skip


@pytest.fixture
def services(tmp_path, monkeypatch) -> Iterator[Services]:
    monkeypatch.setenv("ICICORE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ICICORE_ROOTS", str(tmp_path / "roots"))
    monkeypatch.setenv("ICICORE_CHECKPOINTS", str(tmp_path / "none"))
    monkeypatch.setenv("ICICORE_USER", "Ann Weber")
    (tmp_path / "roots").mkdir()
    use_training_desk(None)
    built = build_services(read_settings())
    yield built
    built.database.close()
    use_training_desk(None)


@pytest.fixture
def study(services, tmp_path) -> Path:
    return write_small_study(tmp_path / "roots" / "small")


@pytest.fixture
def open_page(services) -> Callable[..., AppTest]:
    def open_one(**query: str) -> AppTest:
        at = AppTest.from_file(str(MAIN), default_timeout=240)
        for key, value in query.items():
            at.query_params[key] = value
        at.switch_page(str(TRAINING))
        at.run()
        assert not at.exception, [e.message for e in at.exception]
        return at

    return open_one


def request(study: Path, **changes: Any) -> TrainingRequest:
    return TrainingRequest(**{"name": "mine", "study": study} | changes)


def checked(services: Services, study: Path, **changes: Any) -> None:
    """A preflight that has ended."""
    job = submit.submit_check(services, request(study))
    services.jobs.start(job.job_id, "w")
    services.jobs.finish(job.job_id, SUCCEEDED, result=FOUND | changes, runner="w")


def started(services: Services, study: Path, name: str = "mine") -> str:
    checked(services, study)
    return submit.submit_train(services, request(study, name=name), device="cpu").job_id


def test_without_a_study_it_says_where_to_get_one(open_page):
    assert "icicore import STUDY" in html_of(open_page())


def test_the_start_waits_for_a_check_that_finds_nothing_against_it(open_page, services, study):
    at = open_page()
    assert at.button(key="training_start_button").disabled
    at.button(key="training_check").click().run()
    (job,) = services.jobs.recent()
    assert (job.kind, job.state, job.owner, job.parameters["study"]) == ("preflight", QUEUED, "Ann Weber", str(study))
    assert at.button(key="training_start_button").disabled
    services.jobs.start(job.job_id, "w")
    services.jobs.finish(job.job_id, SUCCEEDED, result=FOUND, runner="w")
    at.run()
    assert not at.button(key="training_start_button").disabled
    shown = html_of(at)
    for text in (
        "200 of 210 listed",
        "73 (36",
        "Mutations",
        "190 (95",
        "NSCLC",
        "117",
        "training <b>140</b>",
        "none found",
    ):
        assert text in shown, text
    assert EVIL not in shown
    assert "&lt;img src=x" in shown
    at.number_input(key="recipe_members").set_value(2)
    at.number_input(key="recipe_learning_rate").set_value(0.002)
    at.text_input(key="training_name_small").set_value("my-bundle").run()
    at.button(key="training_start_button").click().run()
    assert not at.exception
    training = next(j for j in services.jobs.recent() if j.kind == "train")
    assert (training.device, training.owner, training.state) == ("cpu", "Ann Weber", QUEUED)
    assert training.parameters["name"] == "my-bundle"
    assert training.parameters["config"] == {"members": 2, "learning_rate": 0.002, "device": "cpu"}
    assert training.job_id in at.query_params["run"]
    assert "my-bundle" in html_of(at)


def test_another_seed_needs_another_check(open_page, services, study):
    checked(services, study)
    at = open_page()
    assert not at.button(key="training_start_button").disabled
    at.number_input(key="recipe_seed").set_value(3).run()
    assert at.button(key="training_start_button").disabled


def test_a_leak_is_shown_with_the_ids_and_forbids_the_start(open_page, services, study):
    ids = [f"P{i:02d}" for i in range(60)]
    checked(
        services,
        study,
        problems=["small: 60 patients to train on are test patients of first; keep the split of that bundle"],
        leak={"bundle": "first", "patients": ids},
    )
    at = open_page()
    assert at.button(key="training_start_button").disabled
    shown = html_of(at)
    assert "60 test patients of first would be trained on" in shown
    assert "P00, P01" in shown
    assert "and 20 more" in shown
    with pytest.raises(Exception, match="60 patients to train on are test patients"):
        submit.submit_train(services, request(study), device="cpu")


@pytest.mark.parametrize("name", ["../evil", "", "a b", EVIL])
def test_a_name_that_cannot_be_a_folder_is_refused(open_page, services, study, name):
    checked(services, study)
    at = open_page()
    at.text_input(key="training_name_small").set_value(name).run()
    assert at.button(key="training_start_button").disabled
    assert "cannot name a bundle" in at.error[0].value
    assert "<img" not in at.error[0].value.replace("\\<", "")


def test_too_little_memory_forbids_the_start(open_page, services, study, monkeypatch):
    checked(services, study, facts=FOUND["facts"] | {"tiles": 10**9})
    at = open_page()
    assert at.button(key="training_start_button").disabled
    assert "of memory are needed" in at.error[0].value.replace("\\", "")


def fields(at) -> set[str]:
    return {w.key for kind in (at.number_input, at.selectbox, at.toggle, at.multiselect) for w in kind}


def turn_drawer(at, *, to_open: bool):
    at.session_state[recipe_form.DRAWER] = to_open
    return at.run()


def test_every_field_of_the_recipe_has_its_place(open_page, services, study):
    at = turn_drawer(open_page(), to_open=True)
    for name in TrainConfig.model_fields:
        assert name in recipe_form._ELSEWHERE or f"recipe_{name}" in fields(at), name
    assert all(w.help for w in at.number_input)


def test_what_was_changed_in_the_drawer_holds_while_it_is_closed(open_page, services, study):
    checked(services, study)
    at = open_page()
    assert "recipe_schedule" not in fields(at)
    at = turn_drawer(at, to_open=True)
    at.toggle(key="recipe_arms_first").set_value(False)
    at.number_input(key="recipe_dropout").set_value(0.45)
    at.selectbox(key="recipe_schedule").set_value("plateau").run()
    at.number_input(key="recipe_epochs").set_value(7).run()
    assert at.selectbox(key="recipe_schedule").value == "plateau"
    at = turn_drawer(at, to_open=False)
    said = next(c.value for c in at.caption if "Changed under Advanced" in c.value).replace("\\", "")
    for text in ("after the warm-up: plateau", "Dropout: 0.45", "first: off"):
        assert text in said, text
    at = turn_drawer(at, to_open=True)
    assert at.selectbox(key="recipe_schedule").value == "plateau"
    assert at.number_input(key="recipe_dropout").value == 0.45
    assert at.toggle(key="recipe_arms_first").value is False
    at = turn_drawer(at, to_open=False)
    at.button(key="training_start_button").click().run()
    assert not at.exception
    training = next(j for j in services.jobs.recent() if j.kind == "train")
    expected = {"epochs": 7, "arms_first": False, "schedule": "plateau", "dropout": 0.45, "device": "cpu"}
    assert training.parameters["config"] == expected


def test_a_new_form_knows_nothing_of_an_earlier_one(open_page, services, study):
    at = turn_drawer(open_page(), to_open=True)
    at.selectbox(key="recipe_schedule").set_value("plateau").run()
    at.segmented_control(key="training_view").set_value("Jobs").run()
    at.segmented_control(key="training_view").set_value("New training").run()
    assert not any("Changed under Advanced" in c.value for c in at.caption)
    at = turn_drawer(at, to_open=True)
    assert at.selectbox(key="recipe_schedule").value == TrainConfig().schedule


def write_journal(services: Services, name: str, epochs: int = 3) -> Journal:
    journal = Journal(work_dir(services.settings, name) / "abc" / "events.jsonl")
    journal.add(
        "run", kinds=["clinical", "multimodal"], members=2, epochs=5, patients={"train": 140, "val": 20, "test": 40}
    )
    for epoch in range(epochs):
        journal.add(
            "epoch", member="clinical-0", epoch=epoch, auc=0.6 + epoch / 50, loss=0.7 - epoch / 50, train_loss=0.9,
            rate=5e-4, seconds=4.0, samples=280, samples_per_second=70.0, rss_mib=900.0,
        )  # fmt: skip
    journal.add(
        "step", member="clinical-0", epoch=epochs, step=4, steps=9, seconds=2.0, rate=4e-4, samples_per_second=71.0,
        rss_mib=1536.0,
    )  # fmt: skip
    return journal


def test_a_running_training_shows_where_it_is(open_page, services, study):
    job_id = started(services, study)
    services.jobs.start(job_id, "w")
    services.jobs.progress(job_id, 3, 20, "training clinical-0", runner="w")
    write_journal(services, "mine")
    at = open_page(run=job_id)
    shown = html_of(at)
    for text in ("Clinical, member 1", "4 of at most 5", "1.5", "GiB", "71", "0.0004", "Running", "Ann Weber"):
        assert text in shown, text
    (drawn,) = (json.loads(c.json)["html"] for c in components(at) if c.component_name == "icicore_curves")
    captions = re.findall(r"<figcaption>(\S+)", drawn)
    assert captions == ["Training", "Selection", "AUC-ROC", "Learning"]
    assert "epochs over all models" in at.get("progress")[0].proto.text


def test_stop_continue_and_delete(open_page, services, study):
    job_id = started(services, study)
    services.jobs.start(job_id, "w")
    journal = write_journal(services, "mine")
    at = open_page(run=job_id)
    at.button(key="run_stop").click().run()
    assert services.jobs.get(job_id).cancel
    assert at.button(key="run_stop").disabled
    services.jobs.finish(job_id, CANCELLED, runner="w")
    at.run()
    assert journal.path.exists(), "the checkpoint is kept"
    at.button(key="run_continue").click().run()
    assert services.jobs.get(job_id).state == QUEUED
    services.jobs.start(job_id, "w")
    services.jobs.finish(job_id, FAILED, error=f"x: {EVIL}", runner="w")
    at.run()
    assert "<img" not in at.error[0].value.replace("\\<", "")
    at.button(key="run_delete").click().run()
    assert services.jobs.get(job_id) is None
    assert not work_dir(services.settings, "mine").exists()
    assert "No training yet" in html_of(at)


def test_a_finished_training_shows_its_test_metrics(open_page, services, study):
    job_id = started(services, study)
    services.jobs.start(job_id, "w")
    estimate = {"value": 0.81, "interval95": [0.7, 0.9]}
    metrics = dict.fromkeys(("auc_roc", "sensitivity", "specificity", "ece"), estimate)
    result = {"bundle": "mine", "parent": None, "n": {"test": 40}, "metrics": metrics, "best_epochs": [2]}
    services.jobs.finish(job_id, SUCCEEDED, result=result, runner="w")
    shown = html_of(open_page(run=job_id))
    assert "mine is a candidate" in shown
    assert "40 test patients" in shown
    assert "0.81" in shown
    assert "until a person promotes it" in shown


def test_two_trainings_cannot_have_one_name(services, study):
    started(services, study)
    with pytest.raises(Exception, match="is the name of another training"):
        submit.submit_train(services, request(study), device="cpu")


def test_the_page_is_quick_with_a_long_journal(open_page, services, study):
    job_id = started(services, study)
    services.jobs.start(job_id, "w")
    journal = write_journal(services, "mine")
    line = journal.path.read_text().splitlines()[-1]
    with journal.path.open("a") as file:
        file.write(f"{line}\n" * 20_000)
    at = open_page(run=job_id)
    begun = time.process_time()
    at.run()
    assert time.process_time() - begun < 2
