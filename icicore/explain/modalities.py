"""How much each modality moves the score, and what the score would be without it."""

from dataclasses import dataclass

from icicore.domain import MODALITIES
from icicore.explain.shapley import all_coalitions, shapley
from icicore.explain.target import Target
from icicore.models.bundle import ModelBundle
from icicore.models.inputs import CaseInputs
from icicore.types import Json


@dataclass(frozen=True)
class ModalityExplanation:
    """Exact Shapley values over the modalities that were used.

    Attributes
    ----------
    contributions : logit per modality, None where it was not used; they sum to ``logit - base_logit``
    subset_logits : calibrated logit for every subset of the used modalities
    base_logit : calibrated logit of a patient of whom nothing is known
    logit : calibrated logit of the case
    """

    contributions: dict[str, float | None]
    subset_logits: dict[frozenset[str], float]
    base_logit: float
    logit: float

    def subsets_json(self) -> Json:
        """Subset logits keyed like ``histology+clinical``; the empty subset is ``none``."""
        return {"+".join(m for m in MODALITIES if m in s) or "none": v for s, v in self.subset_logits.items()}


def explain_modalities(bundle: ModelBundle, inputs: CaseInputs) -> ModalityExplanation:
    """Score the case with every subset of its modalities and divide the difference fairly."""
    used = Target(bundle, inputs).used
    logits: dict[frozenset[str], float] = {}
    for coalition in all_coalitions(used):
        absent = [m for m in MODALITIES if m not in coalition]
        logits[coalition] = bundle.score(inputs.without(*absent)).logit if coalition else bundle.spec.base_logit
    values = shapley(used, logits.__getitem__)
    return ModalityExplanation(
        contributions={m: values.get(m) for m in MODALITIES},
        subset_logits=logits,
        base_logit=bundle.spec.base_logit,
        logit=logits[frozenset(used)],
    )
