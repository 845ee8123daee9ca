import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from icicore.slides.resample import enlarge, shrink_area


def ramp(width: int, height: int) -> np.ndarray:
    """Red is the column, green the row: a pixel tells where it came from."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.arange(width) * 2
    image[..., 1] = np.arange(height)[:, None] * 2
    return image


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 10), st.floats(0, 10), st.floats(1.01, 5.0), st.integers(1, 16))
def test_shrinking_keeps_positions(x: float, y: float, scale: float, side: int) -> None:
    image = ramp(110, 110)
    result = shrink_area(image, (x, y), (side * scale, side * scale), (side, side)).astype(float)
    centres = (np.arange(side) + 0.5) * scale
    np.testing.assert_allclose(result[0, :, 0] / 2, x + centres - 0.5, atol=0.38)
    np.testing.assert_allclose(result[:, 0, 1] / 2, y + centres - 0.5, atol=0.38)


@settings(max_examples=60, deadline=None)
@given(st.floats(3, 10), st.floats(0.3, 0.95), st.integers(4, 32))
def test_enlarging_keeps_positions(x: float, scale: float, side: int) -> None:
    result = enlarge(ramp(60, 60), (x, x), (side * scale, side * scale), (side, side)).astype(float)
    centres = (np.arange(side) + 0.5) * scale
    np.testing.assert_allclose(result[side // 2, :, 0] / 2, x + centres - 0.5, atol=0.6)


def test_shrinking_by_hand() -> None:
    image = np.zeros((1, 4, 3), np.uint8)
    image[0, :, 0] = (0, 100, 200, 40)
    # Half of pixel 0, all of pixel 1, half of pixel 2 -> (0 + 100 + 100) / 2; then half of 2 and all of 3 over 1.5.
    assert shrink_area(image, (0.5, 0.0), (2.0, 1.0), (1, 1))[0, 0, 0] == 100
    assert shrink_area(image, (2.5, 0.0), (1.5, 1.0), (1, 1))[0, 0, 0] == round((100 + 40) / 1.5)


def test_whole_area_equals_mean() -> None:
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    expected = image.reshape(16, 4, 16, 4, 3).mean(axis=(1, 3))
    assert np.abs(shrink_area(image, (0, 0), (64, 64), (16, 16)) - expected).max() <= 0.51
    assert np.abs(shrink_area(image, (0.0, 0.001), (64, 63.998), (16, 16)) - expected).max() <= 1.1


def test_constant_stays_constant() -> None:
    image = np.full((50, 50, 3), 137, np.uint8)
    assert (shrink_area(image, (1.3, 2.7), (40.1, 39.9), (13, 17)) == 137).all()
    assert (enlarge(image, (3.3, 3.7), (20.1, 19.9), (33, 37)) == 137).all()
