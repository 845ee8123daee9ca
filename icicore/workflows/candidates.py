"""Train a candidate: a bundle in the home folder that a person may promote later."""

import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from icicore.errors import BundleError, InputError
from icicore.settings import Settings
from icicore.training.config import TrainConfig, with_options
from icicore.types import Json, Progress, no_progress
from icicore.workflows.casefolder import check_allowed
from icicore.workflows.registry import register_candidate
from icicore.workflows.services import BundleRef, Services
from icicore.workflows.studies import check_study_folder
from icicore.workflows.training_rates import note_rate

if TYPE_CHECKING:
    from icicore.embeddings.bag import Bag
    from icicore.training.successor import After

log = logging.getLogger(__name__)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class TrainingRequest:
    """What somebody asks to be trained.

    Attributes
    ----------
    name : of the bundle, a plain folder name
    study : folder
    config : fields of ``TrainConfig`` that differ from its defaults
    continued : begin with the weights of the promoted bundle
    keep_split : patients that the promoted bundle knows stay in the part that they were in
    facts : sizes of the study as the preflight found them; with them the run measures the speed of its device
    """

    name: str
    study: Path
    config: Json = field(default_factory=dict)
    continued: bool = False
    keep_split: bool = True
    facts: Json = field(default_factory=dict)

    def to_json(self) -> Json:
        """As the row of the job stores it."""
        return {
            "name": self.name,
            "study": str(self.study),
            "config": self.config,
            "continued": self.continued,
            "keep_split": self.keep_split,
        }

    @classmethod
    def from_json(cls, content: Json) -> "TrainingRequest":
        """Read what ``to_json`` wrote."""
        return cls(
            name=str(content["name"]),
            study=Path(content["study"]),
            config=dict(content.get("config") or {}),
            continued=bool(content.get("continued")),
            keep_split=bool(content.get("keep_split", True)),
            facts=dict(content.get("facts") or {}),
        )


def bundles_dir(settings: Settings) -> Path:
    """Folder of the bundles that were trained here."""
    return settings.home / "bundles"


def work_dir(settings: Settings, name: str) -> Path:
    """Where the training of a bundle keeps what it has finished."""
    return bundles_dir(settings) / f".{name}.work"


def check_name(settings: Settings, name: str) -> str:
    """Refuse a name that cannot be a folder's, or that a bundle has."""
    if not _NAME.fullmatch(name) or ".." in name:
        raise InputError(
            name[:40] or "name",
            "cannot name a bundle",
            expected="up to 64 letters, digits, dots, - and _",
            remedy="choose another",
        )
    if any((folder / name).exists() for folder in (bundles_dir(settings), settings.checkpoints)):
        raise InputError(name, "is the name of another bundle", expected="a free name", remedy="choose another")
    return name


def train_candidate(
    services: Services, request: TrainingRequest, *, job_id: str, keep_journal: Path, progress: Progress = no_progress
) -> Json:
    """Train, write the bundle, and enter it as a candidate; returns its place and its test metrics.

    The same request continues where an interruption left it, also between the bundle and the entry.

    Raises
    ------
    InputError
        the study or the recipe cannot be used, or test patients of the promoted bundle would be trained on
    """
    from icicore.training.train import train  # Lightning is slow to import

    study = check_study_folder(services.settings, request.study)
    config = recipe_of(request)
    folder = bundles_dir(services.settings) / request.name
    check_device(config.device)
    after, promoted = after_promoted(services, request)
    if not (folder / "bundle.json").is_file():
        slides = None
        if config.finetune_epochs:
            from icicore.training.slide_access import SlideAccess
            from icicore.workflows.inference import DEFAULT_BACKBONE, embed_default

            encoder = services.encoder(DEFAULT_BACKBONE)
            slides = SlideAccess(study, encoder, lambda slide, other: embed_default(services, slide, encoder=other))
        train(
            study,
            folder,
            config,
            progress,
            embed=embedder(services),
            slides=slides,
            after=after,
            keep_journal=keep_journal,
        )
        if request.facts:
            note_rate(services.settings.home, config.device, keep_journal, config, request.facts)
    parent = promoted.name if request.continued and promoted is not None else None
    register_candidate(services, folder, parent=parent, job_id=job_id, study=study)
    spec = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    return {
        "bundle": request.name,
        "parent": parent,
        "n": spec["cohort"]["n"],
        "metrics": spec["metrics"]["models"][config.model],
        "best_epochs": spec["training"]["best_epochs"],
    }


def check_device(device: str) -> None:
    """Refuse a GPU that the driver lists and torch cannot use."""
    import torch

    if device.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(
            device, "cannot be used by this installation of torch", expected="a working GPU", remedy="train on the CPU"
        )


def recipe_of(request: TrainingRequest) -> TrainConfig:
    """The whole recipe; raises ``InputError`` for unknown keys and values out of range."""
    return with_options(TrainConfig(), {**request.config, "name": request.name})


def after_promoted(services: Services, request: TrainingRequest) -> tuple["After", BundleRef | None]:
    """The promoted bundle, whose test patients are kept apart and which may be continued.

    Raises
    ------
    BundleError
        it is to be continued and there is none, or it cannot be loaded
    """
    from icicore.models.bundle import load_bundle
    from icicore.training.successor import After, Before

    ref = promoted_ref(services)
    if ref is None:
        if request.continued:
            raise BundleError("promoted bundle", "there is none to continue", remedy="start from scratch")
        return After(), None
    parent = load_bundle(ref.folder) if request.continued else None
    return After(Before(ref.name, ref.spec.get("cohort") or {}), request.keep_split, parent), ref


def promoted_ref(services: Services) -> BundleRef | None:
    """The promoted bundle as listed, None where there is none."""
    try:
        return services.bundle_ref()
    except BundleError:
        return None


def embedder(services: Services) -> Callable[[Path], "Bag"]:
    """Embeds a slide that a study lists, if it lies where slides may be opened."""
    from icicore.workflows.inference import embed_default  # torch is slow to import

    roots = (*services.settings.roots, services.settings.studies_dir)
    return lambda slide: embed_default(services, check_allowed(slide, roots))
