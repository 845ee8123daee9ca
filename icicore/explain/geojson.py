"""Tiles as GeoJSON that QuPath imports as tile objects with measurements."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from icicore.embeddings.bag import Bag
from icicore.explain.layers import TileScores
from icicore.fingerprint import write_bytes
from icicore.types import Json


def tiles_geojson(
    bag: Bag, scores: TileScores, *, probability: float | None = None, origin_l0: tuple[float, float] = (0.0, 0.0)
) -> Json:
    """Return a FeatureCollection with one closed polygon per tile, in level-0 px relative to ``origin_l0``.

    QuPath opens slides that state a scanned area (MIRAX, Leica SCN) cropped to it: give the corner of
    ``bounds_l0`` as ``origin_l0`` for those, unless QuPath was told not to crop.
    """
    side = bag.grid.tile_l0
    cams = None if scores.gradcam is None else np.maximum(scores.gradcam, 0).max(axis=(1, 2))
    features: list[Json] = []
    for i, (x, y) in enumerate((bag.coords_l0 - np.asarray(origin_l0)).tolist()):
        row, col = (int(v) for v in bag.index[i])
        measurements = {"Attention": float(scores.attention[i]), "Contribution (logit)": float(scores.contribution[i])}
        if cams is not None and np.isfinite(cams[i]):
            measurements["Grad-CAM maximum (logit)"] = float(cams[i])
        features.append(tile_feature((x, y), side, place=(row, col), measurements=measurements))
    collection: Json = {"type": "FeatureCollection", "features": features}
    return collection if probability is None else collection | {"response_probability": probability}


def tile_feature(
    corner: tuple[float, float], side: float, *, place: tuple[int, int], measurements: Mapping[str, float]
) -> Json:
    """One tile as a closed polygon: top left corner and side in level-0 px, row and column of the grid."""
    (x, y), (row, col) = corner, place
    corners = [(x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y)]
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [[[round(a, 3), round(b, 3)] for a, b in corners]]},
        "properties": {
            "objectType": "tile",
            "name": f"row {row}, column {col}",
            "isLocked": True,
            "measurements": dict(measurements),
        },
    }


def write_geojson(
    path: Path,
    bag: Bag,
    scores: TileScores,
    *,
    probability: float | None = None,
    origin_l0: tuple[float, float] = (0.0, 0.0),
) -> None:
    """Write `tiles_geojson` atomically."""
    content = tiles_geojson(bag, scores, probability=probability, origin_l0=origin_l0)
    write_bytes(path, json.dumps(content, ensure_ascii=False, allow_nan=False).encode())
