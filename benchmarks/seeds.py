"""Several virtual cohorts, each trained and tested by itself: what is the model, and what the draw of 248 patients?

    python benchmarks/seeds.py --seeds 101 102 103 104 105 106 --work FOLDER --json FILE [--next]

Each seed gives a cohort of its own: 1,240 patients, split, trained with all comparisons by the shipped recipe, and
scored on its own test patients. About twelve minutes per seed and core; what is in FOLDER already is not made again, so
several may run side by side with other seeds, and one more with all of them prints the table. All seeds that were run
belong into it. The truth is read only here, by the evaluation.

A test of 248 patients moves the AUC-ROC by 0.02 and gives a perfectly calibrated model an ECE of 0.06. So the tests are
also taken together: AUC-ROC and efficiency as means over cohorts with the standard error that the tests' own spread
gives, differences weighted by the inverse of their DeLong variance, sensitivity and ECE over the patients of all tests.

With ``--next`` the models of each cohort are tested on all patients of the next cohort instead, the last ones on the
first cohort: five times as many patients per test, of another hospital's draw, none of which had a part in training,
calibration or threshold. No two of these tests share a patient or a model.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from icicore.evaluation.delong import compare
from icicore.evaluation.metrics import auc_roc, ece, sensitivity
from icicore.evaluation.oracle import efficiency
from icicore.evaluation.reliability import ece_debiased, ece_of_chance
from icicore.models.bundle import load_bundle
from icicore.settings import read_settings
from icicore.training.config import TrainConfig
from icicore.training.study import log_left_out, read_study
from icicore.training.train import train
from icicore.types import F64, Mask, no_progress
from icicore.workflows.evaluation.prepared import EvaluationSpec, prepare
from icicore.workflows.services import Services, build_services
from icicore.workflows.simulation import StudySpec, simulate_study

MAIN, CONCAT = "multimodal", "concat"
KINDS = (MAIN, CONCAT, "image", "genomic", "clinical")


@dataclass(frozen=True, eq=False)
class Tested:
    """Test patients of one cohort: outcome (n,), probability (n,) by model, threshold of the main one, and the truth.

    ``oracle`` (n,) is the probability that the patients' data allow; ``poor`` (n,) says that a modality is missing or
    was made uninformative.
    """

    y: Mask
    probability: dict[str, F64]
    threshold: float
    oracle: F64
    poor: Mask


def made(services: Services, place: Path, seed: int, patients: int) -> Path:
    """Simulate and train one cohort under ``place``, which is returned; what is there already is kept."""
    study_dir, bundle = place / "study", place / "bundle"
    if not (study_dir / "slides.tsv").exists():
        simulate_study(services, study_dir, StudySpec(patients, seed, bank_slides=60))
    if not (bundle / "bundle.json").exists():
        train(study_dir, bundle, TrainConfig(save_comparisons=True), no_progress)
    return place


def tested(place: Path, on: Path) -> Tested:
    """Score the models under ``place`` on the study under ``on``: on their own, its test patients, else on all."""
    study_dir, bundle = on / "study", place / "bundle"
    bundles = [load_bundle(bundle if kind == MAIN else bundle.with_name(f"bundle-{kind}")) for kind in KINDS]
    run = prepare(log_left_out(read_study(study_dir)), study_dir, bundles, EvaluationSpec(), no_progress)
    if run.truth is None:
        raise SystemExit(f"{study_dir}: holds no truth; expected a virtual study")
    readable = run.scorers[0].present & run.truth.informative
    probability = {s.name: s.values for s in run.scores if s.bundle is not None}
    return Tested(run.y, probability, bundles[0].spec.threshold, run.truth.oracle["attainable"], ~readable.all(axis=1))


def line(test: Tested) -> dict[str, float]:
    """Figures of one test."""
    y, p = test.y, test.probability[MAIN]
    auc, best = auc_roc(y, p), auc_roc(y, test.oracle)
    return {
        "n": len(y),
        "auc": auc,
        "oracle": best,
        "efficiency": efficiency(auc, best),
        "sensitivity": sensitivity(y, p >= test.threshold),
        "ece": ece(y, p),
        "ece_debiased": ece_debiased(y, p),
        "ece_if_calibrated": ece_of_chance(y, p)["mean"],
        "largest_p_against_arms": max(compare(y, p, test.probability[k]).p for k in ("image", "genomic", "clinical")),
        **{
            f"over_concat{name}": compare(y[who], p[who], test.probability[CONCAT][who]).difference
            for name, who in (("", np.ones(len(y), bool)), ("_poor", test.poor))
        },
        "n_poor": int(test.poor.sum()),
    }


def together(tests: Sequence[Tested], lines: Sequence[dict[str, float]]) -> dict[str, object]:
    """Figures of all tests, ``lines`` being those of each; see the head of this file."""
    y, p, called = (
        np.concatenate(parts)
        for parts in zip(*((t.y, t.probability[MAIN], t.probability[MAIN] >= t.threshold) for t in tests), strict=True)
    )
    return {
        "cohorts": len(tests),
        "n": len(y),
        "auc": _mean([row["auc"] for row in lines]),
        "efficiency": _mean([row["efficiency"] for row in lines]),
        "sensitivity": sensitivity(y, called),
        "ece": ece(y, p),
        "ece_debiased": ece_debiased(y, p),
        "ece_if_calibrated": ece_of_chance(y, p),
        "ece_of_each": _mean([row["ece"] for row in lines]),
        "ece_of_each_if_calibrated": _mean([row["ece_if_calibrated"] for row in lines]),
        "over_concat": _weighted(tests, poor=False),
        "over_concat_poor": _weighted(tests, poor=True),
    }


def _mean(values: Sequence[float]) -> dict[str, float | None]:
    """Mean, range, and standard error, which one value does not have."""
    error = float(np.std(values, ddof=1) / len(values) ** 0.5) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "standard_error": error, "least": min(values), "most": max(values)}


def _weighted(tests: Sequence[Tested], *, poor: bool) -> dict[str, float] | None:
    """Difference of AUC-ROC to concatenation, each test weighted by the inverse of its variance (fixed effect).

    A test with too few patients of a class, or ordered alike by both models, has no variance and is left out; ``n``
    counts the patients of the others. None where no test is left.
    """
    groups = [test.poor if poor else np.ones(len(test.y), bool) for test in tests]
    found = [
        (compare(t.y[who], t.probability[MAIN][who], t.probability[CONCAT][who]), int(who.sum()))
        for t, who in zip(tests, groups, strict=True)
    ]
    found = [(f, n) for f, n in found if f.standard_error > 0]
    if not found:
        return None
    weight = np.array([f.standard_error**-2 for f, _ in found])
    error = float(weight.sum() ** -0.5)
    middle = float(weight @ [f.difference for f, _ in found]) / weight.sum()
    low, high = middle - 1.96 * error, middle + 1.96 * error
    return {"n": sum(n for _, n in found), "difference": middle, "low": low, "high": high}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder of studies and bundles, one per seed")
    parser.add_argument("--patients", type=int, default=1240)
    parser.add_argument("--next", action="store_true", help="test on all patients of the next cohort")
    parser.add_argument("--json", type=Path, help="write all figures here")
    options = parser.parse_args()
    if options.next and len(options.seeds) < 2:
        parser.error("--next needs two seeds or more")
    torch.set_num_threads(1)
    services = build_services(read_settings())
    tests, lines = [], []
    places = [options.work / str(seed) for seed in options.seeds]
    for k, (seed, place) in enumerate(zip(options.seeds, places, strict=True)):
        on = (k + options.next) % len(places)
        for index in dict.fromkeys((k, on)):
            made(services, places[index], options.seeds[index], options.patients)
        tests.append(tested(place, places[on]))
        lines.append(line(tests[-1]))
        sys.stdout.write(f"{seed}: {json.dumps({k: round(v, 3) for k, v in lines[-1].items()})}\n")
        sys.stdout.flush()
    found = {"seeds": options.seeds, "next": options.next, "tests": lines, "together": together(tests, lines)}
    sys.stdout.write(json.dumps(found["together"], indent=1) + "\n")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
