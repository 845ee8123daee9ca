"""Settings, fingerprints, atomic writes, errors."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from icicore.errors import InputError
from icicore.fingerprint import atomic_path, fingerprint, write_json
from icicore.settings import read_settings


@dataclasses.dataclass(frozen=True)
class Spec:
    tile_px: int = 256
    mpp: float = 0.5
    names: tuple[str, ...] = ("a",)
    matrix: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(3))


@pytest.mark.parametrize(
    "change", [{"tile_px": 255}, {"mpp": 0.5000001}, {"names": ("a", "b")}, {"matrix": np.array([0, 0, 1e-9])}]
)
def test_every_field_changes_the_fingerprint(change):
    assert fingerprint(Spec()) == fingerprint(Spec())
    assert fingerprint(dataclasses.replace(Spec(), **change)) != fingerprint(Spec())


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    target = tmp_path / "prediction.json"
    write_json(target, {"old": 1})
    with pytest.raises(RuntimeError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError("interrupted")
    assert json.loads(target.read_text()) == {"old": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["prediction.json"]


def test_json_never_holds_nan(tmp_path: Path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"value": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_an_input_error_is_one_line_with_file_name_only():
    error = InputError(Path("/secret/folder/x.maf"), "is\nempty", expected="rows", remedy="export it again")
    assert str(error) == "x.maf: is empty; expected rows; export it again"


def test_settings_have_defaults_and_read_the_environment(tmp_path: Path):
    default = read_settings({})
    assert default.home.name == ".icicore"
    assert default.demo_dir in default.roots
    changed = read_settings(
        {"ICICORE_HOME": str(tmp_path), "ICICORE_ROOTS": f"{tmp_path}:/data", "ICICORE_DEVICE": " "}
    )
    assert changed.home == tmp_path
    assert changed.roots == (tmp_path, Path("/data"))
    assert changed.device == "auto"
    with pytest.raises(InputError, match="ICICORE_PRECISION"):
        read_settings({"ICICORE_PRECISION": "fp7"})
