"""The recipe of a training as input fields, made from ``TrainConfig``: what it allows is what the form allows."""

from collections.abc import Mapping
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import streamlit as st
from pydantic.fields import FieldInfo

from icicore.training.config import TrainConfig
from icicore.types import Json
from icicore.ui import session
from icicore.ui.text import plain
from icicore.ui.training_words import MODELS

BASICS = ("members", "epochs", "batch_size", "learning_rate", "seed")
"""Fields that stand above the drawer."""
_ELSEWHERE = ("name", "model", "device")
_LABELS: Mapping[str, str] = {
    "members": "Members",
    "epochs": "Epochs, at most",
    "batch_size": "Batch (patients)",
    "arms_first": "Train each arm alone first",
    "freeze_arms": "Then freeze the arms",
    "fusion_rate": "Fusion rate (factor)",
    "encoder_rate": "Encoder rate (factor)",
    "scale_by_present": "What is missing adds nothing",
    "weigh_readable": "Unreadable slides count less",
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
_STEP = {
    "learning_rate": 1e-4,
    "finetune_rate": 1e-6,
    "encoder_rate": 0.05,
    "fusion_rate": 0.25,
    "width": 0.25,
    "weight_decay": 0.01,
}


DRAWER = "recipe_drawer"
_KEPT = "_recipe_kept"
"""What the fields of the drawer say."""
_START = "_recipe_start"
"""What they said when the drawer was opened: a field whose initial value moved with it would be mounted anew."""


def basics() -> Json:
    """Fields that most people change; returns those that differ from the default."""
    if _key(BASICS[0]) not in st.session_state:  # the form is new: nothing of an earlier one applies unseen
        session.put(_KEPT, {})
    columns = st.columns(len(BASICS))
    return _changed({name: _field(name, column, _default(name)) for name, column in zip(BASICS, columns, strict=True)})


def advanced() -> Json:
    """All other fields, in a drawer; returns those that differ from the default.

    They are there only while it is open, as two dozen fields cost the browser a tenth of a second at every visit.
    """
    drawer = st.expander("Advanced", icon=":material/tune:", key=DRAWER, on_change="rerun")
    if drawer.open:
        start, columns = session.get(_START, {}), drawer.columns(3)
        names = [n for n in TrainConfig.model_fields if n not in (*BASICS, *_ELSEWHERE)]
        values = {
            name: _field(name, columns[number % 3], start.get(name, _default(name)))
            for number, name in enumerate(names)
        }
        session.put(_KEPT, values)
        return _changed(values)
    values = session.get(_KEPT, {})
    session.put(_START, values)
    changed = _changed(values)
    if changed:
        said = "; ".join(f"{_label(name)}: {_said(value)}" for name, value in changed.items())
        st.caption(plain(f"Changed under Advanced. {said}"))
    return changed


def _changed(values: Json) -> Json:
    defaults = TrainConfig().model_dump()
    return {n: v for n, v in values.items() if v != defaults[n] and not (n == "depth" and v == 0)}


def _key(name: str) -> str:
    return f"recipe_{name}"


def _label(name: str) -> str:
    return _LABELS.get(name, name.replace("_", " ").capitalize())


def _default(name: str) -> Any:  # noqa: ANN401 - values of many types
    default = TrainConfig.model_fields[name].default
    return 0 if default is None else default


def _said(value: Any) -> str:  # noqa: ANN401 - values of many types
    """A value in the words of its field."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return " and ".join(MODELS.get(v, v) for v in value) or "none"
    return _option(value) if isinstance(value, str) else f"{value:g}"


def _field(name: str, place: Any, value: Any) -> Any:  # noqa: ANN401 - containers and values of many types
    info = TrainConfig.model_fields[name]
    label = _label(name)
    shared: Json = {"key": _key(name), "help": _sentence(info.description)}
    kind = _plain_type(info.annotation)
    if kind is bool:
        return place.toggle(label, value=value, **shared)
    if get_origin(kind) is Literal:
        options = list(get_args(kind))
        return place.selectbox(label, options, index=options.index(value), format_func=_option, **shared)
    if get_origin(kind) is tuple:
        options = [k for k in MODELS if k != "multimodal"]
        chosen = place.multiselect(label, options, default=list(value), format_func=MODELS.get, **shared)
        return tuple(chosen)
    return _number(label, name, kind, value, place, shared)


def _number(label: str, name: str, kind: Any, value: Any, place: Any, shared: Json) -> Any:  # noqa: ANN401
    info = TrainConfig.model_fields[name]
    low, high = _bounds(info)
    if kind is int:
        least = 0 if info.default is None else low
        return int(place.number_input(label, least, high, int(value), 1, **shared))
    step = _STEP.get(name, 0.05)
    least, most = (None if bound is None else float(bound) for bound in (low, high))
    form = "%.1e" if step < 1e-3 else "%.2f"
    return float(place.number_input(label, least, most, float(value), step, form, **shared))


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
