"""Calibration and threshold from every patient that an ensemble can judge fairly.

A validation part of a hundred patients leaves the calibration intercept uncertain by 0.2 logit. Patients whom some
members did not train on (left out by a bootstrap resample or a fold) are judged by those members alone and are
several times as many. Such a score is the mean of fewer members than the ensemble has, so it is noisier; the spread
between members says by how much, and the scores are put on the scale of the ensemble's before anything is fitted.
"""

from dataclasses import dataclass

import numpy as np

from icicore.evaluation.calibration import platt
from icicore.evaluation.threshold import sensitivity_first
from icicore.models.spec import Calibration
from icicore.types import F64, Mask


@dataclass(frozen=True)
class OperatingPoint:
    """Calibration of the ensemble's mean logit, and the threshold on the calibrated probability."""

    calibration: Calibration
    threshold: float


def operating_point(logits: F64, labels: Mask, *, sensitivity: float) -> OperatingPoint:
    """Fit calibration and threshold.

    Parameters
    ----------
    logits : (members, n), raw; NaN where the member was trained on the patient; at least one member per patient
    labels : bool (n,)
    sensitivity : least sensitivity at the threshold
    """
    counts = np.isfinite(logits).sum(axis=0)
    means = np.nanmean(logits, axis=0)
    centre, between = float(means.mean()), member_variance(logits)
    signal = max(float(means.var() - (between / counts).mean()), 1e-9)

    def share(members: F64 | int) -> F64:
        """Share of the variance of a mean of so many members that is not their disagreement."""
        return np.asarray(signal / (signal + between / members), np.float64)

    # What a patient's score would be with endlessly many members is nearer to the centre (regression calibration).
    slope, intercept = platt(centre + share(counts) * (means - centre), labels)
    whole = float(share(len(logits)))
    calibration = Calibration(slope * whole, intercept + slope * centre * (1 - whole))
    # The threshold is applied to scores of the whole ensemble, so it is chosen on scores that spread like them.
    alike = centre + np.sqrt(share(counts) / whole) * (means - centre)
    probability = 1 / (1 + np.exp(-(calibration.slope * alike + calibration.intercept)))
    return OperatingPoint(calibration, sensitivity_first(labels, probability, at_least=sensitivity))


def member_variance(logits: F64) -> float:
    """Variance between members at one patient, pooled over patients; 0 where no patient has two members."""
    counts = np.isfinite(logits).sum(axis=0)
    freedom = int(np.maximum(counts - 1, 0).sum())
    if freedom == 0:
        return 0.0
    squares = np.nansum((logits - np.nanmean(logits, axis=0)) ** 2)
    return float(squares / freedom)
