"""Scoring, explaining and training never open the planted truth, not even by accident."""

import sys
from collections.abc import Iterator

import pytest

from icicore.simulate.truth_store import case_truth_folder, is_truth
from icicore.workflows.explanation_folder import explain_to_folder

_opened: list[str] = []
_listening = False


def _hook(event: str, args: tuple[object, ...]) -> None:
    if _listening and event == "open" and isinstance(args[0], str) and "truth" in args[0].split("/"):
        _opened.append(args[0])


sys.addaudithook(_hook)  # hooks cannot be removed, so this one is only switched


@pytest.fixture
def listening() -> Iterator[list[str]]:
    global _listening
    _opened.clear()
    _listening = True
    yield _opened
    _listening = False


def test_the_hook_sees_the_truth_being_opened(virtual_case, listening):
    next(case_truth_folder(virtual_case).iterdir()).read_bytes()
    assert len(listening) == 1


def test_explaining_a_virtual_case_does_not_open_its_truth(services, virtual_case, tmp_path, listening):
    assert case_truth_folder(virtual_case).is_dir()
    explain_to_folder(services, virtual_case, tmp_path / "out")
    assert listening == []
    assert is_truth(case_truth_folder(virtual_case))
