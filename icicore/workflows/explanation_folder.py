"""Everything that the app shows of a case, as files for other programs: ``icicore explain``."""

import csv
import io
from pathlib import Path

import numpy as np

from icicore.explain.geojson import write_geojson
from icicore.explain.gradcam import read_bag_tile
from icicore.explain.heatmap import HeatmapStyle, Placement, render_heatmap, write_png
from icicore.explain.layers import Layer, TileScores
from icicore.fingerprint import write_bytes
from icicore.types import Json, Progress, no_progress
from icicore.workflows.casefolder import case_key, read_case
from icicore.workflows.evidence import SlideEvidence, open_case_slide
from icicore.workflows.inference import Scored, score, slide_scores, write_explanation
from icicore.workflows.records import record_score
from icicore.workflows.services import Services

THUMBNAIL_PX = 1600
"""Longer side of the heatmap pictures."""
N_TILES = 8
"""How many of the highest and of the lowest tiles are written as pictures."""


def explain_to_folder(
    services: Services,
    folder: Path,
    out: Path,
    *,
    bundle: str | None = None,
    progress: Progress = no_progress,
) -> Json:
    """Write the full explanation of a case folder: everything the app shows, as files for other programs.

    ``out`` gets prediction.json, genes.csv, features.csv and per slide grids, tiles.json, tiles.geojson (QuPath),
    heatmaps as PNG, and the highest and lowest tiles as PNG.
    """
    ref = services.bundle_ref(bundle)
    scored = score(services, read_case(folder), ref, keep_maps=True, progress=progress)
    layers = write_explanation(services, scored, out, progress=progress)
    record_score(services, case_key(folder), scored.prediction)
    _write_tables(scored, out)
    if scored.tiles is not None:
        start = 0
        for slide, slide_layers in zip(scored.evidence.slides, layers, strict=True):
            scores = slide_scores(scored.tiles, slice(start, start := start + len(slide.bag)))
            _write_slide_pictures(scored, slide, scores, slide_layers, out / "slides" / slide.digest[:16])
    return scored.prediction


def _write_slide_pictures(
    scored: Scored, slide: SlideEvidence, scores: TileScores, layers: list[Layer], folder: Path
) -> None:
    with open_case_slide(scored.evidence.case, slide.path) as reader:
        thumbnail = reader.thumbnail(THUMBNAIL_PX)
        x, y, width, height = map(float, reader.bounds_l0)
        grid = slide.bag.grid
        place = Placement(origin_l0=grid.origin_l0, tile_l0=grid.tile_l0, bounds_l0=(x, y, width, height))
        for layer in layers:
            if layer.id in ("attention", "contribution", "gradcam"):
                style = HeatmapStyle(title=layer.id.replace("gradcam", "Grad-CAM").capitalize())
                write_png(folder / f"{layer.id}.png", render_heatmap(thumbnail, layer, place, style))
        order = np.argsort(scores.attention, kind="stable")
        for name, indices in (("top", order[::-1][:N_TILES]), ("bottom", order[:N_TILES])):
            for rank, index in enumerate(indices, start=1):
                write_png(folder / f"{name}_tile_{rank:02d}.png", read_bag_tile(reader, slide.bag, int(index)))
    write_geojson(folder / "tiles.geojson", slide.bag, scores, probability=scored.prediction["probability"])


def _write_tables(scored: Scored, out: Path) -> None:
    genes = scored.prediction["genes"]
    columns = ("symbol", "kind", "value", "measured", "attention", "attribution")
    _write_csv(out / "genes.csv", columns, [tuple(g[c] for c in columns) for g in genes])
    fields = ("rank", "modality", "name", "value", "unit", "importance", "direction")
    rows = [row.to_json() for row in scored.features]
    _write_csv(out / "features.csv", fields, [tuple(r[f] for f in fields) for r in rows])


def _write_csv(path: Path, columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(["" if v is None else v for v in row] for row in rows)
    write_bytes(path, text.getvalue().encode())
