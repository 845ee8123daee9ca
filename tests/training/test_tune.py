"""Tuning: the given recipe comes first, an interrupted search asks for the same, the test patients stay unseen."""

from dataclasses import replace

import numpy as np
import pytest

from icicore.domain import ClinicalValues
from icicore.errors import Cancelled
from icicore.training.config import TrainConfig, read_config
from icicore.training.leakage import checked_split
from icicore.training.tune import SPACE, tune_on
from tests.factories import make_study

CONFIG = TrainConfig(model="clinical", epochs=3, device="cpu", patience=3)
TRIALS = 6


@pytest.fixture(scope="module")
def study():
    return make_study(90)


@pytest.fixture(scope="module")
def tuned(study, tmp_path_factory):
    out = tmp_path_factory.mktemp("tuned") / "recipe.json"
    return out, tune_on(study, out, CONFIG, trials=TRIALS)


def rows(out):
    head, *lines = out.with_name("recipe.trials.tsv").read_text().splitlines()
    return [dict(zip(head.split("\t"), line.split("\t"), strict=True)) for line in lines]


def test_the_best_trial_becomes_a_recipe_that_train_reads(tuned):
    out, found = tuned
    recipe = read_config(out)
    assert {name: getattr(recipe, name) for name in SPACE} == found["best"]
    assert recipe.model == "clinical"
    assert recipe.members == CONFIG.members
    losses = [float(row["val_loss"]) for row in rows(out) if row["state"] == "complete"]
    assert min(losses) == pytest.approx(found["val_loss"], rel=1e-4)
    assert found["trials"] == len(rows(out)) == TRIALS


def test_the_recipe_given_is_the_first_trial_so_the_best_is_never_worse(tuned):
    out, found = tuned
    first = rows(out)[0]
    assert float(first["learning_rate"]) == CONFIG.learning_rate
    assert first["schedule"] == "cosine"
    assert first["batch_size"] == "32"
    assert found["val_loss"] <= found["given"]["val_loss"]


def test_an_interrupted_search_continues_as_if_it_had_not_been(study, tuned, tmp_path):
    def stop(done: int, total: int, what: str) -> None:
        if what == "trial 3 of 6" and done % 3 == 1:
            raise Cancelled("tuning")

    out = tmp_path / "recipe.json"
    with pytest.raises(Cancelled):
        tune_on(study, out, CONFIG, trials=TRIALS, progress=stop)
    assert len(rows(out)) == 2
    assert read_config(out)  # the best so far is there already
    seen = []
    found = tune_on(study, out, CONFIG, trials=TRIALS, progress=lambda done, total, what: seen.append(what))
    assert "trial 1 of 6" not in seen
    assert rows(out) == rows(tuned[0])
    assert found == tuned[1]
    assert tune_on(study, out, CONFIG, trials=TRIALS) == found  # nothing is left to do


def test_test_patients_do_not_matter(study, tuned, tmp_path):
    test = checked_split(study, CONFIG.seed).test
    clinical = [ClinicalValues(20.0, "M", 4, 9.0) if i in set(test) else c for i, c in enumerate(study.clinical)]
    changed = replace(study, clinical=tuple(clinical))
    tune_on(changed, tmp_path / "recipe.json", CONFIG, trials=2)
    assert rows(tmp_path / "recipe.json") == rows(tuned[0])[:2]


def test_other_data_begin_a_new_search(tuned, study, tmp_path):
    out = tmp_path / "recipe.json"
    tune_on(study, out, CONFIG, trials=1)
    other = tune_on(make_study(90, seed=5), out, CONFIG, trials=1)
    assert other["trials"] == 1


def test_a_bad_trial_is_pruned_against_the_median(study, tmp_path, monkeypatch):
    from icicore.training import tune as module

    calls = []

    def fake(scaled, split, config, *, model, index, arms, on_epoch):
        calls.append(1)
        bad = len(calls) == 6
        for epoch in range(3):
            on_epoch(epoch, 9.0 if bad else 0.5 - 0.01 * len(calls))
        return type("M", (), {"model": None, "history": (0.5, 0.6), "best_epoch": 1, "loss": 0.5})()

    monkeypatch.setattr(module, "fit_member", fake)
    found = tune_on(study, tmp_path / "recipe.json", CONFIG, trials=7)
    assert found["pruned"] == 1
    assert [row["state"] for row in rows(tmp_path / "recipe.json")].index("pruned") == 5


def test_a_diverged_trial_is_no_best_one(study, tmp_path, monkeypatch):
    from icicore.training import tune as module

    def fake(scaled, split, config, *, model, index, arms, on_epoch):
        on_epoch(0, np.nan if config.learning_rate != CONFIG.learning_rate else 0.5)
        return type("M", (), {"model": None, "history": (0.5,), "best_epoch": 0, "loss": 0.5})()

    monkeypatch.setattr(module, "fit_member", fake)
    found = tune_on(study, tmp_path / "recipe.json", CONFIG, trials=3)
    assert found["pruned"] == 2
    assert found["best"]["learning_rate"] == CONFIG.learning_rate
