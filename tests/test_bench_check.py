"""The check against stored ratios says which part became slower."""

import json
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def check(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from speed import check

    return check


def test_a_loss_of_more_than_a_fifth_is_named(check):
    stored = {"a": 5.0, "b": 5.0, "c": 2.0}
    assert check.lost(stored, {"a": 4.01, "b": 3.99}) == ["b: 3.99 times, stored 5 times"]
    assert check.lost(stored, {"a": 9.0, "b": 5.0, "c": 2.0}) == []


def test_the_check_fails_and_passes_by_its_exit_code(check, monkeypatch, tmp_path, capsys):
    path = tmp_path / "ratios.json"
    path.write_text(json.dumps({"ratios": {"reading": 6.0}}))
    monkeypatch.setattr(check, "STORED", path)
    monkeypatch.setattr(sys, "argv", ["check"])
    monkeypatch.setattr(check, "tune_allocator", lambda: True)
    monkeypatch.setattr(check.torch, "set_num_threads", lambda n: None)
    for found, code in ((5.9, 0), (3.0, 1)):
        monkeypatch.setattr(check, "measure", lambda rounds, found=found: {"reading": found})
        with pytest.raises(SystemExit) as stopped:
            check.main()
        assert bool(stopped.value.code) == bool(code)
    assert "slower than stored: reading: 3 times, stored 6 times" in capsys.readouterr().err


def test_the_stored_ratios_are_advantages(check):
    stored = json.loads(check.STORED.read_text())
    assert set(stored) == {"ratios", "machine"} and len(stored["ratios"]) >= 4
    assert all(1 < value <= check.CEILING for value in stored["ratios"].values())
