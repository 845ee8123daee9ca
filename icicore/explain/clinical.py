"""Which clinical values move the score."""

from dataclasses import dataclass

import torch

from icicore.clinical.features import NAMES
from icicore.domain import CLINICAL
from icicore.explain.shapley import shapley
from icicore.explain.target import Target
from icicore.models.bundle import ModelBundle
from icicore.models.inputs import CaseInputs


@dataclass(frozen=True)
class ClinicalExplanation:
    """Exact Shapley values of the measured clinical values.

    Attributes
    ----------
    attribution : logit per value, None where it is unknown; they sum to ``logit - baseline_logit``
    value : scaled, in training standard deviations, None where unknown
    logit, baseline_logit : calibrated, of the case and of the same case with the training means as its values
    """

    attribution: dict[str, float | None]
    value: dict[str, float | None]
    logit: float
    baseline_logit: float


def explain_clinical(bundle: ModelBundle, inputs: CaseInputs) -> ClinicalExplanation:
    """Replace values by their training mean in all combinations and divide the difference fairly.

    Raises
    ------
    ValueError : the score does not rest on clinical values.
    """
    target = Target(bundle, inputs)
    target.require(CLINICAL)
    states, batch = target.states(), target.batch
    known = [i for i, m in enumerate(batch.clinical_measured[0].tolist()) if m]

    def value(coalition: frozenset[int]) -> float:
        keep = torch.tensor([i in coalition for i in range(len(NAMES))])
        values = torch.where(keep, batch.clinical_values, torch.zeros(()))
        with torch.no_grad():
            embedded = [(s, s.member.encode_clinical(values, batch.clinical_measured)) for s in states]
            return float(target.calibrated([target.fuse(s, CLINICAL, e) for s, e in embedded])[0])

    shares = shapley(known, value)
    return ClinicalExplanation(
        attribution={name: shares.get(i) for i, name in enumerate(NAMES)},
        value={name: float(batch.clinical_values[0, i]) if i in known else None for i, name in enumerate(NAMES)},
        logit=value(frozenset(known)),
        baseline_logit=value(frozenset()),
    )
