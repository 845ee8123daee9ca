"""What holds for every test."""

import os
from collections.abc import Iterator

import pytest

# Set before NumPy and torch are loaded. The networks and matrices here are too small for several threads, and whatever
# a test starts inherits it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Workers would give way to the other process of the tests, and whoever waits for them would wait for ever.
os.environ.setdefault("ICICORE_STEP_BACK", "0")


@pytest.fixture(autouse=True, scope="session")
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A home folder for what names none: the developer's own is neither read nor written, nor shared by two runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ICICORE_HOME", str(tmp_path_factory.mktemp("own-home")))
        yield


@pytest.fixture
def two_threads() -> Iterator[int]:
    """torch on two threads, to see that work which uses one puts the setting back."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield 2
    torch.set_num_threads(before)
