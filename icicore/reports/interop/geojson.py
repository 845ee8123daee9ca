"""Tiles and annotations of a result as GeoJSON that QuPath opens."""

import json

from icicore.explain.geojson import tile_feature
from icicore.reports.interop.content import CaseContent, SlideResult
from icicore.types import Json

_MEASURED = {
    "attention": "Attention",
    "contribution": "Contribution (logit)",
    "leave_one_out": "Leave one out (logit)",
}


def geojson_files(content: CaseContent) -> dict[str, bytes]:
    """File name to content: the tiles of each slide, and what people drew on it."""
    files = {}
    for slide in content.slides:
        files[f"{slide.slide_id}_tiles.geojson"] = _text(_tiles(content, slide))
        if slide.annotations is not None:
            files[f"{slide.slide_id}_annotations.geojson"] = _text(slide.annotations)
    return files


def _tiles(content: CaseContent, slide: SlideResult) -> Json:
    """QuPath shows the scanned area alone and counts from its corner, so that is where coordinates start."""
    left, top = (float(v) for v in slide.layers["bounds_l0"][:2])
    side, table = float(slide.layers["tile_l0"]), slide.tiles
    measured = {shown: table[name] for name, shown in _MEASURED.items() if name in table}
    features = [
        tile_feature(
            (float(table["x_l0"][i]) - left, float(table["y_l0"][i]) - top),
            side,
            place=(int(table["row"][i]), int(table["col"][i])),
            measurements={shown: float(values[i]) for shown, values in measured.items()},
        )
        for i in range(int(table["n"]))
    ]
    return {
        "type": "FeatureCollection",
        "features": features,
        "response_probability": content.prediction.get("probability"),
    }


def _text(collection: Json) -> bytes:
    return json.dumps(collection, ensure_ascii=False, allow_nan=False).encode()
