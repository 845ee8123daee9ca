"""Values per tile laid out as a grid over the slide."""

import numpy as np

from icicore.embeddings.bag import Bag
from icicore.types import F32


def tile_grid(bag: Bag, values: F32) -> F32:
    """Grid (rows, cols) of one value per tile, (n,); NaN where there is no tile."""
    grid = np.full((bag.grid.rows, bag.grid.cols), np.nan, np.float32)
    grid[bag.index[:, 0], bag.index[:, 1]] = values
    return grid


def fine_grid(bag: Bag, maps: F32) -> F32:
    """Grid (rows * h, cols * w) of one map per tile, (n, h, w); NaN where there is no tile."""
    _, h, w = maps.shape
    grid = np.full((bag.grid.rows, h, bag.grid.cols, w), np.nan, np.float32)
    grid[bag.index[:, 0], :, bag.index[:, 1], :] = maps
    return grid.reshape(bag.grid.rows * h, bag.grid.cols * w)


def descending_ranks(values: F32) -> list[int]:
    """Rank of each value, 1 for the largest; ties in order of appearance."""
    ranks = np.empty(len(values), np.int64)
    ranks[np.argsort(-values, kind="stable")] = np.arange(1, len(values) + 1)
    return [int(r) for r in ranks]
