"""Subgroups: everyone is counted once per grouping, and nothing is claimed of small groups."""

import numpy as np

from icicore.evaluation.groups import age_band
from icicore.evaluation.subgroups import subgroups, worst_group


def test_groups_are_counted_and_the_worst_is_named():
    rng = np.random.default_rng(0)
    y = np.arange(120) % 3 == 0
    site = np.array(["a", "b", "c"])[np.arange(120) // 40]
    score = rng.normal(size=120) + 3 * y * (site != "b")
    rows = subgroups(y, score, {"site": site.tolist(), "sex": ["F", None] * 60})
    for grouping in ("site", "sex"):
        own = [r for r in rows if r["grouping"] == grouping]
        assert sum(r["n"] for r in own) == 120
        assert sum(r["responders"] for r in own) == y.sum()
    assert [r["group"] for r in rows if r["worst"]] == ["b"]
    assert worst_group(rows)["group"] == "b"
    assert "unknown" in [r["group"] for r in rows]


def test_small_groups_and_one_class_get_no_auc():
    y = np.array([True] * 5 + [False] * 4 + [True] * 12 + [False] * 20)
    groups = ["few"] * 9 + ["one class"] * 12 + ["rest"] * 20
    rows = {r["group"]: r for r in subgroups(y, np.arange(41.0), {"g": groups})}
    assert rows["few"]["auc_roc"] == {"value": None, "interval95": None}
    assert "fewer than 10" in rows["few"]["why_no_auc"]
    assert "one class" in rows["one class"]["why_no_auc"]
    assert worst_group(list(rows.values())) is None


def test_age_bands_have_no_gap():
    assert [age_band(a) for a in (49.9, 50, 64.9, 65, 74.9, 75, None)] == [
        "under 50", "50 to 64", "50 to 64", "65 to 74", "65 to 74", "75 and over", None,
    ]  # fmt: skip
