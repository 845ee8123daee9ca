"""A member that is killed in the middle continues after its last finished epoch, to the bit."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from icicore.errors import Cancelled
from icicore.training.config import TrainConfig
from icicore.training.dataset import ScaledStudy, Scalers
from icicore.training.epochstate import EpochState
from icicore.training.fit import fit_member, model_config
from icicore.training.splits import Split
from tests.factories import make_study

CONFIG = TrainConfig(members=2, epochs=5, learning_rate=3e-3, device="cpu", patience=5, arms_first=False)
ROOT = Path(__file__).resolve().parents[2]

KILLED = """
import os, signal, sys
from pathlib import Path
import tests.training.test_resume as here
from icicore.training.config import TrainConfig

def stop(epoch, loss):
    if epoch == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

here.member(TrainConfig.model_validate_json(sys.argv[1]), keep=Path(sys.argv[2]), on_epoch=stop)
"""


def member(config: TrainConfig, **options: object):
    study = make_study(90)
    split = Split(*(np.arange(a, b, dtype=np.int32) for a, b in ((0, 60), (60, 75), (75, 90))))
    scaled = ScaledStudy(study, Scalers.fit(study, split.train))
    return fit_member(scaled, split, config, model=model_config(scaled, config, "multimodal"), index=1, **options)


def assert_same(one, two):
    assert one.history == two.history
    assert one.best_epoch == two.best_epoch
    assert one.loss == two.loss
    other = two.model.state_dict()
    for name, value in one.model.state_dict().items():
        assert torch.equal(value, other[name]), name


def test_a_member_killed_between_two_epochs_continues_to_the_bit(tmp_path):
    keep = tmp_path / "member.epoch.safetensors"
    command = [sys.executable, "-c", KILLED, CONFIG.model_dump_json(), str(keep), "2"]
    killed = subprocess.run(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(EpochState.load(keep).note["losses"]) == 3
    seen = []
    resumed = member(CONFIG, keep=keep, on_epoch=lambda number, loss: seen.append(number))
    assert seen == [3, 4]
    assert_same(resumed, member(CONFIG))


@pytest.mark.parametrize(
    "changes",
    [{"schedule": "plateau", "patience": 2, "learning_rate": 0.03}, {"folds": 3}, {"precision": "bf16"}],
    ids=["plateau", "folds", "bf16"],
)
def test_a_member_cancelled_in_the_middle_continues_to_the_bit(changes, tmp_path):
    config, keep = CONFIG.model_copy(update=changes), tmp_path / "state"

    def stop(epoch: int, loss: float) -> None:
        if epoch == 1:
            raise Cancelled("training")

    with pytest.raises(Cancelled):
        member(config, keep=keep, on_epoch=stop)
    assert_same(member(config, keep=keep), member(config))


def test_a_state_of_the_last_epoch_needs_no_further_training(tmp_path):
    keep = tmp_path / "state"
    whole = member(CONFIG, keep=keep)
    assert_same(member(CONFIG, keep=keep, on_epoch=lambda number, loss: pytest.fail("trained again")), whole)


@pytest.mark.parametrize("damage", ["truncated", "garbage", "of another architecture"])
def test_a_state_that_cannot_be_used_is_not_used(damage, tmp_path):
    keep = tmp_path / "state"
    member(CONFIG.model_copy(update={"epochs": 2, "width": 2.0}), keep=keep)
    content = keep.read_bytes()
    keep.write_bytes({"truncated": content[:-9], "garbage": b"x" * 99}.get(damage, content))
    short = CONFIG.model_copy(update={"epochs": 1})
    assert_same(member(short, keep=keep), member(short))


def test_the_state_is_plain_tensors_and_json(tmp_path):
    keep = tmp_path / "state"
    member(CONFIG.model_copy(update={"epochs": 1}), keep=keep)
    header = keep.read_bytes()
    note = json.loads(json.loads(header[8 : 8 + int.from_bytes(header[:8], "little")])["__metadata__"]["icicore.epoch"])
    assert set(note) == {"step", "history", "losses", "best_epoch", "schedule", "numpy"}
