"""Training in tests uses one thread: the operations are too small to share."""

import pytest
import torch

from icicore.models.tile_classes import load_tile_head

SHIPPED = "efficientnet_lite0@e8309ce24f73"
"""The encoder that the shipped tile-class head reads."""


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def head():
    found = load_tile_head(SHIPPED)
    assert found is not None
    return found
