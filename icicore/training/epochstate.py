"""All that a member needs to go on after its last finished epoch, as one safetensors file (never a pickle).

Weights, best weights, optimiser moments and both random generators: a member that was killed continues to the bit.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor

from icicore.fingerprint import write_bytes
from icicore.types import Json

_NOTE = "icicore.epoch"
_GENERATOR = "generator.cpu"
_CUDA = "generator.cuda."


@dataclass(frozen=True, eq=False)
class EpochState:
    """Tensors by name and everything else as JSON, taken at the end of an epoch."""

    tensors: dict[str, Tensor]
    note: Json

    def save(self, path: Path) -> None:
        """Write atomically; the one before is replaced only by a complete file."""
        content = {name: value.detach().cpu().contiguous() for name, value in self.tensors.items()}
        write_bytes(path, save_tensors(content, metadata={_NOTE: json.dumps(self.note)}))

    @classmethod
    def load(cls, path: Path) -> "EpochState | None":
        """Read a state; None when there is none that can be used."""
        if not path.is_file():
            return None
        try:
            with safe_open(path, framework="pt") as file:
                note = json.loads((file.metadata() or {})[_NOTE])
                return cls({name: file.get_tensor(name) for name in file.keys()}, note)  # noqa: SIM118
        except (OSError, ValueError, KeyError, SafetensorError):
            return None

    def part(self, prefix: str) -> dict[str, Tensor]:
        """Tensors whose name starts with ``prefix.``, without it."""
        start = f"{prefix}."
        return {name.removeprefix(start): t for name, t in self.tensors.items() if name.startswith(start)}

    def fits(self, weights: Mapping[str, Tensor]) -> bool:
        """Whether the state is of a model with these weights."""
        own = self.part("model")
        return {k: v.shape for k, v in own.items()} == {k: v.shape for k, v in weights.items()}


def named(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Put a prefix before names; ``EpochState.part`` takes it away."""
    return {f"{prefix}.{name}": value for name, value in tensors.items()}


def generator_tensors() -> dict[str, Tensor]:
    """State of torch's global generators."""
    states = {_GENERATOR: torch.get_rng_state()}
    if torch.cuda.is_available():
        states |= {f"{_CUDA}{k}": state for k, state in enumerate(torch.cuda.get_rng_state_all())}
    return states


def restore_generators(tensors: dict[str, Tensor]) -> None:
    """Put torch's global generators back where ``generator_tensors`` found them."""
    torch.set_rng_state(tensors[_GENERATOR])
    cuda = [tensors[name] for name in sorted(tensors) if name.startswith(_CUDA)]
    if cuda and len(cuda) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(cuda)


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Moments and step counts by parameter number and name."""
    state = optimizer.state_dict()["state"]
    return {f"{number}.{name}": value for number, own in state.items() for name, value in own.items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Undo ``optimizer_tensors``; learning rates are set at every step and need no restoring."""
    content = optimizer.state_dict()
    content["state"] = {}
    for key, value in tensors.items():
        number, _, name = key.partition(".")
        content["state"].setdefault(int(number), {})[name] = value
    optimizer.load_state_dict(content)


def numpy_state(rng: np.random.Generator) -> Json:
    """State of a NumPy generator."""
    return dict(rng.bit_generator.state)


def restore_numpy(rng: np.random.Generator, state: Json) -> None:
    """Put a NumPy generator back."""
    rng.bit_generator.state = state
