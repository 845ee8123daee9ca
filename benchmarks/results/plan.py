"""What is made: sizes, seeds and limits of every stage. A plan decides the results; the machine does not."""

from dataclasses import dataclass
from pathlib import Path

from icicore.workflows.evaluation.faithfulness import FaithfulnessLimits
from icicore.workflows.evaluation.features import FeatureLimits
from icicore.workflows.evaluation.prepared import EvaluationSpec

SHORT = (FeatureLimits(attributed=4, steps=4, genes=4, gene_repeats=1, repeats=4), FaithfulnessLimits(3, 4))
"""Limits for evaluations of which only the scores are shown."""


@dataclass(frozen=True)
class Plan:
    """``patients`` and ``bank`` size every virtual study; ``epochs`` None is the recipe's own number.

    ``members`` is the ensemble of the main models, ``scenario_members`` that of the models of other scenarios; rows of
    the ablation are single members. Folders and numbers of ``public`` belong to the public cohorts.
    """

    patients: int = 1240
    seed: int = 2026
    bank: int = 60
    members: int = 5
    scenario_members: int = 2
    epochs: int | None = None
    bootstrap: int = 1000
    thorough: bool = True
    cohorts: Path | None = None
    tiles: Path | None = None
    public_members: int = 5
    public_epochs: int = 15
    public_repeats: int = 5
    public_model_repeats: int = 1

    def recipe(self, **options: object) -> dict:
        """Training options of this plan; what is not named is the recipe's default."""
        epochs = {} if self.epochs is None else {"epochs": self.epochs}
        return {"seed": self.seed, "bootstrap": self.bootstrap, "device": "cpu", **epochs, **options}

    def evaluation(self, *, thorough: bool) -> EvaluationSpec:
        """Seed, resamples and limits of an evaluation."""
        if thorough and self.thorough:
            return EvaluationSpec(seed=self.seed, bootstrap=self.bootstrap)
        return EvaluationSpec(self.seed, self.bootstrap, *SHORT)


def quick(seed: int) -> Plan:
    """The same chain in a few minutes: it shows that everything runs, and its numbers mean nothing."""
    return Plan(
        patients=240, seed=seed, bank=6, members=2, scenario_members=1, epochs=2, bootstrap=100, thorough=False,
        public_members=1, public_epochs=2, public_repeats=2,
    )  # fmt: skip
