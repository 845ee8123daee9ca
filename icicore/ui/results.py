"""Reading of result folders. Pure results are cached under the file's path and time of change."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from icicore.types import F32, Json
from icicore.workflows.cases import CaseResult

GRADCAM = "gradcam"


@dataclass(frozen=True)
class Tile:
    """One tile of a slide, as the inspector shows it. Coordinates are level-0 px of the slide, ranks start at 1.

    ``leave_one_out`` (logit) and ``tile_class`` (place in the layer's list) are None in results without them.
    """

    index: int
    n: int
    row: int
    col: int
    x_l0: float
    y_l0: float
    attention: float
    contribution: float
    attention_rank: int
    contribution_rank: int
    mean_attention: float
    leave_one_out: float | None = None
    tile_class: int | None = None


def slide_folder(result: CaseResult, layers: Json) -> Path:
    """Folder of one slide's layers."""
    return result.folder / "slides" / str(layers["digest"])[:16]


def load_tiles(result: CaseResult, layers: Json) -> pd.DataFrame | None:
    """Tiles of a slide in bag order, with the columns of tiles.json; None when there are none."""
    path = slide_folder(result, layers) / "tiles.json"
    return _tiles(str(path), path.stat().st_mtime_ns) if path.is_file() else None


@st.cache_data(show_spinner=False, max_entries=32)
def _tiles(path: str, modified: int) -> pd.DataFrame:
    columns = json.loads(Path(path).read_text(encoding="utf-8"))
    return pd.DataFrame({k: v for k, v in columns.items() if isinstance(v, list)})


def load_features(result: CaseResult) -> list[Json]:
    """Ranked features over all modalities, strongest first; empty when the result has none."""
    path = result.folder / "features.json"
    return _features(str(path), path.stat().st_mtime_ns) if path.is_file() else []


@st.cache_data(show_spinner=False, max_entries=32)
def _features(path: str, modified: int) -> list[Json]:
    return list(json.loads(Path(path).read_text(encoding="utf-8")))


def tile_at(tiles: pd.DataFrame, index: int) -> Tile | None:
    """The tile with this index, or None when there is no such tile."""
    if not 0 <= index < len(tiles):
        return None
    row = tiles.iloc[index]
    return Tile(
        index=index,
        n=len(tiles),
        row=int(row["row"]),
        col=int(row["col"]),
        x_l0=float(row["x_l0"]),
        y_l0=float(row["y_l0"]),
        attention=float(row["attention"]),
        contribution=float(row["contribution"]),
        attention_rank=_rank(tiles, "attention", index),
        contribution_rank=_rank(tiles, "contribution", index),
        mean_attention=float(tiles["attention"].mean()),
        leave_one_out=float(row["leave_one_out"]) if "leave_one_out" in tiles else None,
        tile_class=int(row["tile_class"]) if "tile_class" in tiles else None,
    )


def _rank(tiles: pd.DataFrame, column: str, index: int) -> int:
    """Rank from 1 (highest). Computed here, so that it does not depend on how the file numbers its ranks."""
    values = tiles[column].to_numpy(dtype=float)
    return int((values > values[index]).sum()) + 1


def cam_block(result: CaseResult, layers: Json, row: int, col: int) -> tuple[F32, float] | None:
    """Grad-CAM cells of one tile and the top of the slide's scale, or None when the layer is absent.

    Returns
    -------
    float32 (cells, cells) with NaN where nothing was computed, and the 99.5th percentile over the slide
    """
    layer = next((x for x in layers["layers"] if x["id"] == GRADCAM), None)
    if layer is None:
        return None
    path = slide_folder(result, layers) / str(layer["file"])
    if path.name != str(layer["file"]) or not path.is_file():
        return None
    cells = int(layer["cells_per_tile"])
    grid = np.load(path, mmap_mode="r", allow_pickle=False)
    block = np.array(grid[row * cells : (row + 1) * cells, col * cells : (col + 1) * cells], dtype=np.float32)
    if block.shape != (cells, cells):
        return None
    return block, _grid_top(str(path), path.stat().st_mtime_ns)


@st.cache_data(show_spinner=False, max_entries=64)
def _grid_top(path: str, modified: int) -> float:
    grid = np.load(path, allow_pickle=False)
    finite = grid[np.isfinite(grid)]
    return float(np.percentile(finite, 99.5)) if finite.size else 0.0
