"""Where backbone weights lie on this machine, how they are read, and their digest. Never a pickle."""

import hashlib
import logging
import urllib.request
from collections.abc import Iterable, Mapping
from http.client import HTTPException
from pathlib import Path
from pickle import UnpicklingError
from typing import cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from icicore.errors import BackboneUnavailable
from icicore.fingerprint import atomic_path

log = logging.getLogger(__name__)

READABLE = (".safetensors", ".pth", ".pt", ".bin")
CONNECT_SECONDS = 10.0


def hub_checkpoints() -> Path:
    """Folder in which torch keeps downloaded weights."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def first_file(folders: Iterable[Path | None], patterns: Iterable[str]) -> Path | None:
    """First readable file that matches, folder by folder, pattern by pattern, in name order."""
    patterns = tuple(patterns)
    for folder in folders:
        for pattern in patterns if folder is not None and folder.is_dir() else ():
            for path in sorted(cast(Path, folder).glob(pattern)):
                if path.is_file() and path.suffix in READABLE:
                    return path
    return None


def read_state(path: Path) -> dict[str, Tensor]:
    """Read a state dict: safetensors, or torch's format restricted to tensors.

    Raises
    ------
    BackboneUnavailable : when the file is damaged or holds anything but tensors.
    """
    try:
        state = load_file(path) if path.suffix == ".safetensors" else _read_torch(path)
    except (OSError, SafetensorError, UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise BackboneUnavailable(
            path, "the weights cannot be read", expected="a complete state dict", remedy="copy the file again"
        ) from error
    if not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise BackboneUnavailable(path, "holds something else than weights", expected="a flat state dict of tensors")
    return state


def _read_torch(path: Path) -> dict[str, Tensor]:
    state = torch.load(path, map_location="cpu", weights_only=True)
    inner = state.get("state_dict", state) if isinstance(state, Mapping) else {}
    return dict(inner)


def fill(module: nn.Module, state: Mapping[str, Tensor], *, source: Path | str, optional: tuple[str, ...]) -> None:
    """Load weights strictly; only names that start with an ``optional`` prefix may be missing or extra."""
    prefixes = optional or ("\0",)
    own = module.state_dict()
    wanted = {k for k in own if not k.startswith(prefixes) and not k.endswith("num_batches_tracked")}
    given = {k for k in state if not k.startswith(prefixes) and not k.endswith("num_batches_tracked")}
    odd = sorted(wanted ^ given) or sorted(k for k in wanted if own[k].shape != state[k].shape)
    if odd:
        raise BackboneUnavailable(
            source, f"{len(odd)} weights do not fit, e.g. {odd[0]}", expected="the weights of this architecture"
        )
    module.load_state_dict({k: state[k].float() for k in wanted}, strict=False)


def weights_digest(module: nn.Module) -> str:
    """SHA-256 (hex) over names, shapes and float32 values, so that the same weights in any container are equal."""
    total = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        if not name.endswith("num_batches_tracked"):
            total.update(f"{name}{tuple(value.shape)}".encode())
            total.update(value.detach().float().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()


def download(url: str, target: Path, *, sha256_prefix: str = "") -> Path:
    """Fetch a file once; a wrong or partial download leaves nothing.

    Raises
    ------
    BackboneUnavailable : no network, or the content is not what its name promises.
    """
    total = hashlib.sha256()
    try:
        with atomic_path(target) as temporary, temporary.open("wb") as out:
            with urllib.request.urlopen(url, timeout=CONNECT_SECONDS) as response:
                while block := response.read(1 << 20):
                    total.update(block)
                    out.write(block)
            if not total.hexdigest().startswith(sha256_prefix):
                raise OSError("checksum differs")
    except (OSError, HTTPException) as error:
        log.info("download of %s failed: %s", url, error)
        raise BackboneUnavailable(target, "the weights are not on this machine and cannot be downloaded") from error
    return target
