"""A small result with two layers on one slide, as the exports take it."""

import numpy as np

from icicore.reports.interop.content import CaseContent, SlideResult

DIGEST = "ab" * 32
SURNAME = "Lovelace"


def prediction(**changes):
    return {
        "case_id": "CASE-7",
        "tumour_type": "melanoma",
        "status": "limited",
        "reasons": [{"code": "pen", "message": f"{SURNAME}.svs: <b>ink</b>", "modality": "histology"}],
        "probability": 0.625,
        "interval95": [0.5, 0.75],
        "threshold": 0.3,
        "call": "likely responder",
        "modality_weights": {"histology": 0.5, "genomics": 0.5, "clinical": None},
        "modality_contributions": {"histology": 0.25, "genomics": -0.5, "clinical": None},
        "comparators": {"tmb": 12.5, "pdl1": None},
        "comparator_places": {"tmb": {"percentile": 80.0, "n": 900, "rate": 0.4}, "pdl1": None},
        "clinical": [{"name": "age", "value": 61.0, "unit": "years", "percentile": 39.0, "n": 826}],
        "measures": [],
        "genes": [
            {"symbol": "=cmd|x", "kind": "mutation", "value": 1.0, "measured": True, "attention": 0.1,
             "attribution": -0.2, "percentile": None, "share": 0.1, "n": 5, "attention_range": [0.05, 0.2],
             "changes": [{"protein": "p.V600E", "class": "missense"}]},
        ],
        "slides": [{"path": f"{SURNAME}.svs", "digest": DIGEST, "mpp": 0.25, "n_tiles": 5, "qc": {"tissue_mm2": 2.5}}],
        "training": {"n": 868, "responders": 315},
        "bundle": {"name": "demo-virtual", "digest": "cd" * 32, "virtual": True},
        "scored_at": "2026-11-21T18:44:44+00:00",
    } | changes  # fmt: skip


def layers():
    return {
        "digest": DIGEST, "path_name": f"{SURNAME}.svs", "width_l0": 4000, "height_l0": 3000, "mpp": 0.25,
        "bounds_l0": [0, 0, 4000, 3000], "origin_l0": [512.0, 256.0], "tile_l0": 512.0, "rows": 2, "cols": 3,
        "layers": [
            {"id": "attention", "file": "a", "cells_per_tile": 1, "meaning": "attention of each tile", "signed": False},
            {"id": "gradcam", "file": "g", "cells_per_tile": 2, "meaning": "Grad-CAM", "signed": False},
            {"id": "classes", "file": "c", "cells_per_tile": 1, "classes": ["lymphocytes", "tumour"]},
        ],
    }  # fmt: skip


def make_content(**changes) -> CaseContent:
    attention = np.array([[0.1, 0.2, np.nan], [0.3, 0.15, 0.25]], np.float32)
    row, col = np.nonzero(np.isfinite(attention))
    tiles = {
        "n": 5, "row": row.tolist(), "col": col.tolist(),
        "x_l0": (512 + 512.0 * col).tolist(), "y_l0": (256 + 512.0 * row).tolist(),
        "attention": attention[row, col].tolist(), "attention_rank": [5, 3, 1, 4, 2],
        "contribution": [0.1, -0.1, 0.2, 0.0, 0.05], "contribution_rank": [2, 5, 1, 4, 3],
        "tile_class": [0, 1, 1, 0, 1],
    }  # fmt: skip
    slide = SlideResult(layers(), tiles, {"attention": attention, "gradcam": attention.repeat(2, 0).repeat(2, 1)})
    return CaseContent(
        prediction=prediction(**changes),
        result_digest="ef" * 32,
        features=({"rank": 1, "modality": "genomics", "name": "TMB", "value": 0.9, "importance": 0.5,
                   "direction": "for response", "unit": ""},),
        slides=(slide,),
        judgements=({"judgement": "unlikely", "signed": "2026-11-22T08:00:00.000+00:00"},),
    )  # fmt: skip
