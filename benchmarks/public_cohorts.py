"""Real patients: train on some cohorts, test on others, beside the best simple score. One command:

    python benchmarks/public_cohorts.py --cohorts DIR --out DIR

``DIR`` holds cBioPortal study folders; each is imported first. Every split is external (leave one cohort out) or a
repeated cross-validation within one cohort with the AUC computed per fold: pooled over cohorts, an AUC reads the
cohort, because response rates differ. Cohorts of tumours out of scope are never trained on.
"""

import argparse
import os
import tempfile
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import torch
from cohort_scores import (
    FITTED,
    bundle_scores,
    measured_rows,
    own_model,
    simple_scores,
    trained_bundle,
    transferred,
)
from sklearn.linear_model import LogisticRegression

from icicore.domain import TumourType
from icicore.errors import InputError
from icicore.evaluation.delong import auc_interval, compare
from icicore.evaluation.metrics import auc_roc
from icicore.evaluation.resampled import fold_mean
from icicore.fingerprint import write_bytes, write_json
from icicore.genomics.alignment import align_cohort, rank_within_samples
from icicore.genomics.features import TokenScaler
from icicore.settings import read_settings
from icicore.training.pool import aligned_to, pool_studies
from icicore.training.splits import stratified_folds
from icicore.training.study import read_study
from icicore.workflows.cohorts import import_study

FOLDS = 5
SIMPLE = ("tmb", "pdl1", "signature", "loris", *FITTED)
FEWEST_SHARE = 0.5
"""A comparator known for fewer of the patients is shown, but is not the one to match."""


def main() -> None:
    torch.set_num_threads(1)
    asked = arguments()
    with tempfile.TemporaryDirectory() as scratch:
        result = measured(asked, Path(scratch))
        result["settings"] = {k: str(v) if isinstance(v, Path) else v for k, v in vars(asked).items()}
    write_json(asked.out / "public_cohorts.json", result)
    write_bytes(asked.out / "public_cohorts.md", markdown(result).encode())
    print(markdown(result))


def measured(asked: argparse.Namespace, scratch: Path) -> dict:
    """All measurements; bundles and imported copies go to ``scratch``."""
    studies = imported(asked.cohorts, scratch)
    return {
        "cohorts": {s.name: facts(s) for s in studies},
        "external": [external(s, studies, asked, scratch) for s in studies],
        "within": [within(s, asked) for s in studies],
        "normalisation": normalisation(studies, asked.seed),
    }


def arguments() -> argparse.Namespace:
    data = os.environ.get("ICICORE_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cohorts", type=Path, default=Path(data) / "cohorts", help="folder of cBioPortal studies")
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder for the table and the JSON")
    parser.add_argument("--kinds", nargs="*", default=["genomic", "multimodal"], help="models to train")
    parser.add_argument("--members", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--repeats", type=int, default=10, help="of the cross-validation of simple scores")
    parser.add_argument("--model-repeats", type=int, default=2, help="of the cross-validation of the model; 0: none")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def imported(folder: Path, home: Path) -> list:
    """Every study of the folder that can be trained or tested on; the others are named."""
    settings = read_settings({"ICICORE_HOME": str(home)})
    found = []
    for place in sorted(p for p in folder.iterdir() if p.is_dir()):
        try:
            report = import_study(settings, place)
        except InputError as error:
            print(f"left out: {error}")
            continue
        if report["usable"].startswith("usable"):
            found.append(read_study(Path(report["folder"]), any_tumour=True))
        else:
            print(f"left out: {report['name']}: {report['usable']}; {'; '.join(report['notes'])}")
    return found


def in_scope(study) -> bool:
    return set(study.tumour_types) <= set(TumourType)


def facts(study) -> dict:
    return {
        "n": len(study),
        "responders": int(study.responder.sum()),
        "tumours": sorted(set(study.tumour_types)),
        "endpoint": study.endpoint or "objective response",
        "in_scope": in_scope(study),
        "with_expression": int(measured_rows(study).sum()),
        "notes": list(study.notes),
    }


def external(test, studies, asked, scratch: Path) -> dict:
    """Train on the other cohorts in scope; the test cohort is seen without its labels, once, at the end."""
    others = [s for s in studies if in_scope(s) and s.name != test.name]
    if not others:
        return {"test": test.name, "trained_on": [], "scores": {}, "pairs": []}
    pool = pool_studies(others, name=f"without-{test.name}")
    kinds = np.array(pool.token_kinds)
    scaler = TokenScaler.fit(pool.gene_values, pool.gene_measured, n_binary=int((kinds == "mutation").sum()))
    scores = simple_scores(test)
    scores |= {name: transferred(fit, pool, aligned_to(test, scaler)) for name, fit in FITTED.items()}
    for kind in asked.kinds:
        try:
            bundle = trained_bundle(pool, kind, scratch, members=asked.members, epochs=asked.epochs, seed=asked.seed)
        except InputError as error:  # too few patients in the other cohorts
            print(f"not trained: {kind}: {error}")
            continue
        scores[kind] = bundle_scores(bundle, test, align=True)
        scores[f"{kind}, training statistics"] = bundle_scores(bundle, test, align=False)
    scores = {name: s for name, s in scores.items() if np.isfinite(s).sum() > FOLDS}
    best = to_match({name: auc(test.responder, s) for name, s in scores.items() if share(s) >= FEWEST_SHARE})
    pairs = [pair(test.responder, name, scores[name], best, scores[best]) for name in asked.kinds if name in scores]
    shown = {name: auc(test.responder, s) for name, s in scores.items()}
    print(test.name, {name: round(v["value"], 3) for name, v in shown.items()}, flush=True)
    return {
        "test": test.name,
        "trained_on": [s.name for s in others],
        "scores": shown,
        "best_simple": best,
        "pairs": pairs,
    }


def share(score) -> float:
    return float(np.isfinite(score).mean())


def auc(labels, score) -> dict:
    known = np.isfinite(score)
    value, low, high = auc_interval(labels[known], score[known])
    return {"value": value, "interval95": [low, high], "n": int(known.sum()), "responders": int(labels[known].sum())}


def to_match(shown: dict) -> str:
    """The best simple score on the very patients of the test: a choice that favours the simple side."""
    return max((n for n in shown if n in SIMPLE), key=lambda name: shown[name]["value"])


def pair(labels, first: str, a, second: str, b) -> dict:
    both = np.isfinite(a) & np.isfinite(b)
    found = compare(labels[both], a[both], b[both])
    return {
        "model": first,
        "simple": second,
        "n": int(both.sum()),
        "difference": found.difference,
        "interval95": list(found.interval95),
        "p": found.p,
        "matches": bool(found.interval95[1] >= 0),
    }


def within(study, asked) -> dict:
    """Repeated cross-validation inside one cohort: AUC per fold, then the mean over folds with a corrected interval."""
    fits = {**FITTED, **({"genomic": own_model("genomic", epochs=asked.epochs, seed=asked.seed)})}
    repeats = {name: asked.model_repeats if name == "genomic" else asked.repeats for name in fits}
    fixed = simple_scores(study)
    folds: dict[str, list[float]] = {name: [] for name in (*fixed, *fits, "null: elastic net, labels permuted")}
    rows = np.arange(len(study), dtype=np.int32)
    for repeat in range(asked.repeats):
        rng = np.random.default_rng([asked.seed, repeat])
        shuffled = replace(study, responder=rng.permutation(study.responder), grades=None)
        for test in stratified_folds(rows, study.responder, FOLDS, rng=rng):
            train = np.setdiff1d(rows, test)
            for name, score in fixed.items():
                folds[name].append(fold_auc(study, test, score[test]))
            for name, fit in fits.items():
                if repeat < repeats[name]:
                    folds[name].append(fold_auc(study, test, fit(study, train, test)))
            null = FITTED["elastic net"](shuffled, train, test)
            folds["null: elastic net, labels permuted"].append(fold_auc(shuffled, test, null))
    shown = {name: estimate(values) for name, values in folds.items() if np.isfinite(values).any()}
    rare = {name for name, score in fixed.items() if share(score) < FEWEST_SHARE}
    best = to_match({name: found for name, found in shown.items() if name not in rare})
    difference = None
    if asked.model_repeats:
        n = len(folds["genomic"])
        difference = estimate(list(np.array(folds["genomic"]) - np.array(folds[best][:n])))
        difference |= {"difference": difference["value"]}
    print(study.name, {name: round(v["value"], 3) for name, v in shown.items()}, flush=True)
    return {
        "cohort": study.name,
        "folds": FOLDS,
        "scores": shown,
        "best_simple": best,
        "genomic_minus_best": difference,
    }


def fold_auc(study, rows, score) -> float:
    known = np.isfinite(score)
    return auc_roc(study.responder[rows][known], score[known]) if known.any() else float("nan")


def estimate(values) -> dict:
    found = fold_mean(np.array(values, np.float64), train_share=1 - 1 / FOLDS)
    return {**found.to_json(), "folds": int(np.isfinite(values).sum())}


def normalisation(studies, seed: int) -> dict:
    """A linear model of expression from each cohort to each other, under five normalisations, as the cohort is and with
    a batch effect added (each gene moved by 1.5 and stretched by exp(0.2) standard normals on the log2 scale)."""
    rng = np.random.default_rng(seed)
    cohorts = [s for s in studies if measured_rows(s).sum() >= 2 * FOLDS]
    rows = []
    for first, second in permutations(cohorts, 2):
        rows.append({"train": first.name, "test": second.name, **transfer(first, second, rng)})
    names = list(rows[0]["auc"]) if rows else []
    mean = {
        name: {key: float(np.mean([row[key][name] for row in rows])) for key in ("auc", "auc_shifted", "moved")}
        for name in names
    }
    return {"transfers": rows, "mean": mean}


def transfer(first, second, rng) -> dict:
    expression = np.array(first.token_kinds) == "expression"
    (va, ma, ya), (vb, mb, yb) = (
        (s.gene_values[k], s.gene_measured[k], s.responder[k]) for s in (first, second) if (k := measured_rows(s)).any()
    )
    columns = np.flatnonzero(expression & ma.all(axis=0) & mb.all(axis=0))
    n_genes, n_binary = int(expression.sum()), first.token_kinds.count("mutation")
    shifted = vb.copy()
    shifted[:, expression] = vb[:, expression] * np.exp(0.2 * rng.normal(size=n_genes)) + 1.5 * rng.normal(size=n_genes)

    def ranked(values, measured):
        return rank_within_samples(values, measured, expression=expression)

    found: dict[str, dict[str, float]] = {"auc": {}, "auc_shifted": {}, "moved": {}}
    for name in ("training statistics", "cohort, centred", "cohort", "sample ranks", "sample ranks, then cohort"):
        before = ranked if name.startswith("sample") else lambda values, measured: values
        train = before(va, ma)
        scaler = TokenScaler.fit(train, ma, n_binary=n_binary)
        model = LogisticRegression(C=0.003, max_iter=2000).fit(scaler.transform(train, ma)[0][:, columns], ya)

        def score(values, name=name, before=before, scaler=scaler, model=model):
            shown = before(values, mb)
            if name.endswith("cohort"):
                shown = align_cohort(shown, mb, to=scaler, n_binary=n_binary)
            if name == "cohort, centred":
                own = TokenScaler.fit(shown, mb, n_binary=n_binary)
                shown = shown - np.where(expression, own.mean - scaler.mean, 0)
            return model.decision_function(scaler.transform(shown, mb)[0][:, columns])

        plain, moved = score(vb), score(shifted)
        found["auc"][name], found["auc_shifted"][name] = auc_roc(yb, plain), auc_roc(yb, moved)
        found["moved"][name] = float(np.mean(np.abs(moved - plain)) / plain.std())
    return {"n_train": len(ya), "n_test": len(yb), "genes": len(columns), **found}


def markdown(result: dict) -> str:
    lines = ["# Public cohorts", "", *cohort_table(result["cohorts"])]
    lines += ["", "## Trained on the other cohorts, tested on this one", "", *external_table(result["external"])]
    lines += ["", "## Repeated cross-validation within one cohort (AUC per fold)", "", *within_table(result["within"])]
    lines += ["", "## Which normalisation", "", *normalisation_table(result["normalisation"]["mean"])]
    return "\n".join(lines) + "\n"


def cohort_table(cohorts: dict) -> list[str]:
    rows = [
        [name, f["n"], f["responders"], ", ".join(f["tumours"]), f["endpoint"], f["with_expression"],
         "" if f["in_scope"] else "out of scope: tested only"]
        for name, f in cohorts.items()
    ]  # fmt: skip
    return table(["cohort", "patients", "responders", "tumour", "a responder is", "with expression", ""], rows)


def external_table(runs: list) -> list[str]:
    names = sorted({name for run in runs for name in run["scores"]}, key=lambda n: (n not in SIMPLE, n))
    rows = []
    for run in (r for r in runs if r["scores"]):
        versus = "; ".join(f"{p['model']} - {p['simple']}: {signed(p)}" for p in run["pairs"])
        rows.append([run["test"], *(cell(run["scores"].get(name)) for name in names), run["best_simple"], versus])
    return table(["test cohort", *names, "best simple", "model against it (DeLong)"], rows)


def within_table(runs: list) -> list[str]:
    names = list(dict.fromkeys(name for run in runs for name in run["scores"]))
    rows = [
        [run["cohort"], *(cell(run["scores"].get(name)) for name in names), run["best_simple"],
         signed(run["genomic_minus_best"]) if run["genomic_minus_best"] else "-"]
        for run in runs
    ]  # fmt: skip
    return table(["cohort", *names, "best simple", "genomic - best"], rows)


def normalisation_table(mean: dict) -> list[str]:
    rows = [[n, f"{v['auc']:.3f}", f"{v['auc_shifted']:.3f}", f"{v['moved']:.2f}"] for n, v in mean.items()]
    return table(["expression", "mean AUC", "with a batch effect added", "moved by it (SD of the score)"], rows)


def signed(found: dict) -> str:
    if found["difference"] is None:
        return "-"
    low, high = found["interval95"] or (float("nan"), float("nan"))
    return f"{found['difference']:+.3f} [{low:+.3f}, {high:+.3f}]"


def cell(found: dict | None) -> str:
    if found is None or found["value"] is None:
        return "-"
    low, high = found["interval95"] or (float("nan"), float("nan"))
    n = f" (n {found['n']})" if "n" in found else ""
    return f"{found['value']:.3f} [{low:.3f}-{high:.3f}]{n}"


def table(header: list, rows: list) -> list[str]:
    return [f"| {' | '.join(map(str, row))} |" for row in (header, ["---"] * len(header), *rows)]


if __name__ == "__main__":
    main()
