"""The picture of Grad-CAM over a tile."""

import base64
import io

import numpy as np
from PIL import Image

from icicore.ui import cam


def test_colours_run_from_dark_to_bright() -> None:
    ramp = cam.colour(np.linspace(0, 1, 50, dtype=np.float32)).astype(int).sum(axis=-1)
    assert (np.diff(ramp) > 0).all()
    assert cam.colour(np.float32([0, 1, 2, -1])).tolist()[0] == [0, 0, 4]


def test_hot_corner_lands_in_its_corner() -> None:
    block = np.zeros((8, 8), np.float32)
    block[0, 7] = 1.0  # top right
    alpha = cam.overlay(block, 1.0, px=256)[..., 3]
    y, x = np.unravel_index(int(alpha.argmax()), alpha.shape)
    assert y < 32 and x >= 224
    assert alpha[128:, :128].max() == 0  # tissue that the model ignored stays visible


def test_nan_and_an_empty_scale_are_transparent() -> None:
    assert cam.overlay(np.full((8, 8), np.nan, np.float32), 1.0)[..., 3].max() == 0
    assert cam.overlay(np.zeros((8, 8), np.float32), 0.0)[..., 3].max() == 0


def test_data_uri_is_the_same_picture() -> None:
    rgba = cam.overlay(np.random.default_rng(0).random((8, 8)).astype(np.float32), 1.0, px=64)
    content = base64.b64decode(cam.data_uri(rgba).split(",", 1)[1])
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(content))), rgba)
