"""The journal of a run: what is in it, what a crash leaves of it, and what is read from it."""

import json

import pytest

from icicore.errors import Cancelled
from icicore.training.journal import Journal, RunLog, read_journal, summarise
from icicore.training.journal_follow import follower
from icicore.training.train import train_on
from tests.factories import make_study
from tests.training.test_train import CONFIG

SHORT = CONFIG.model_copy(update={"epochs": 3, "comparisons": (), "bootstrap": 20})


def test_half_a_line_of_a_killed_run_costs_nothing_else(tmp_path):
    journal = Journal(tmp_path / "events.jsonl")
    journal.add("epoch", member="m-0", epoch=0, auc=0.5, loss=0.7, seconds=1.0)
    with journal.path.open("a") as file:
        file.write('{"event": "epoch", "memb')
    journal.mend()
    journal.mend()
    journal.add("epoch", member="m-0", epoch=1, auc=0.6, loss=0.6, seconds=2.0)
    log = summarise(read_journal(journal.path))
    assert log.members["m-0"].auc == {0: 0.5, 1: 0.6}
    assert log.epoch_seconds == {"m": [1.0, 2.0]}


def test_a_journal_without_a_place_forgets(tmp_path):
    Journal().add("epoch", member="m", epoch=0)
    Journal().mend()
    assert read_journal(tmp_path / "none.jsonl") == []
    assert summarise([]).members == {}


def test_numbers_that_are_none_are_refused(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        Journal(tmp_path / "events.jsonl").add("epoch", auc=float("nan"))


def test_an_interrupted_run_leaves_one_journal_with_every_epoch_once(tmp_path):
    kept, study = tmp_path / "kept.jsonl", make_study(160)

    def stop(done: int, total: int, what: str) -> None:
        if what == "training multimodal-1" and done % SHORT.epochs == 1:
            raise Cancelled("training")

    with pytest.raises(Cancelled):
        train_on(study, tmp_path / "run", SHORT, stop)
    (place,) = (tmp_path / ".run.work").glob("*/events.jsonl")
    before = summarise(read_journal(place))
    assert not before.finished
    assert before.plan["kinds"] == ["image", "genomic", "clinical", "multimodal"]
    bundle = train_on(study, tmp_path / "run", SHORT, keep_journal=kept)
    log = summarise(read_journal(kept))
    assert (log.tries, log.finished) == (2, True)
    assert not (tmp_path / ".run.work").exists()
    for k, history in enumerate(bundle.spec.training["selection_auc"].values()):
        member = log.members[f"multimodal-{k}"]
        assert [round(v, 4) for _, v in sorted(member.auc.items())] == pytest.approx(history, abs=1e-4)
        assert member.best_epoch == bundle.spec.training["best_epochs"][k]
        assert set(member.loss) == set(member.rate) == set(member.auc)
    entry = next(e for e in read_journal(kept) if e["event"] == "epoch")
    assert entry["samples_per_second"] > 0
    assert entry["rss_mib"] > 50
    assert "gpu_mib" not in entry
    assert all("P0" not in json.dumps(e) for e in read_journal(kept)), "a journal names no patient"


def test_a_followed_journal_reads_on_and_starts_anew_with_another_file(tmp_path):
    journal = Journal(tmp_path / "events.jsonl")
    one = follower(journal.path)
    assert one.look() == RunLog(), "there is none yet"
    journal.add("run", kinds=["clinical"], members=1, epochs=3)
    journal.add("epoch", member="clinical-0", epoch=0, auc=0.6, loss=0.7, seconds=1.0)
    first = one.look()
    assert first == summarise(read_journal(journal.path))
    with journal.path.open("a") as file:
        file.write('{"event": "epoch", "member": "clini')
    assert one.look() == first, "a line that is still on its way counts when it is whole"
    with journal.path.open("a") as file:
        file.write('cal-0", "epoch": 1, "auc": 0.65, "loss": 0.6, "seconds": 1.0}\n')
    second = one.look()
    assert second == summarise(read_journal(journal.path))
    assert second.members["clinical-0"].auc == {0: 0.6, 1: 0.65}
    assert first.members["clinical-0"].auc == {0: 0.6}, "what was handed out does not change"
    journal.path.unlink()
    journal.add("run", kinds=["image"], members=2, epochs=9)
    assert one.look().plan["kinds"] == ["image"] and one.look().tries == 1
