import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from icicore.slides.geometry import finest_sufficient_level, grid_shape, tile_corners_l0, tile_side_l0

mpps = st.floats(0.1, 2.0)


@given(st.integers(1, 200_000), st.integers(1, 200_000), mpps, st.integers(16, 1024))
def test_grid_covers_the_area_and_no_more(width: int, height: int, mpp: float, tile_px: int) -> None:
    side = tile_side_l0(tile_px, 0.5, mpp)
    rows, cols = grid_shape((width, height), side)
    assert rows >= 1 and cols >= 1
    assert cols * side >= width - 2e-3 * side and rows * side >= height - 2e-3 * side
    assert cols == 1 or (cols - 1) * side < width
    assert rows == 1 or (rows - 1) * side < height


@given(st.integers(0, 2000), st.integers(0, 2000), st.floats(-1e5, 1e5), st.floats(-1e5, 1e5), mpps)
def test_corners_do_not_drift(row: int, col: int, x: float, y: float, mpp: float) -> None:
    side = tile_side_l0(256, 0.5, mpp)
    corner = tile_corners_l0(np.array([[row, col]], np.int32), (x, y), side)[0]
    assert corner.tolist() == [x + col * side, y + row * side]


def test_tile_side_of_common_scanners() -> None:
    assert tile_side_l0(256, 0.5, 0.25) == 512
    assert tile_side_l0(256, 0.5, 0.5) == 256
    assert abs(tile_side_l0(256, 0.5, 0.37) - 345.945945945946) < 1e-9
    assert abs(tile_side_l0(256, 0.5, 0.74) - 172.972972972973) < 1e-9


def test_remainder_from_rounding_is_no_column() -> None:
    assert grid_shape((2560, 2560), 256.0001) == (10, 10)
    assert grid_shape((2560, 2560), 255.9999) == (10, 10)
    assert grid_shape((2561, 100), 256.0) == (1, 11)


def test_level_choice() -> None:
    assert finest_sufficient_level((1.0, 4.0007, 16.01), 4.0) == 1
    assert finest_sufficient_level((1.0, 4.0007, 16.01), 3.9) == 0
    assert finest_sufficient_level((1.0, 3.1, 10.0), 9.0) == 1
    assert finest_sufficient_level((1.0, 3.1, 10.0), 200.0) == 2
    assert finest_sufficient_level((1.0, 3.1), 0.3) == 0


@given(st.floats(1, 1e4), st.lists(st.floats(1.0, 300.0), max_size=6))
def test_level_is_never_too_coarse(downsample: float, others: list[float]) -> None:
    levels = (1.0, *sorted(others))
    assert levels[finest_sufficient_level(levels, downsample)] <= downsample * 1.01
