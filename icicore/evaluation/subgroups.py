"""Does a model work as well for everyone? AUC by tumour type, site, sex and age band."""

from collections.abc import Mapping, Sequence

import numpy as np

from icicore.evaluation.delong import auc_interval
from icicore.evaluation.groups import AGE_BANDS
from icicore.types import F64, Json, Mask

SMALLEST = 10
"""Groups below this size, or with one class only, are listed without an AUC: it would be noise."""


def subgroups(y: Mask, score: F64, groupings: Mapping[str, Sequence[str | None]]) -> list[Json]:
    """One row per group of each grouping: n, responders, AUC with its DeLong interval, and the worst group marked.

    Parameters
    ----------
    y, score : (n,)
    groupings : e.g. ``{"site": [...]}``; None where a patient's group is unknown (counted as ``unknown``)
    """
    rows = []
    for grouping, labels in groupings.items():
        known = ["unknown" if label is None or label == "" else str(label) for label in labels]
        for group in _ordered(set(known)):
            inside = np.array([label == group for label in known])
            rows.append({"grouping": grouping, "group": group, **_row(y[inside], score[inside]), "worst": False})
    measured = [row for row in rows if row["auc_roc"]["value"] is not None and row["group"] != "unknown"]
    for grouping in groupings:
        own = [row for row in measured if row["grouping"] == grouping]
        if len(own) > 1:
            min(own, key=lambda row: float(row["auc_roc"]["value"]))["worst"] = True
    return rows


def worst_group(rows: Sequence[Json]) -> Json | None:
    """Return the group with the lowest AUC of all, None where no AUC was measured."""
    measured = [row for row in rows if row["worst"]]
    return min(measured, key=lambda row: float(row["auc_roc"]["value"])) if measured else None


def _row(y: Mask, score: F64) -> Json:
    head = {"n": len(y), "responders": int(y.sum())}
    if len(y) < SMALLEST:
        return head | {"auc_roc": _none(), "why_no_auc": f"fewer than {SMALLEST} patients"}
    if min(int(y.sum()), int((~y).sum())) < 2:
        return head | {"auc_roc": _none(), "why_no_auc": "fewer than two patients of one class"}
    auc, low, high = auc_interval(y, score)
    return head | {"auc_roc": {"value": auc, "interval95": [low, high]}, "why_no_auc": None}


def _none() -> Json:
    return {"value": None, "interval95": None}


def _ordered(groups: set[str]) -> list[str]:
    bands = [name for _, _, name in AGE_BANDS]
    return sorted(groups, key=lambda g: (g == "unknown", bands.index(g) if g in bands else -1, g))
