"""The learning rate: warm-up, cosine, plateau, and that it can be continued."""

import pytest

from icicore.training.schedule import RateSchedule


def test_it_rises_in_the_warm_up_and_falls_to_nothing():
    schedule = RateSchedule("cosine", steps=100, warmup=0.1)
    rates = [schedule.factor(step) for step in range(101)]
    assert rates[:10] == pytest.approx([(k + 1) / 10 for k in range(10)])
    assert rates[10] == 1
    assert rates[55] == pytest.approx(0.5)
    assert rates[100] == pytest.approx(0, abs=1e-9)
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_plateau_halves_only_where_the_loss_stands_still():
    schedule = RateSchedule("plateau", steps=100, warmup=0, patience=2)
    seen = []
    for loss in (0.7, 0.6, 0.61, 0.62, 0.5, 0.5, 0.5, 0.5, 0.5):
        schedule.epoch_done(loss)
        seen.append(schedule.factor(50))
    assert seen == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125]


@pytest.mark.parametrize("losses", [(), (0.7, 0.8), (0.7, 0.8, 0.9)])
def test_a_restored_schedule_goes_on_alike(losses):
    first, second = (RateSchedule("plateau", steps=10, warmup=0, patience=2) for _ in range(2))
    for loss in losses:
        first.epoch_done(loss)
    second.restore(first.state())
    for loss in (0.75, 0.76, 0.77):
        first.epoch_done(loss)
        second.epoch_done(loss)
        assert first == second
