"""Train a bundle on one study or several, and search for the recipe."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from icicore.errors import InputError
from icicore.training.config import TrainConfig, read_config, with_options
from icicore.types import Json, Progress, no_progress
from icicore.workflows.inference import DEFAULT_BACKBONE, embed_default
from icicore.workflows.services import Services

if TYPE_CHECKING:
    from icicore.training.slide_access import SlideAccess


def train_bundle(
    services: Services,
    studies: Sequence[Path],
    out: Path,
    *,
    config_file: Path | None = None,
    options: Json | None = None,
    progress: Progress = no_progress,
) -> Json:
    """Train and write a bundle; returns its held-out test metrics.

    Parameters
    ----------
    studies : folders; several are trained on as one, see ``training.pool``
    options : fields of ``TrainConfig`` that override the file; None stands for not given

    Raises
    ------
    InputError
        The study or the configuration cannot be used.
    """
    from icicore.training.pool import read_pool
    from icicore.training.train import train_on  # Lightning is slow to import

    config = _config(config_file, options)
    slides = None
    if config.finetune_epochs:
        slides = _slide_access(services, one_study(studies, "finetune_epochs"))
    study = read_pool(studies, embed=lambda slide: embed_default(services, slide), progress=progress)
    return dict(train_on(study, out, config, progress, slides=slides).spec.metrics)


def one_study(studies: Sequence[Path], what: str) -> Path:
    """The study, where something reads its slide files: of several the files are not looked for.

    Raises
    ------
    InputError
        more than one study
    """
    if len(studies) > 1:
        problem = f"reads the slides of one study, but {len(studies)} were given"
        raise InputError(what, problem, expected="one --study", remedy="leave it out, or train on one study")
    return studies[0]


def _slide_access(services: Services, study: Path) -> "SlideAccess":
    """Slides of a study as the default backbone embeds them."""
    from icicore.training.slide_access import SlideAccess

    encoder = services.encoder(DEFAULT_BACKBONE)
    return SlideAccess(study, encoder, lambda slide, other: embed_default(services, slide, encoder=other))


def tune_recipe(
    services: Services,
    study: Path,
    out: Path,
    *,
    trials: int,
    config_file: Path | None = None,
    options: Json | None = None,
    progress: Progress = no_progress,
) -> Json:
    """Search for a recipe and write the best one; see ``training.tune``. Options as in ``train_bundle``."""
    from icicore.training.tune import tune  # Lightning and Optuna are slow to import

    config = _config(config_file, options)
    return tune(
        study, out, config, trials=trials, embed=lambda slide: embed_default(services, slide), progress=progress
    )


def _config(file: Path | None, options: Json | None) -> TrainConfig:
    config = read_config(file) if file is not None else TrainConfig()
    return with_options(config, {k: v for k, v in (options or {}).items() if v is not None})
