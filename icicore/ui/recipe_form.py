"""The recipe of a training as input fields, made from ``TrainConfig``: what it allows is what the form allows."""

from collections.abc import Mapping
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import streamlit as st
from pydantic.fields import FieldInfo

from icicore.training.config import TrainConfig
from icicore.types import Json
from icicore.ui.training_words import MODELS

BASICS = ("members", "epochs", "batch_size", "learning_rate", "seed")
"""Fields that stand above the drawer."""
_ELSEWHERE = ("name", "model", "device")
_LABELS: Mapping[str, str] = {
    "members": "Members",
    "epochs": "Epochs, at most",
    "batch_size": "Batch (patients)",
    "arms_first": "Train each arm alone first",
    "encoder_rate": "Encoder rate (factor)",
    "tiles_per_bag": "Tiles per patient and step",
    "warmup": "Warm-up (share of steps)",
    "sensitivity": "Sensitivity at the threshold",
    "bootstrap": "Bootstrap resamples",
    "schedule": "Learning rate after the warm-up",
    "select_on": "Best epoch by",
    "calibrate_on": "Calibrate on",
    "depth": "Layers of the gene encoder (0: default)",
    "width": "Width (factor)",
    "save_comparisons": "Keep the comparison models",
    "finetune_epochs": "Epochs of tuning the tile encoder",
    "finetune_tiles": "Tiles per patient for that",
    "finetune_batch": "Patients per step for that",
    "finetune_rate": "Learning rate for that",
}
_STEP = {"learning_rate": 1e-4, "finetune_rate": 1e-6, "encoder_rate": 0.05, "width": 0.25, "weight_decay": 0.01}


def basics() -> Json:
    """Fields that most people change; returns those that differ from the default."""
    columns = st.columns(len(BASICS))
    return _changed({name: _field(name, column) for name, column in zip(BASICS, columns, strict=True)})


def advanced() -> Json:
    """All other fields, in a drawer; returns those that differ from the default."""
    names = [n for n in TrainConfig.model_fields if n not in (*BASICS, *_ELSEWHERE)]
    values: Json = {}
    with st.expander("Advanced", icon=":material/tune:", key="recipe_drawer"):
        columns = st.columns(3)
        for number, name in enumerate(names):
            values[name] = _field(name, columns[number % 3])
    return _changed(values)


def _changed(values: Json) -> Json:
    defaults = TrainConfig().model_dump()
    return {n: v for n, v in values.items() if v != defaults[n] and not (n == "depth" and v == 0)}


def _field(name: str, place: Any) -> Any:  # noqa: ANN401 - containers and values of many types
    info = TrainConfig.model_fields[name]
    label = _LABELS.get(name, name.replace("_", " ").capitalize())
    shared: Json = {"key": f"recipe_{name}", "help": _sentence(info.description)}
    kind, default = _plain_type(info.annotation), info.default
    if kind is bool:
        return place.toggle(label, value=default, **shared)
    if get_origin(kind) is Literal:
        options = list(get_args(kind))
        return place.selectbox(label, options, index=options.index(default), format_func=_option, **shared)
    if get_origin(kind) is tuple:
        options = [k for k in MODELS if k != "multimodal"]
        chosen = place.multiselect(label, options, default=list(default), format_func=MODELS.get, **shared)
        return tuple(chosen)
    return _number(label, name, kind, info, place, shared)


def _number(label: str, name: str, kind: Any, info: FieldInfo, place: Any, shared: Json) -> Any:  # noqa: ANN401
    low, high = _bounds(info)
    default = 0 if info.default is None else info.default
    if kind is int:
        least = 0 if info.default is None else low
        return int(place.number_input(label, least, high, int(default), 1, **shared))
    step = _STEP.get(name, 0.05)
    least, most = (None if bound is None else float(bound) for bound in (low, high))
    form = "%.1e" if step < 1e-3 else "%.2f"
    return float(place.number_input(label, least, most, float(default), step, form, **shared))


def _bounds(info: FieldInfo) -> tuple[Any, Any]:
    """Least and most of a number as the recipe states them; an open bound is left to the check of the recipe."""
    low = next((m.ge for m in info.metadata if hasattr(m, "ge")), None)
    high = next((m.le for m in info.metadata if hasattr(m, "le")), None)
    return low, high


def _plain_type(annotation: Any) -> Any:  # noqa: ANN401
    """The type without None."""
    if get_origin(annotation) in (Union, UnionType):
        return next(a for a in get_args(annotation) if a is not type(None))
    return annotation


def _option(value: str) -> str:
    return {"auc_roc": "AUC-ROC", "held_out": "validation and left-out patients"}.get(value, value)


def _sentence(text: str | None) -> str | None:
    return None if not text else text[0].upper() + text[1:] + "."
