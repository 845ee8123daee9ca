"""Which models a recipe trains, in which order. Needs no torch: the training page asks too."""

from icicore.training.config import Kind, TrainConfig

ARMS: tuple[Kind, ...] = ("image", "genomic", "clinical")
"""Models of one arm each, in the order of ``MODALITIES``."""


def reported(config: TrainConfig) -> tuple[Kind, ...]:
    """Kinds whose test metrics are reported: the main one first, then what it is compared with."""
    return tuple(dict.fromkeys((config.model, *(config.comparisons if config.model == "multimodal" else ()))))


def order(config: TrainConfig) -> tuple[Kind, ...]:
    """Kinds to fit, arms before what is built of them; the clinical comparison of the card is a regression."""
    others = [k for k in reported(config)[1:] if k != "clinical" or config.save_comparisons]
    asked = (*others, config.model)
    return tuple(dict.fromkeys((*(arm for kind in asked for arm in arms_of(kind, config)), *asked)))


def order_without_arms(config: TrainConfig) -> tuple[Kind, ...]:
    """Kinds to fit where the main model continues another one: its arms are in there already."""
    kinds = order(config)
    compared = [kind for kind in reported(config)[1:] if kind in kinds]
    needed = {part for kind in compared for part in (kind, *arms_of(kind, config))}
    return tuple(kind for kind in kinds if kind in needed or kind == config.model)


def arms_of(kind: Kind, config: TrainConfig) -> tuple[Kind, ...]:
    """Models of one arm that are trained before a model of this kind."""
    return ARMS if config.arms_first and kind in ("multimodal", "concat", "mean") else ()
