"""The training recipe as one validated value; a user's file may set any of it and nothing else."""

import json
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from icicore.errors import InputError
from icicore.types import Json

Kind = Literal["multimodal", "image", "genomic", "clinical", "concat", "mean"]


class TrainConfig(BaseModel):
    """Training recipe; unknown keys are refused.

    The reference fusion trained plainly can let one arm take the softmax before the others have learnt anything, and
    arms overfit at different speeds. So each arm is first trained alone to its own best epoch; then their fusion is
    trained on top of them, with modality dropout, which makes every subset scoreable.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str | None = Field(None, description="name of the bundle; default: the name of the output folder")
    model: Kind = Field("multimodal", description="what the model reads, and how it joins it")
    seed: int = Field(0, description="of the split, the start and all that is drawn; the same seed, the same bundle")
    device: str = Field("auto", description="auto, cpu, cuda:0 ...")
    members: int = Field(
        5, ge=1, le=50, description="ensemble members, each on a bootstrap resample of training patients"
    )
    comparisons: tuple[Kind, ...] = Field(
        ("image", "genomic", "clinical", "concat"), description="models trained beside a multimodal one for the card"
    )
    arms_first: bool = Field(default=True, description="train each arm alone before all are trained together")
    freeze_arms: bool = Field(
        default=True, description="arms trained alone stay as they are and only their fusion is trained on top of them"
    )
    fusion_rate: float = Field(
        2.0, ge=0, description="learning rate of the fusion on arms that stay as they are, as a factor"
    )
    encoder_rate: float = Field(
        0.1, ge=0, description="learning rate of encoders that were trained before, as a factor"
    )
    epochs: int = Field(15, ge=1, description="most epochs of each stage")
    patience: int = Field(4, ge=1, description="epochs without a better selection loss before a member stops")
    batch_size: int = Field(32, ge=2, description="patients per step; halved without effect where memory runs out")
    tiles_per_bag: int = Field(96, ge=1, description="tiles drawn per case and step; whole bags when evaluating")
    learning_rate: float = Field(5e-4, gt=0, description="highest learning rate, after the warm-up")
    warmup: float = Field(0.1, ge=0, lt=1, description="share of all steps with rising learning rate, then cosine")
    weight_decay: float = Field(0.05, ge=0, description="pull of the weights towards zero (AdamW)")
    dropout: float = Field(0.3, ge=0, lt=1, description="share of inner values hidden at random in a step")
    auxiliary_loss: float = Field(0.5, ge=0, description="weight of the loss of each arm alone")
    grade_loss: float = Field(
        1.0,
        ge=0,
        description="weight of the grades of a response, progression to complete, where a study states them",
    )
    modality_dropout: float = Field(0.2, ge=0, lt=1, description="chance that a modality of a case is hidden in a step")
    scale_by_present: bool = Field(
        default=True, description="what is missing adds nothing, rather than letting the other modalities speak louder"
    )
    weigh_readable: bool = Field(
        default=True, description="slides that are necrotic or spoiled by artefacts count as partly missing"
    )
    gene_dropout: float = Field(0.1, ge=0, lt=1, description="chance that a gene token is hidden in a step")
    gene_attention: Literal["pathway", "full"] = Field(
        "pathway", description="attention between gene sets, or between all genes (far slower)"
    )
    gene_signatures: bool = Field(
        default=True, description="give published signatures of response a start of their own"
    )
    tissue_start: bool = Field(
        default=True, description="start the tile projection from the encoder's tile-class head, where there is one"
    )
    tile_rate: float = Field(0.1, ge=0, description="learning rate of a tile projection started so, as a factor")
    attention_guide: float = Field(
        0.1, ge=0, description="pull of the tile attention towards tissue in which the tile-class head sees lymphocytes"
    )
    sensitivity: float = Field(0.90, gt=0, le=1, description="least sensitivity on validation at the threshold")
    bootstrap: int = Field(1000, ge=1, description="resamples for the intervals of the test metrics")
    schedule: Literal["cosine", "plateau"] = Field("cosine", description="learning rate after the warm-up")
    select_on: Literal["loss", "auc_roc"] = Field("loss", description="what the best epoch is chosen by")
    folds: int = Field(
        0, ge=0, le=50, description="2 or more: members are cross-validation folds instead of bootstrap resamples"
    )
    calibrate_on: Literal["held_out", "validation"] = Field(
        "held_out",
        description="patients for calibration and threshold: validation, or also those each member was not trained on",
    )
    precision: Literal["fp32", "bf16"] = Field("fp32", description="bf16: mixed precision, meant for GPUs")
    depth: int | None = Field(None, ge=1, le=8, description="layers of the gene encoder; default: the architecture's")
    width: float = Field(1.0, ge=0.25, le=4, description="factor on the inner widths of the architecture")
    save_comparisons: bool = Field(
        default=False, description="write the comparison models as bundles beside the main one"
    )

    finetune_epochs: int = Field(
        0, ge=0, description="final epochs in which the backbone's last stage is trained too; needs slide files"
    )
    finetune_tiles: int = Field(16, ge=1, description="tiles read per patient for that")
    finetune_batch: int = Field(16, ge=2, description="patients per step in those epochs")
    finetune_rate: float = Field(2e-5, gt=0, description="learning rate of the backbone's last stage")

    @field_validator("folds")
    @classmethod
    def _not_one_fold(cls, folds: int) -> int:
        if folds == 1:
            raise ValueError("one fold leaves nothing to train on; 0 means none")
        return folds

    @property
    def n_members(self) -> int:
        """Number of members of the ensemble."""
        return self.folds or self.members


def read_config(path: Path) -> TrainConfig:
    """Read a recipe from a .toml or .json file.

    Raises
    ------
    InputError
        not such a file, unknown key, value out of range
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
        return TrainConfig.model_validate(content)
    except ValidationError as error:
        raise _refused(path, error) from error
    except (OSError, ValueError) as error:
        raise InputError(
            path, f"cannot be read ({error})", expected="a .toml or .json file", remedy="correct it"
        ) from error


def with_options(config: TrainConfig, options: Json) -> TrainConfig:
    """Return the recipe with some fields replaced, checked like a file.

    Raises
    ------
    InputError
        unknown key, value out of range
    """
    try:
        return TrainConfig.model_validate(config.model_dump() | options)
    except ValidationError as error:
        raise _refused("training options", error) from error


def _refused(source: Path | str, error: ValidationError) -> InputError:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return InputError(source, f"{where}: {first['msg']}", remedy="see the training recipe in the docs")
