"""Do the explanations find what was planted? Virtual patients of an unseen seed, rendered whole, against their truth.

    python benchmarks/explanation_truth.py --patients 6 --seed 31

Prints one line per patient: AUC of attention and of contribution for planted lymphocyte-rich margin tiles against the
rest, the class of the tile with the hottest Grad-CAM cell and how its lymphocyte density ranks on the slide, and how
many of the top 20 genes by attribution are planted; then the top 20 genes by mean absolute attribution over a cohort.
The truth is read only here.
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
from icicore.workflows.explanation_folder import explain_to_folder
from icicore.workflows.predictions import predict_case
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
        "hottest_density_rank": float((density <= truth.lymphocytes_per_mm2[hot[0] // 8, hot[1] // 8]).mean()),
        "planted_in_top20": sum(g["symbol"] in causal for g in genes),
        "n_causal": len(causal),
        "probability": round(prediction["probability"], 3),
        "oracle": round(patient.truth.oracle_probability, 3),
    }


def cohort_genes(services, patients, scratch: Path) -> list[str]:
    """The 20 gene tokens with the largest mean absolute attribution, the planted ones marked with a star."""
    total: dict[str, float] = {}
    for patient in patients:
        folder = write_case(patient, scratch / "genes" / patient.patient_id, render=False)
        for gene in predict_case(services, folder)["genes"]:
            name = f"{gene['symbol']}/{gene['kind']}"
            total[name] = total.get(name, 0.0) + abs(gene["attribution"])
    truth = patients[0].truth
    mutations, expression = set(truth.causal_mutations), set(truth.causal_expression)
    planted = {f"{g}/mutation" for g in mutations} | {f"{g}/expression" for g in expression} | {"TMB/tmb"}
    top = sorted(total, key=lambda name: -total[name])[:20]
    return [f"{name}{'*' if name in planted else ''}" for name in top]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=6)
    parser.add_argument("--seed", type=int, default=31)
    parser.add_argument("--cohort", type=int, default=40, help="patients for the cohort's ranking of genes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        services = build_services(read_settings({"ICICORE_HOME": f"{scratch}/home"}))
        pool = draw_patients(20 * options.patients + 2 * options.cohort, seed=options.seed)
        found = [p for p in pool if p.slide_spec is not None and p.mutations is not None and p.expression is not None]
        rows = [measure(services, p, Path(scratch) / p.patient_id) for p in found[: options.patients]]
        top = cohort_genes(services, found[-options.cohort :], Path(scratch))
    for row in rows:
        print(json.dumps(row))
    for name in ("auc_attention", "auc_contribution"):
        values = [r[name] for r in rows if r[name] is not None]
        print(f"{name}: median {np.median(values):.3f}, min {min(values):.3f}, n {len(values)}")
    print(f"planted among the cohort's top 20 genes: {sum(t.endswith('*') for t in top)}: {', '.join(top)}")


if __name__ == "__main__":
    main()
