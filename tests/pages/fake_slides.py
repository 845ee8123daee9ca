"""The result folder of a made-up slide: grids, table and thumbnails of its tiles."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from icicore.fingerprint import write_json

TILE_L0 = 512.0
MPP = 0.25


def slide_digest(number: int) -> str:
    return f"{number:x}" * 64


def write_slide(folder: Path, *, number: int, tiles: int, cols: int = 30) -> dict[str, Any]:
    """Write the slide below ``folder``, tissue in the middle; returns layers.json."""
    rng = np.random.default_rng(number)
    rows = 24
    digest = slide_digest(number)
    out = folder / "slides" / digest[:16]
    out.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[0:rows, 0:cols]
    distance = np.hypot((x - cols / 2) / cols, (y - rows / 2) / rows)
    order = np.argsort(distance, axis=None)[:tiles]
    cell = np.sort(order)
    row, col = cell // cols, cell % cols
    hot = np.exp(-((np.hypot(col - cols * 0.62, row - rows * 0.4) / 4) ** 2)) + 0.1 * rng.random(len(cell))
    attention = hot / hot.sum()
    contribution = (hot - hot.mean()) * 0.004
    cam = np.full((rows * 8, cols * 8), np.nan, np.float32)
    for r, c, h in zip(row, col, hot, strict=True):
        cam[r * 8 : r * 8 + 8, c * 8 : c * 8 + 8] = h * np.clip(rng.normal(0.4, 0.3, (8, 8)), 0, None)
    grids = {"attention": attention, "contribution": contribution, "tissue": np.ones(len(cell))}
    for name, values in grids.items():
        grid = np.full((rows, cols), np.nan, np.float32)
        grid[row, col] = values
        np.save(out / f"{name}.f32.npy", grid)
    np.save(out / "gradcam.f32.npy", cam)
    layers = _layers(number, digest, rows, cols, attention, contribution, float(np.nanmax(cam)))
    write_json(out / "layers.json", layers)
    _write_tiles(out, row, col, attention, contribution)
    _write_sheet(out, hot)
    return layers


def _layers(
    number: int, digest: str, rows: int, cols: int, attention: Any, contribution: Any, cam: float
) -> dict[str, Any]:
    limit = float(np.abs(contribution).max())
    listed = [
        ("attention", 1, "share of the slide embedding", [0.0, float(attention.max())], False),
        ("contribution", 1, "push on the logit", [-limit, limit], True),
        ("gradcam", 8, "Grad-CAM", [0.0, cam], False),
        ("tissue", 1, "share of tissue", [0.0, 1.0], False),
    ]
    return {
        "id": digest[:16], "digest": digest, "path_name": f"slide-{number}.tif", "width_l0": int(cols * TILE_L0),
        "height_l0": int(rows * TILE_L0), "mpp": MPP, "bounds_l0": [0, 0, int(cols * TILE_L0), int(rows * TILE_L0)],
        "origin_l0": [0.0, 0.0], "tile_l0": TILE_L0, "rows": rows, "cols": cols,
        "layers": [
            dict(id=i, file=f"{i}.f32.npy", cells_per_tile=n, meaning=m, scale="raw", range=r, signed=s)
            for i, n, m, r, s in listed
        ],
    }  # fmt: skip


def _write_tiles(out: Path, row: Any, col: Any, attention: Any, contribution: Any) -> None:
    def rank(values: Any) -> list[int]:
        return [int(r) + 1 for r in np.argsort(np.argsort(-values, kind="stable"), kind="stable")]

    columns = {
        "n": len(row), "row": row.tolist(), "col": col.tolist(), "x_l0": (col * TILE_L0).tolist(),
        "y_l0": (row * TILE_L0).tolist(), "attention": attention.tolist(), "contribution": contribution.tolist(),
        "attention_rank": rank(attention), "contribution_rank": rank(contribution),
    }  # fmt: skip
    write_json(out / "tiles.json", columns)


def _write_sheet(out: Path, hot: Any, px: int = 64) -> None:
    pages = []
    for number in range(-(-len(hot) // 256)):
        part = hot[number * 256 : (number + 1) * 256]
        page = np.full((16 * px, 16 * px, 3), 255, np.uint8)
        for i, h in enumerate(part):
            y, x = i // 16 * px, i % 16 * px
            page[y : y + px, x : x + px] = (230 - 60 * min(h, 1), 170 - 70 * min(h, 1), 205)
        buffer = io.BytesIO()
        Image.fromarray(page).save(buffer, format="JPEG", quality=85)
        (out / f"sheet_{number:03d}.jpg").write_bytes(buffer.getvalue())
        pages.append(f"sheet_{number:03d}.jpg")
    info = {"tile_px": px, "per_row": 16, "per_page": 256, "pages": pages, "n": len(hot)}
    (out / "sheet.json").write_text(json.dumps(info))
