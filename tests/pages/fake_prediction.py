"""What a model says of a made-up case: prediction.json, features.json and the proof of its bundle."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.pages.fake_slides import MPP

BUNDLE = "b" * 64
N_MUTATION, N_EXPRESSION = 500, 1100
TIL = "TIL density at the margin"
NAMED = {
    ("TMB", "tmb"): 0.42, ("CXCL9", "expression"): 0.37, ("CD274", "expression"): 0.31, ("STK11", "mutation"): -0.28,
    ("GZMB", "expression"): 0.22, ("TGFB1", "expression"): -0.19, ("B2M", "mutation"): -0.17,
    ("IFNG", "expression"): 0.15, ("CTNNB1", "mutation"): -0.12, ("HLA-DRA", "expression"): 0.11,
    ("VEGFA", "expression"): -0.10, ("POLE", "mutation"): 0.09,
}  # fmt: skip


def prediction_json(layers: Sequence[dict[str, Any]], *, seed: int = 3) -> dict[str, Any]:
    """A prediction as in the contract; the contributions add up to the probability."""
    base, parts = -0.49, {"histology": 0.58, "genomics": 0.61, "clinical": -0.17}
    if not layers:
        parts["histology"] = None
    logit = base + sum(v for v in parts.values() if v is not None)
    probability = 1 / (1 + np.exp(-logit))
    weights = {"histology": 0.46, "genomics": 0.41, "clinical": 0.13}
    if not layers:
        weights = {"histology": None, "genomics": 0.76, "clinical": 0.24}
    return {
        "schema": 1,
        "case_id": "DEMO-001",
        "status": "scored",
        "reasons": [],
        "probability": float(probability),
        "interval95": [0.47, 0.76],
        "calibrated": True,
        "threshold": 0.35,
        "base_logit": base,
        "modality_subsets": _subsets(base, parts),
        "readable_tiles": 0.83,
        "call": "likely responder",
        "modality_weights": weights,
        "modality_contributions": parts,
        "tumour_type": "melanoma",
        "training": {"study": "s", "n": 868, "responders": 315, "prevalence": 0.38, "virtual": True, "reference": True},
        "clinical": [
            {"name": "age", "value": 63.0, "unit": "years", "percentile": 48.0, "n": 826},
            {"name": "sex", "value": "F", "unit": "", "percentile": None, "n": 829, "share": 0.39},
            {"name": "ecog", "value": 1, "unit": "of 4", "percentile": 63.0, "n": 831},
        ],
        "measures": [
            {"name": TIL, "value": 1840.0, "unit": "lymphocytes/mm2", "percentile": 91.2, "n": 835},
        ],
        "comparators": {"tmb": 14.2, "pdl1": None, "loris": 0.41},
        "comparator_places": {"tmb": {"percentile": 78.0, "n": 853, "rate": 0.47}, "pdl1": None, "loris": None},
        "genes": _genes(np.random.default_rng(seed)),
        "slides": [_slide_entry(layer) for layer in layers],
        "bundle": {
            "name": "demo-virtual-lite0",
            "digest": BUNDLE,
            "backbone": "efficientnet_lite0",
            "backbone_digest": "c" * 64,
        },
        "versions": {"icicore": "0.1.0", "torch": "2.13.0", "openslide": "4.0.1"},
        "seconds": {"histology": 21.4, "genomics": 0.3, "model": 0.8},
    }


def _subsets(base: float, parts: dict[str, float | None]) -> dict[str, float]:
    used = [m for m, v in parts.items() if v is not None]
    picks = [[m for i, m in enumerate(used) if bits >> i & 1] for bits in range(1 << len(used))]
    return {"+".join(pick) or "none": base + sum(parts[m] or 0.0 for m in pick) for pick in picks}


def features_json(prediction: dict[str, Any]) -> list[dict[str, Any]]:
    """The ranked list over all modalities."""
    items = [
        ("histology", TIL, 0.71),
        ("histology", "tiles against response", -0.13),
        ("clinical", "ecog", -0.11),
    ]
    items += [
        ("genomics", f"{g['symbol']} {g['kind']}", g["attribution"]) for g in prediction["genes"] if g["measured"]
    ]
    items.sort(key=lambda item: -abs(item[2]))
    return [
        {
            "rank": i,
            "modality": m,
            "name": n.removesuffix(" tmb"),
            "value": 1.0,
            "importance": v,
            "direction": "for response" if v > 0 else "against response",
        }
        for i, (m, n, v) in enumerate(items, start=1)
    ]


def _slide_entry(layer: dict[str, Any]) -> dict[str, Any]:
    qc = {
        "tissue_mm2": 41.7, "blur_fraction": 0.021, "pen_fraction": 0.0, "fold_fraction": 0.008, "stain_kind": "H&E",
        "n_tiles": 300, "unreadable_tiles": 0, "stain_method": "macenko", "upsampling": 1.0,
    }  # fmt: skip
    return {"path": layer["path_name"], "digest": layer["digest"], "mpp": MPP, "n_tiles": 300, "qc": qc}


def _genes(rng: np.random.Generator) -> list[dict[str, Any]]:
    symbols = [(f"MUT{i}", "mutation") for i in range(N_MUTATION)] + [
        (f"GEX{i}", "expression") for i in range(N_EXPRESSION)
    ]
    for place, name in enumerate(NAMED):
        symbols[place * 131 % len(symbols)] = name
    genes = []
    for symbol, kind in symbols:
        measured = bool(rng.random() > 0.06) or (symbol, kind) in NAMED
        value = float(rng.random() < 0.03) if kind == "mutation" else float(rng.normal(5, 2))
        if (symbol, kind) in NAMED and kind != "expression":
            value = 14.2 if symbol == "TMB" else 1.0
        attribution = NAMED.get((symbol, kind), float(rng.normal(0, 0.01)))
        genes.append(
            {
                "symbol": symbol,
                "kind": kind,
                "value": value if measured else None,
                "measured": measured,
                "attention": float(rng.gamma(0.5, 1 / 800)) if measured else 0.0,
                "attribution": attribution if measured else None,
                "attention_range": [0.0001, 0.0042],
                "percentile": 91.0 if kind == "expression" and measured else None,
                "share": 0.12 if kind == "mutation" else None,
                "n": 843,
                **_changes(symbol, kind),
            }  # fmt: skip
        )
    return genes


def _changes(symbol: str, kind: str) -> dict[str, Any]:
    if kind != "mutation" or symbol not in {s for s, k in NAMED if k == "mutation"}:
        return {}
    return {"changes": [{"protein": "p.F354L", "class": "Missense_Mutation", "vaf": 0.31}]}


def proof_json() -> dict[str, Any]:
    """A proof as ``workflows.proof`` makes it: the model beats TMB and does not beat LORIS."""

    def row(name: str, kind: str, auc: float) -> dict[str, Any]:
        metric = {"value": auc, "interval95": [auc - 0.05, auc + 0.05]}
        rest = dict.fromkeys(("sensitivity", "specificity"), metric)
        return {"name": name, "kind": kind, "n": 248, "responders": 90, "threshold": 0.35, "auc_roc": metric, **rest}

    def against(difference: float, low: float) -> dict[str, Any]:
        bounds = [low, 2 * difference - low]
        return {"n": 240, "auc_difference": difference, "interval95": bounds, "delong_p": 0.01}

    def group(grouping: str, name: str, n: int) -> dict[str, Any]:
        auc = {"value": 0.87, "interval95": [0.79, 0.92]}
        head = {"grouping": grouping, "group": name, "n": n, "responders": n // 3}
        return {**head, "auc_roc": auc, "why_no_auc": None, "worst": name == "female"}

    grid = [0.0, 0.5, 1.0]
    bins = [
        {"low": k / 10, "high": (k + 1) / 10, "n": 20 + k, "predicted": k / 10 + 0.05, "observed": k / 10 + 0.04,
         "interval95": [k / 10, k / 10 + 0.09]}
        for k in range(10)
    ]  # fmt: skip
    return {
        "schema": 1, "bundle": "demo-virtual-lite0", "bundle_digest": BUNDLE, "study": "demo-cohort",
        "virtual_study": True, "virtual": True, "external": False, "endpoint": "objective response", "n": 248,
        "responders": 90, "prevalence": 0.36, "bootstrap": 1000, "main": "multimodal",
        "models": [row("multimodal", "model", 0.88), row("TMB", "comparator", 0.66), row("LORIS", "comparator", 0.86)],
        "against": {"TMB": against(0.22, 0.14), "LORIS": against(0.02, -0.05)},
        "curves": {"multimodal": {"roc": {"x": grid, "y": grid, "grid": grid, "low": grid, "high": grid}}},
        "calibration": {
            "multimodal": {"n": 245, "bins": bins, "slope": 1.1, "intercept": 0.0, "brier": 0.14, "ece": 0.043}
        },
        "subgroups": [group("tumour type", "melanoma", 119), group("tumour type", "nsclc", 129),
                      group("sex", "female", 89), group("age", "50 to 64", 108)],
    }  # fmt: skip
