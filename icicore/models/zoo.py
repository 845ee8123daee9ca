"""The model variants: one registry, one ensemble. All give a ``ModelOutput``."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import TypeAlias, cast

import torch
from torch import Tensor, nn

from icicore.domain import CLINICAL, GENOMICS, HISTOLOGY
from icicore.errors import BundleError
from icicore.models.fusion import ConcatFusion, MeanFusion
from icicore.models.inputs import Batch, ModelOutput
from icicore.models.multimodal import ModelConfig as ModelConfig
from icicore.models.multimodal import MultimodalModel as MultimodalModel

Factory: TypeAlias = Callable[[ModelConfig], MultimodalModel]


class Ensemble(nn.Module):
    """Members of one architecture, averaged in logit, attention and weights."""

    def __init__(self, members: Sequence[MultimodalModel]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    @property
    def used(self) -> Tensor:
        """Bool (3,): the modalities that the members look at."""
        first = self.members[0]
        return cast(MultimodalModel, first).used

    def member_outputs(self, batch: Batch) -> list[ModelOutput]:
        """Output of each member."""
        return [member(batch) for member in self.members]

    def forward(self, batch: Batch) -> ModelOutput:
        """Mean of the members, field by field."""
        return mean_output(self.member_outputs(batch))


def mean_output(outputs: Sequence[ModelOutput]) -> ModelOutput:
    """Average outputs field by field."""
    means = {f.name: torch.stack([getattr(o, f.name) for o in outputs]).mean(dim=0) for f in fields(ModelOutput)}
    return ModelOutput(**means)


_REGISTRY: dict[str, Factory] = {}


def register(
    kind: str,
) -> Callable[[Factory], Factory]:
    """Register a factory under a name that a configuration can ask for."""

    def wrap(factory: Factory) -> Factory:
        _REGISTRY[kind] = factory
        return factory

    return wrap


def kinds() -> tuple[str, ...]:
    """Names of all variants."""
    return tuple(_REGISTRY)


def build(config: ModelConfig) -> MultimodalModel:
    """Build an untrained model of ``config.kind``."""
    if config.kind not in _REGISTRY:
        raise BundleError(f"model {config.kind}", "unknown kind", expected=", ".join(_REGISTRY), remedy="choose one")
    return _REGISTRY[config.kind](config)


register("multimodal")(MultimodalModel)
register("concat")(lambda config: MultimodalModel(config, fusion=ConcatFusion))
register("mean")(lambda config: MultimodalModel(config, fusion=MeanFusion))
register("image")(lambda config: MultimodalModel(config, (HISTOLOGY,)))
register("genomic")(lambda config: MultimodalModel(config, (GENOMICS,)))
register("clinical")(lambda config: MultimodalModel(config, (CLINICAL,)))
