"""Train a bundle on a study."""

from pathlib import Path

from icicore.training.config import TrainConfig, read_config
from icicore.types import Json, Progress, no_progress
from icicore.workflows.inference import embed_default
from icicore.workflows.services import Services


def train_bundle(
    services: Services,
    study: Path,
    out: Path,
    *,
    config_file: Path | None = None,
    kind: str | None = None,
    device: str | None = None,
    progress: Progress = no_progress,
) -> Json:
    """Train and write a bundle; returns its held-out test metrics. Options given here override the file.

    Raises
    ------
    InputError
        The study or the configuration cannot be used.
    """
    from icicore.training.train import train  # Lightning is slow to import

    config = read_config(config_file) if config_file is not None else TrainConfig()
    changes = {k: v for k, v in (("model", kind), ("device", device)) if v is not None}
    bundle = train(
        study,
        out,
        config.model_copy(update=changes),
        progress,
        embed=lambda slide: embed_default(services, slide),
    )
    return dict(bundle.spec.metrics)
