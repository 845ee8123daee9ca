"""When a call is made, and when it is not."""

from types import SimpleNamespace

import pytest

from icicore.domain import UNCERTAIN
from icicore.workflows.prediction_json import _call, _doubt


@pytest.mark.parametrize(
    ("interval", "doubtful"),
    [((0.03, 0.94), True), ((0.30, 0.94), False), ((0.02, 0.15), False), ((0.02, 0.21), True), ((0.21, 0.5), False)],
    ids=str,
)
def test_an_interval_that_holds_the_threshold_gives_a_reason(interval, doubtful):
    reasons = _doubt(SimpleNamespace(interval95=interval), 0.21)
    assert [r.code for r in reasons] == [UNCERTAIN] * doubtful
    assert all("21 %" in r.message for r in reasons)


@pytest.mark.parametrize(
    ("probability", "withheld", "call"),
    [(0.5, False, "likely responder"), (0.1, False, "unlikely responder"), (0.5, True, None)],
)
def test_a_call_follows_the_threshold_unless_it_is_withheld(probability, withheld, call):
    assert _call(probability, 0.21, withheld=withheld) == call
