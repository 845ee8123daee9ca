"""Where a training stands, and what its curves are made of."""

from functools import partial

import pytest

from icicore.training.journal import summarise
from icicore.ui.training_curves import TITLES, curve, curves, legend, nice_ticks, told
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


def run_of_two():
    """Two epochs of one member, whose second is kept, and one of another."""
    return summarise(
        [RUN, epoch("clinical-0", 0), epoch("clinical-0", 1), done("clinical-0", 1), epoch("clinical-1", 0)]
    )


def test_a_curve_puts_each_epoch_at_its_place():
    html = curve(run_of_two(), "clinical", "loss", epochs=5)
    low, high = 0.4 - 0.006, 0.5 + 0.006  # the margin is 6 % of the range
    assert f"M0.00 {100 * (high - 0.5) / (high - low):.2f}L25.00 {100 * (high - 0.4) / (high - low):.2f}" in html
    assert html.count('class="i-dot"') == 2, "the points of a member are one element"
    assert html.count("h0") == 3
    assert html.count('class="i-ring"') == 1
    assert f'style="left:25.00%;top:{100 * (high - 0.4) / (high - low):.2f}%' in html
    assert "member 1 0.4 at epoch 2, member 2 0.5 at epoch 1" in html


def test_under_the_pointer_stand_the_values_of_all_members():
    bad = epoch("clinical-1", 1) | {"loss": float("nan")}
    log = summarise([RUN, *map(partial(epoch, "clinical-0"), range(2)), bad])
    charts = dict(zip(TITLES, told(log, "clinical"), strict=True))
    assert [(line["name"], line["at"]) for line in charts["loss"]] == [
        ("member 1", {"1": "0.5", "2": "0.4"}),
        ("member 2", {}),
    ]
    assert charts["loss"][0]["colour"] != charts["loss"][1]["colour"]
    assert told(run_of_two(), "multimodal") == [[]] * 4


def test_only_what_selects_an_epoch_has_a_ring():
    html = curves(run_of_two(), "clinical", epochs=5)
    assert html.count("<figure") == 4
    assert html.count('class="i-ring"') == 2
    assert 'class="i-ring"' not in curve(run_of_two(), "clinical", "rate", epochs=5)


def test_a_curve_without_values_keeps_its_place():
    html = curve(run_of_two(), "multimodal", "loss", epochs=5)
    assert "<figure" in html
    assert "nothing yet" in html
    assert "i-dot" not in html


def test_a_long_training_is_drawn_without_points():
    log = summarise([RUN | {"epochs": 600}, *(epoch(f"clinical-{m}", k) for m in range(2) for k in range(501))])
    html = curve(log, "clinical", "loss", epochs=600)
    assert "i-dot" not in html
    assert html.count("stroke-dasharray") == 2
    assert len(html) < 50_000


def test_values_that_are_not_finite_are_left_out():
    bad = epoch("clinical-0", 1) | {"loss": float("nan")}
    html = curve(summarise([RUN, epoch("clinical-0", 0), bad]), "clinical", "loss", epochs=5)
    assert html.count("h0") == 1
    assert "nan" not in html.split("<svg")[1].split(">", 1)[1]
    assert 'd="M0.00 50.00"' in html, "one value alone stands in the middle"


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]), (0.61, 0.78, [0.65, 0.7, 0.75]), (-3e-4, 9e-4, [0.0, 5e-4])],
)
def test_ticks_are_round(low, high, expected):
    assert nice_ticks(low, high) == pytest.approx(expected)


def test_the_legend_names_every_member():
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
