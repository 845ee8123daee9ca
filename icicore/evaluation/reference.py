"""Figures of the reference paper, to be shown beside ours and always labelled as theirs."""

from icicore.types import Json


def reference_paper() -> Json:
    """Table 1 of the reference paper: 1,240 patients, 450 responders; null where it prints nothing readable."""
    return {
        "patients": 1240,
        "responders": 450,
        "note": "figures of the reference paper on its own cohort, which is not public; its table is damaged in print "
        "and read so: F1 and specificity of its fusion model are not given",
        "models": {
            "clinical": _row(0.62, (0.58, 0.66), accuracy=0.58, f1=0.45, sensitivity=0.41, specificity=0.68),
            "image": _row(0.74, (0.71, 0.77), accuracy=0.69, f1=0.61, sensitivity=0.58, specificity=0.76),
            "genomic": _row(0.78, (0.75, 0.81), accuracy=0.73, f1=0.66, sensitivity=0.64, specificity=0.79),
            "multimodal": _row(0.86, (0.83, 0.89), accuracy=0.81, sensitivity=0.78),
            "concat": _row(0.82, None),
        },
    }


def _row(auc: float, interval: tuple[float, float] | None, **others: float) -> Json:
    names = ("accuracy", "f1", "sensitivity", "specificity")
    return {
        "auc_roc": {"value": auc, "interval95": None if interval is None else list(interval)},
        **{name: others.get(name) for name in names},
    }
