"""Do the explanations find what was planted? Virtual patients of an unseen seed, rendered whole, against their truth.

    python benchmarks/explanation_truth.py --patients 6 --seed 31

Prints one line per patient: AUC of attention and of contribution for planted lymphocyte-rich margin tiles against the
rest, whether the hottest Grad-CAM cell lies on tissue and in which class, and how many of the top 20 genes by
attribution are planted. The truth is read only here.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from icicore.evaluation.metrics import auc_roc
from icicore.settings import read_settings
from icicore.simulate.case_writer import write_case
from icicore.simulate.spec import CLASSES
from icicore.simulate.truth import SlideTruth
from icicore.simulate.truth_store import case_truth_folder
from icicore.workflows.inference import explain_to_folder
from icicore.workflows.services import build_services
from icicore.workflows.simulation import draw_patients

MARGIN = CLASSES.index("margin_lymphocytes")


def measure(services, patient, folder: Path) -> dict:
    write_case(patient, folder)
    out = folder.parent / f"{folder.name}-explained"
    prediction = explain_to_folder(services, folder, out)
    slide = next(out.glob("slides/*"))
    tiles = json.loads((slide / "tiles.json").read_text())
    truth = SlideTruth.load(next(case_truth_folder(folder).glob("*.npz")))
    rows, cols = np.array(tiles["row"]), np.array(tiles["col"])
    label = truth.tile_class[rows, cols]
    planted = label == MARGIN
    cam = np.load(slide / "gradcam.f32.npy")
    hot = np.unravel_index(np.nanargmax(cam), cam.shape)
    hot_class = int(truth.tile_class[hot[0] // 8, hot[1] // 8])
    causal = {*patient.truth.causal_mutations, *patient.truth.causal_expression, "TMB"}
    genes = sorted(prediction["genes"], key=lambda g: -abs(g["attribution"]))[:20]
    density = truth.lymphocytes_per_mm2[rows, cols]
    enough = 0 < planted.sum() < len(planted)
    return {
        "id": patient.patient_id,
        "phenotype": patient.slide_spec.phenotype,
        "tiles": len(rows),
        "planted": int(planted.sum()),
        "auc_attention": auc_roc(planted, np.array(tiles["attention"])) if enough else None,
        "auc_contribution": auc_roc(planted, np.array(tiles["contribution"])) if enough else None,
        "density_correlation": float(np.corrcoef(np.argsort(np.argsort(tiles["contribution"])), density)[0, 1]),
        "hottest_cell": CLASSES[hot_class] if hot_class >= 0 else "no tissue",
        "planted_in_top20": sum(g["symbol"] in causal for g in genes),
        "n_causal": len(causal),
        "probability": round(prediction["probability"], 3),
        "oracle": round(patient.truth.oracle_probability, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=6)
    parser.add_argument("--seed", type=int, default=31)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        services = build_services(read_settings({"ICICORE_HOME": f"{scratch}/home"}))
        pool = draw_patients(20 * options.patients, seed=options.seed)
        found = [p for p in pool if p.slide_spec is not None and p.mutations is not None and p.expression is not None]
        rows = [measure(services, p, Path(scratch) / p.patient_id) for p in found[: options.patients]]
    for row in rows:
        print(json.dumps(row))
    for name in ("auc_attention", "auc_contribution"):
        values = [r[name] for r in rows if r[name] is not None]
        print(f"{name}: median {np.median(values):.3f}, min {min(values):.3f}, n {len(values)}")


if __name__ == "__main__":
    main()
