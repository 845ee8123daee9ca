"""May a challenger take the champion's place? Differences on the same patients, each with its interval.

The calibration loss is what a logistic recalibration (slope and intercept, Cox 1958) on the same patients would still
gain: mean log loss of the probabilities minus that of the recalibrated ones, in nats per patient; 0 is ideal. It is
blind to how well a model ranks, so a sharper model is not excused for being wrong about its own certainty.
"""

from collections.abc import Sequence

import numpy as np

from icicore.evaluation.bootstrap import Estimate, bootstrap
from icicore.evaluation.delong import compare
from icicore.evaluation.reliability import refit
from icicore.evaluation.subgroups import SMALLEST
from icicore.types import F64, I32, Json, Mask

FEWEST_PATIENTS, FEWEST_PER_CLASS = 40, 10
"""With fewer held-out patients almost no difference could be seen, and every challenger would pass."""
CHANCE = 0.5
_EDGE = 1e-6


def calibration_loss(y: Mask, probability: F64) -> float:
    """Log loss per patient that a recalibration would save; NaN where none can be fitted."""
    slope, intercept = refit(y, probability)
    if slope is None or intercept is None:
        return float("nan")
    logit = _logit(probability)
    return max(0.0, _log_loss(y, logit) - _log_loss(y, slope * logit + intercept))


def calibration_difference(y: Mask, challenger: F64, champion: F64, draws: I32) -> Estimate:
    """Calibration loss of the challenger minus that of the champion, with its paired bootstrap interval."""
    return bootstrap(
        lambda rows: calibration_loss(y[rows], challenger[rows]) - calibration_loss(y[rows], champion[rows]), draws
    )


def subgroup_losses(y: Mask, challenger: F64, champion: F64, groupings: Json) -> list[Json]:
    """AUC of the challenger minus that of the champion in every group that is large enough, worst first.

    Parameters
    ----------
    groupings : name of each grouping to the group of every patient, None where it is unknown

    Returns
    -------
    rows with ``grouping``, ``group``, ``n``, ``responders``, ``auc_difference``, ``interval95`` (DeLong)
    """
    rows = []
    for grouping, labels in groupings.items():
        for group in sorted({g for g in labels if g}):
            inside = np.array([g == group for g in labels])
            own = y[inside]
            if len(own) < SMALLEST or min(int(own.sum()), int((~own).sum())) < 2:
                continue
            test = compare(own, challenger[inside], champion[inside])
            head = {"grouping": grouping, "group": group, "n": len(own), "responders": int(own.sum())}
            rows.append(head | {"auc_difference": test.difference, "interval95": list(test.interval95)})
    return sorted(rows, key=lambda row: float(row["auc_difference"]))


def enough(n: int, responders: int) -> Json:
    """Check that the held-out patients suffice for a comparison."""
    fewest = min(responders, n - responders)
    text = f"{n} held-out patients, {responders} responders; at least {FEWEST_PATIENTS} with {FEWEST_PER_CLASS} of each"
    return _check("enough", f"{text} class are needed", passed=n >= FEWEST_PATIENTS and fewest >= FEWEST_PER_CLASS)


def judged(auc: Json, difference: Json, calibration: Json) -> list[Json]:
    """Return the checks that follow from the numbers: better than chance, as good, as well calibrated.

    Parameters
    ----------
    auc : of the challenger, ``value`` and ``interval95``
    difference : AUC of the challenger minus that of the champion, ``auc_difference`` and ``interval95``
    calibration : calibration loss of the challenger minus that of the champion, ``value`` and ``interval95``
    """
    bounds, low = difference["interval95"], (auc["interval95"] or [0.0])[0]
    loss = calibration["interval95"]
    good = f"AUC difference {_range(bounds)}" + ("" if bounds and bounds[1] >= 0 else ": the champion is better")
    if loss is None:
        well = "the calibration cannot be measured on these patients"
    else:
        well = f"calibration loss differs by {_range(loss, 3)} nats" + (": it is worse" if loss[0] > 0 else "")
    return [
        _check(
            "chance",
            f"AUC {_range(auc['interval95'])}" + ("" if low > CHANCE else ": no better than chance"),
            low > CHANCE,
        ),
        _check("auc", good, bool(bounds) and bounds[1] >= 0),
        _check("calibration", well, loss is not None and loss[0] <= 0),
    ]


def no_leak(found: Sequence[str], *, unknown: int) -> Json:
    """Check that the challenger was trained on no test patient of the champion.

    Parameters
    ----------
    found : test patients of the champion among the challenger's training and validation patients
    unknown : training and validation patients of the challenger that the study does not hold
    """
    if found:
        shown = ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
        return _check("leak", f"trained on {len(found)} test patients of the champion: {shown}", passed=False)
    if unknown:
        text = f"{unknown} of its training patients are not in this study: whether it saw test patients cannot be told"
        return _check("leak", text, passed=False)
    return _check("leak", "trained on no test patient of the champion", passed=True)


def _check(code: str, text: str, passed: bool) -> Json:  # noqa: FBT001 - read as a row of a table
    return {"code": code, "text": text, "passed": bool(passed)}


def _range(bounds: Sequence[float] | None, digits: int = 2) -> str:
    if not bounds:
        return "unknown"
    low, high = (f"{b:.{digits}f}".replace("-", "\N{MINUS SIGN}") for b in bounds)
    return f"{low} to {high}"


def _logit(probability: F64) -> F64:
    inside = probability.clip(_EDGE, 1 - _EDGE)
    return np.asarray(np.log(inside / (1 - inside)), np.float64)


def _log_loss(y: Mask, logit: F64) -> float:
    return float(np.mean(np.logaddexp(0.0, logit) - y * logit))
