"""What an interrupted training run has finished: members, and the last epoch of the one under way.

Kept beside the bundle until that is saved.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from icicore.fingerprint import write_bytes, write_json
from icicore.models.multimodal import ModelConfig
from icicore.models.zoo import build
from icicore.training.fit import Member


@dataclass(frozen=True)
class WorkFolder:
    """Members by name; ``key`` is the fingerprint of data and recipe, so that no stale member is ever reused."""

    folder: Path
    key: str

    @property
    def place(self) -> Path:
        """Folder of this data and recipe."""
        return self.folder / self.key[:16]

    def save(self, name: str, member: Member) -> None:
        """Keep a member; its JSON is written last and marks it as complete."""
        write_bytes(self.place / f"{name}.safetensors", save_tensors(dict(member.model.state_dict())))
        note = {"history": list(member.history), "best_epoch": member.best_epoch, "loss": member.loss}
        write_json(self.place / f"{name}.json", note)
        self.epoch_file(name).unlink(missing_ok=True)

    def epoch_file(self, name: str) -> Path:
        """Where the state of a member lies while it is being trained."""
        return self.place / f"{name}.epoch.safetensors"

    def load(self, name: str, architecture: ModelConfig) -> Member | None:
        """Return a kept member, or None when there is none that can be used."""
        note, weights = self.place / f"{name}.json", self.place / f"{name}.safetensors"
        if not note.is_file():
            return None
        model = build(architecture)
        try:
            content = json.loads(note.read_text(encoding="utf-8"))
            model.load_state_dict(load_tensors(weights.read_bytes()))
        except (OSError, ValueError, RuntimeError, SafetensorError):
            return None  # damaged: fit it again
        history = tuple(content["history"])
        return Member(model.eval(), history, int(content["best_epoch"]), float(content["loss"]))

    def remove(self) -> None:
        """Forget all members, those of other recipes too."""
        shutil.rmtree(self.folder, ignore_errors=True)
