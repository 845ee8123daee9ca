"""Grades of a response in the loss: whether a patient progressed, was stable, or responded in part or completely.

The label asks one question, response or none. A study that states the RECIST category answers two more about the same
patient: was there more than progression, was the response complete. One logit answers all three, each question at a
level of its own (proportional odds, McCullagh 1980), so that the few hundred patients of a cohort teach as much as
about a third more of them would by the label alone. What the model says stays the probability of a response.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import softplus

from icicore.domain import Recist
from icicore.types import F32, I8, Mask

GRADES = (Recist.PD, Recist.SD, Recist.PR, Recist.CR)
"""A grade is the place in this row."""
UNKNOWN = -1
"""Grade of a patient of whom only the label is known."""
_LABEL, _FURTHER = 1, [0, 2]


def reached(grades: I8, responder: Mask) -> F32:
    """Whether each patient did better than progression, responded, and responded completely: (n, 3), NaN unknown.

    Parameters
    ----------
    grades : (n,), places in ``GRADES``, or ``UNKNOWN``
    responder : bool (n,), the label; it answers the second question
    """
    levels = np.arange(1, 4)
    answers = (grades[:, None] >= levels).astype(np.float32)
    answers[grades == UNKNOWN] = np.nan
    answers[:, _LABEL] = responder
    return np.asarray(answers, np.float32)


class GradedLoss(nn.Module):
    """Cross-entropy of the label plus ``weight`` times that of the two further questions, where they are answered.

    A case of which the label alone is known counts as much as one that answers all three: where cohorts are pooled,
    those that state grades would otherwise drown the others. ``steps`` are learned with the model and are no part of
    it: how far apart the questions lie on the logit.
    """

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = weight
        self.steps = nn.Parameter(torch.ones(2))

    def forward(self, logits: Tensor, answers: Tensor) -> Tensor:
        """Loss of each logit (B, ...) of cases whose ``answers`` (B, 3) are as in ``reached``."""
        better, label, complete = (_like(answers[:, k], logits) for k in range(3))
        apart = softplus(self.steps)
        further = _where_known(logits + apart[0], better) + _where_known(logits - apart[1], complete)
        total = bce(logits, label, reduction="none") + self.weight * further
        asked = 1 + self.weight * (~answers[:, _FURTHER].isnan()).sum(dim=1)
        return total * _like((1 + len(_FURTHER) * self.weight) / asked, logits)


def label_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of each logit (B, ...) with the label (B,) of its case."""
    return bce(logits, _like(labels, logits), reduction="none")


def _like(values: Tensor, logits: Tensor) -> Tensor:
    return values.view(-1, *(1,) * (logits.ndim - 1)).expand_as(logits)


def _where_known(logits: Tensor, answers: Tensor) -> Tensor:
    known = ~answers.isnan()
    return bce(logits, answers.nan_to_num(), reduction="none") * known
