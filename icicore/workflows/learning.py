"""Train a bundle on a study, and search for the recipe."""

from pathlib import Path
from typing import TYPE_CHECKING

from icicore.training.config import TrainConfig, read_config, with_options
from icicore.types import Json, Progress, no_progress
from icicore.workflows.inference import DEFAULT_BACKBONE, embed_default
from icicore.workflows.services import Services

if TYPE_CHECKING:
    from icicore.training.slide_access import SlideAccess


def train_bundle(
    services: Services,
    study: Path,
    out: Path,
    *,
    config_file: Path | None = None,
    options: Json | None = None,
    progress: Progress = no_progress,
) -> Json:
    """Train and write a bundle; returns its held-out test metrics.

    Parameters
    ----------
    options : fields of ``TrainConfig`` that override the file; None stands for not given

    Raises
    ------
    InputError
        The study or the configuration cannot be used.
    """
    from icicore.training.train import train  # Lightning is slow to import

    config = _config(config_file, options)
    slides = _slide_access(services, study) if config.finetune_epochs else None
    bundle = train(study, out, config, progress, embed=lambda slide: embed_default(services, slide), slides=slides)
    return dict(bundle.spec.metrics)


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
