"""Where a training stands, and what its curves are made of."""

import pytest

from icicore.training.journal import summarise
from icicore.ui.theme import DARK, LIGHT
from icicore.ui.training_curves import legend, specification, table
from icicore.ui.training_progress import Standing, kinds_begun, standing
from icicore.ui.training_words import duration, member_name, memory

RUN = {"t": 0.0, "event": "run", "kinds": ["clinical", "multimodal"], "members": 2, "epochs": 5}


def epoch(member: str, number: int, *, t: float = 10.0, seconds: float = 4.0):
    values = {"auc": 0.6, "loss": 0.5 - number / 10, "train_loss": 0.9, "rate": 1e-4, "samples_per_second": 70.0}
    return {"t": t, "event": "epoch", "member": member, "epoch": number, "seconds": seconds, **values}


def done(member: str, best: int):
    return {"t": 11.0, "event": "member", "member": member, "best_epoch": best, "epochs": best + 1}


def test_before_anything_happened():
    assert standing(summarise([]), 0.0) == Standing()
    assert standing(summarise([RUN]), 0.0) == Standing(epochs=5, total=20)


def test_a_member_that_stopped_early_has_all_its_epochs_behind_it():
    log = summarise(
        [RUN, epoch("clinical-0", 0), epoch("clinical-0", 1), done("clinical-0", 0), epoch("clinical-1", 0)]
    )
    now = standing(log, 10.0)
    assert (now.done, now.total, now.member, now.epoch) == (6, 20, "clinical-1", 1)
    # Four epochs of this model and ten of the other, whose pace is not known: that of this one stands in.
    assert now.left == pytest.approx((4 + 10) * 4.0)
    assert kinds_begun(log) == ["clinical"]


def test_time_left_of_an_epoch():
    step = {"t": 20.0, "event": "step", "member": "clinical-0", "epoch": 1, "step": 4, "steps": 10, "seconds": 2.0}
    assert standing(summarise([RUN, step]), 21.0).epoch_left == pytest.approx(5.0 - 2.0 - 1.0)
    assert standing(summarise([RUN, epoch("clinical-0", 0)]), 11.0).epoch_left == pytest.approx(3.0)
    assert standing(summarise([RUN, epoch("clinical-0", 0)]), 99.0).epoch_left == 0


def test_what_was_done_twice_counts_once():
    twice = [RUN, epoch("clinical-0", 0), epoch("clinical-0", 1), RUN, epoch("clinical-0", 1)]
    log = summarise(twice)
    assert (log.tries, standing(log, 10.0).done) == (2, 2)


def test_the_table_marks_the_epoch_that_is_kept():
    log = summarise(
        [RUN, epoch("clinical-0", 0), epoch("clinical-0", 1), done("clinical-0", 1), epoch("clinical-1", 0)]
    )
    rows = table(log, "clinical", "loss")
    assert rows.to_dict("list") == {
        "epoch": [1, 2, 1],
        "value": [0.5, 0.4, 0.5],
        "member": ["1", "1", "2"],
        "kept": [False, True, False],
    }
    assert not table(log, "clinical", "rate")["kept"].any()
    assert table(log, "multimodal", "loss").empty


def test_the_specification_depends_on_no_value():
    first = specification("loss", members=3, epochs=15, colours=LIGHT)
    assert first == specification("loss", members=3, epochs=15, colours=LIGHT)
    assert first["encoding"]["color"]["scale"]["domain"] == ["1", "2", "3"]
    assert first["config"] != specification("loss", members=3, epochs=15, colours=DARK)["config"]
    assert legend(3).count("member ") == 3


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "–"), (5, "5 s"), (95, "1 min 35 s"), (1200, "20 min"), (5000, "1 h 23 min")]
)
def test_durations(seconds, text):
    assert duration(seconds).replace("\N{NARROW NO-BREAK SPACE}", " ") == text


def test_words():
    assert member_name("multimodal-0") == "Multimodal, member 1"
    assert memory(512).startswith("512")
    assert memory(2048).startswith("2.0")
