"""One training run: its data, its split, its work folder; what all models of the run share."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from icicore import __version__
from icicore.fingerprint import fingerprint
from icicore.models.bundle import ModelBundle
from icicore.training.config import Kind, TrainConfig
from icicore.training.dataset import ScaledStudy, Scalers, StudyData
from icicore.training.fit import Beginning, model_config
from icicore.training.journal import JOURNAL, Journal
from icicore.training.leakage import PARTS, part_of
from icicore.training.plan import order, order_without_arms
from icicore.training.splits import Split
from icicore.training.successor import After, check_architecture, member_of, recipe_after, scalers_of
from icicore.training.workfolder import WorkFolder
from icicore.types import Progress


@dataclass(frozen=True, eq=False)
class TrainingRun:
    """What all models of one training run share."""

    study: StudyData
    scaled: ScaledStudy
    scalers: Scalers
    split: Split
    config: TrainConfig
    kinds: tuple[Kind, ...]
    work: WorkFolder
    progress: Progress
    salt: str
    journal: Journal
    parent: ModelBundle | None = None

    @property
    def total(self) -> int:
        """Epochs of all models together, the unit of progress."""
        return len(self.kinds) * self.config.n_members * self.config.epochs

    def beginning(self, index: int) -> Beginning | None:
        """What a member of the main model begins with; None from scratch."""
        if self.parent is None:
            return None
        known = part_of(self.parent.spec.cohort, self.study.patients)
        seen = np.array([row for row, part in enumerate(known) if part is not None], np.int32)
        return Beginning(member_of(self.parent, index), seen)


def prepare(study: StudyData, out: Path, config: TrainConfig, progress: Progress, *, after: After) -> TrainingRun:
    """Split, scalers and work folder of a training; what an earlier try with the same data left is found again."""
    split, parent = after.split(study, config.seed), after.parent
    if parent is not None:
        config = recipe_after(parent, config)
    scalers = Scalers.fit(study, split.train) if parent is None else scalers_of(parent)
    digest = study.digest()
    key = fingerprint(digest, config.model_dump(mode="json"), __version__, *after.marks)
    work = WorkFolder(out.parent / f".{out.name}.work", key)
    run = TrainingRun(
        study=study,
        scaled=ScaledStudy(study, scalers),
        scalers=scalers,
        split=split,
        config=config,
        kinds=order(config) if parent is None else order_without_arms(config),
        work=work,
        progress=progress,
        salt=fingerprint(digest, "case hashes")[:16],
        journal=Journal(work.place / JOURNAL),
        parent=parent,
    )
    if parent is not None:
        check_architecture(parent, study, model_config(run.scaled, config, config.model))
    _announce(run)
    return run


def _announce(run: TrainingRun) -> None:
    """Tell the journal what is going to be done."""
    run.journal.mend()
    run.journal.add(
        "run",
        kinds=list(run.kinds),
        members=run.config.n_members,
        epochs=run.config.epochs,
        batch_size=run.config.batch_size,
        tiles_per_bag=run.config.tiles_per_bag,
        device=run.config.device,
        patients={part: len(getattr(run.split, part)) for part in PARTS},
        parent=None if run.parent is None else run.parent.spec.name,
    )
