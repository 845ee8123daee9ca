"""Bootstrap intervals: against SciPy, paired, and defined for rare classes."""

import numpy as np
from scipy import stats

from icicore.evaluation.bootstrap import all_metrics, bootstrap, resamples
from icicore.evaluation.metrics import METRICS, auc_roc


def test_the_interval_agrees_with_scipy():
    rng = np.random.default_rng(0)
    x = rng.exponential(size=150)
    draws = resamples(np.zeros(150, bool), np.random.default_rng(1), n=4000)
    own = bootstrap(lambda rows: float(x[rows].mean()), draws)
    other = stats.bootstrap((x,), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(2))
    np.testing.assert_allclose(own.interval95, other.confidence_interval, atol=0.02)
    assert own.value == x.mean()


def test_every_resample_holds_both_classes():
    y = np.zeros(30, bool)
    y[0] = True
    draws = resamples(y, np.random.default_rng(0), n=500)
    assert y[draws].any(axis=1).all()
    assert (~y[draws]).any(axis=1).all()


def test_the_interval_of_an_auc_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(3)
    truth = stats.norm.cdf(1 / np.sqrt(2))
    hits = 0
    for _ in range(100):
        y = rng.random(80) < 0.4
        score = rng.normal(size=80) + y
        low, high = bootstrap(lambda r, y=y, s=score: auc_roc(y[r], s[r]), resamples(y, rng, n=200)).interval95
        hits += low <= truth <= high
    assert 86 <= hits <= 100


def test_all_metrics_come_with_an_interval_around_the_value():
    rng = np.random.default_rng(4)
    y = rng.random(100) < 0.4
    p = np.clip(0.3 * y + 0.6 * rng.random(100), 0, 1)
    found = all_metrics(y, p, threshold=0.4, draws=resamples(y, rng, n=200))
    assert set(found) == set(METRICS)
    for name in set(METRICS) - {"ece"}:  # resampling widens a calibration gap, so ece may lie below its interval
        low, high = found[name].interval95
        assert low <= found[name].value <= high, name


def test_the_undefined_is_null_in_json():
    y = np.ones(5, bool)
    content = all_metrics(y, np.full(5, 0.5), threshold=0.4, draws=resamples(y, np.random.default_rng(0), n=20))
    assert content["auc_roc"].to_json() == {"value": None, "interval95": None}
