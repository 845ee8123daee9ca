"""A complete report of made-up scores; nothing is trained."""

import numpy as np

from icicore.evaluation.bootstrap import resamples
from icicore.evaluation.evaluate import Scores, discrimination, subset_row
from icicore.evaluation.oracle import oracle_section
from icicore.evaluation.reference import reference_paper
from icicore.evaluation.subgroups import subgroups, worst_group
from icicore.types import Json


def make_report(*, virtual: bool = True, study: str = "made-up") -> Json:
    """Report of 120 patients, two models and one comparator."""
    rng = np.random.default_rng(0)
    n = 120
    y = np.arange(n) % 3 == 0
    logit = rng.normal(-0.5, 1.0, n) + 1.4 * y
    fusion, concat = 1 / (1 + np.exp(-logit)), 1 / (1 + np.exp(-logit - rng.normal(0, 0.5, n)))
    tmb = np.where(np.arange(n) < 10, np.nan, rng.normal(size=n) + 0.3 * y)
    scores = [
        Scores("multimodal", fusion, bundle="a-virtual", threshold=0.3),
        Scores("concat", concat, bundle="b-virtual", threshold=0.3),
        Scores("TMB", tmb, probability=False),
    ]
    draws = resamples(y, rng, n=100)
    groups = subgroups(y, fusion, {"site": ["<b>one</b>", "two"] * (n // 2), "age": [None] * n})
    rates = {"attainable": fusion, "causes": fusion, "histology": concat, "genomics": concat, "clinical": rng.random(n)}
    return {
        "schema": 1, "study": study, "split": {"train": 300, "val": 60, "test": n}, "prevalence": float(y.mean()),
        "research_use": "Research use only", "virtual": virtual, "virtual_study": virtual,
        "external": False, "n": n, "responders": int(y.sum()),
        "tumour_types": {"melanoma": 70, "nsclc": 50}, "present": {"histology": n, "genomics": 110, "clinical": 115},
        "endpoint": "objective response", "bootstrap": 100, "seed": 0, "main": "multimodal",
        "bundles": [{"name": "a-virtual", "kind": "multimodal", "digest": "d" * 64, "members": 5, "virtual": virtual,
                     "trained_on": "made-up"}],
        "created_with": {"icicore": "0"},
        **discrimination(y, scores, draws),
        "oracle": oracle_section(y, {"multimodal": fusion}, rates, draws=draws, main="multimodal") if virtual else None,
        "subgroups": groups, "worst_subgroup": worst_group(groups),
        "modality_subsets": [subset_row(y, name, fusion, draws) for name in ("histology", "histology+genomics")],
        "fusion_against_concat": None,
        "modality_weights": None,
        "features": [
            {"rank": 1, "modality": "genomics", "name": "TMB", "importance": 0.03, "shuffle95": [0.02, 0.04],
             "attribution": 0.5, "planted": True if virtual else None},
            {"rank": 2, "modality": "clinical", "name": "sex", "importance": -0.001, "shuffle95": [-0.01, 0.01],
             "attribution": 0.0, "planted": False if virtual else None},
        ],
        "feature_notes": {"patients": n, "attributed": 4, "measures": None},
        "faithfulness": {
            "share_removed": 0.1, "kinds": {"attention": None, "gradcam": None}, "gradcam_note": "needs pixels",
            "leave_one_tile_out": {}, "deletion": {}, "shares": [], "planted_tiles": None,
        },
        "reference_paper": reference_paper(),
        "notes": ["a < b"],
    }  # fmt: skip
