"""In which arithmetic a backbone runs: ``fp32`` is the reference, ``bf16`` and ``int8`` are faster and a little off.

Embeddings of different precisions are never mixed. The precision is part of ``TileEncoder.identifier``, so bags carry
it, a study holds one, and a bundle states the one that it was trained on.
"""

import importlib.util

import torch

from icicore.errors import BackboneUnavailable, BundleError

FP32, BF16, INT8 = "fp32", "bf16", "int8"
PRECISIONS = (FP32, BF16, INT8)
AUTO = "auto"
_MARK = "+"
INT8_BACKBONES = ("resnet50",)
"""Quantised to 8 bits, the depthwise convolutions of efficientnet_lite0 lose what they tell (cosine 0.88)."""


def marked(identifier: str, precision: str) -> str:
    """Identifier of an encoder in a precision; that of the reference carries no mark."""
    return identifier if precision == FP32 else f"{identifier}{_MARK}{precision}"


def precision_of(identifier: str) -> str:
    """Precision that an encoder identifier, or the digest part of one, names."""
    return identifier.partition(_MARK)[2] or FP32


def obstacle(precision: str, *, device: str = "cpu", backbone: str = "resnet50") -> str:
    """Why this machine cannot run a backbone in a precision, in words; empty where it can."""
    if precision == BF16 and not _has_bf16(device):
        return "this processor has no bf16 arithmetic"
    if precision == INT8:
        if backbone not in INT8_BACKBONES:
            return f"int8 is for {', '.join(INT8_BACKBONES)} only: it ruins the embeddings of {backbone}"
        if torch.device(device).type != "cpu":
            return "int8 runs on the CPU only"
        missing = [name for name in ("openvino", "nncf") if importlib.util.find_spec(name) is None]
        if missing:
            return f"{' and '.join(missing)} not installed; install icicore[int8]"
    return ""


def usable(device: str = "cpu") -> tuple[str, ...]:
    """Precisions in which this machine can run some backbone, the reference first."""
    return tuple(name for name in PRECISIONS if not obstacle(name, device=device))


def check(precision: str, *, backbone: str, device: str) -> None:
    """Raise BackboneUnavailable where a backbone cannot run in a precision here."""
    if precision not in PRECISIONS:
        raise BackboneUnavailable(backbone, f"cannot run in {precision}", expected=", ".join(PRECISIONS))
    if reason := obstacle(precision, device=device, backbone=backbone):
        raise BackboneUnavailable(
            backbone, f"cannot run in {precision} ({reason})", remedy="set ICICORE_PRECISION to auto or fp32"
        )


def precision_for(bundle: str, trained: str, *, setting: str) -> str:
    """Precision in which a case is embedded for a bundle: the one that it was trained on.

    Parameters
    ----------
    bundle : its name, for the message
    trained : precision of the bags that it was trained on
    setting : ``ICICORE_PRECISION``

    Raises
    ------
    BundleError : the setting demands another one.
    """
    if setting in (AUTO, trained):
        return trained
    raise BundleError(
        bundle,
        f"was trained on {trained} embeddings and accepts no others, but ICICORE_PRECISION is {setting}",
        expected=f"auto or {trained}",
        remedy="correct the setting, or train a bundle in that precision",
    )


def _has_bf16(device: str) -> bool:
    if torch.device(device).type == "cuda":
        return bool(torch.cuda.is_available() and torch.cuda.is_bf16_supported())
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported", "_is_arm_bf16_supported")
    return any(bool(getattr(torch.cpu, name)()) for name in probes if hasattr(torch.cpu, name))
