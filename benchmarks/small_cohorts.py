"""A few hundred patients from two cohorts, as real ones come: what does each part of the recipe do there? One command:

    python benchmarks/small_cohorts.py --train STUDY --test STUDY [--model multimodal] [--pools 8]

Both studies are virtual (``icicore simulate``, of two seeds). Each pool is drawn from the first: a cohort of 90 with
expression and one of 200 without, and the two respond at different rates (20 and 40 %, or 45 and 25 %, in turn). Every
variant of the recipe is trained on the same pools and tested on all of the second study: with expression for every
other patient, with expression for nobody, where TMB alone is a score to match, and with every other patient having the
expression of somebody else, as in a cohort where expression says nothing. The last figure is how far a patient's logit
moves when their expression is hidden, counted as positive towards the training cohort that had none: nothing of it is
due to the patient.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from cohort_scores import bundle_scores, simple_scores, trained_bundle

from icicore.evaluation.metrics import auc_roc
from icicore.fingerprint import write_json
from icicore.models.pathways import GeneSets
from icicore.training.dataset import StudyData
from icicore.training.gene_sets import taught
from icicore.training.pool import pool_studies
from icicore.training.study import read_study
from icicore.types import F64, I32, Mask

SIZES = (90, 200)
RATES = ((0.20, 0.40), (0.45, 0.25))
"""Of response, in the cohort with expression and in the one without."""


class EqualStart(StudyData):
    """All published signatures start with three times the attention of a set, single mutated genes too."""

    def gene_sets(self, *, signatures: bool = True) -> GeneSets:
        """As of the study, with the other start."""
        found = super().gene_sets(signatures=signatures)
        return replace(found, start=(1.0 + 2.0 * found.published) * taught(found.membership, self.gene_measured))


class FullStart(StudyData):
    """Sets begin with all of their start, however few patients they were measured in."""

    def gene_sets(self, *, signatures: bool = True) -> GeneSets:
        """As of the study, with the other start."""
        found = super().gene_sets(signatures=signatures)
        return replace(found, start=found.start / taught(found.membership, self.gene_measured))


def over_all(pool: StudyData) -> StudyData:
    """The pool as one study: classes are balanced over all patients."""
    return replace(pool, pooled=())


def equal_start(pool: StudyData) -> StudyData:
    """The pool with the other start of gene sets."""
    return EqualStart(**vars(pool))


def full_start(pool: StudyData) -> StudyData:
    """The pool with the other start of sets that few patients have."""
    return FullStart(**vars(pool))


VARIANTS: dict[str, Callable[[StudyData], StudyData]] = {
    "shipped recipe": lambda pool: pool,
    "classes balanced over all patients": over_all,
    "sets start alike, however few patients have them": full_start,
    "single mutated genes start like signatures": equal_start,
}


def main() -> None:
    torch.set_num_threads(1)
    asked = arguments()
    slides = asked.model == "multimodal"
    source, test = (read_study(folder, slides=slides) for folder in (asked.train, asked.test))
    found = {name: [] for name in asked.variants}
    for k in range(asked.pools):
        pool, sign = pooled(source, np.random.default_rng([asked.seed, k]), RATES[k % len(RATES)])
        for name in asked.variants:
            found[name].append(measured(VARIANTS[name](pool), test, sign, asked, seed=asked.seed + k))
            print(k, name, {key: round(value, 4) for key, value in found[name][-1].items()}, flush=True)
    burden = _auc(test.responder, simple_scores(test)["tmb"])
    print(f"TMB alone: {burden:.3f}\n{markdown(found)}")
    if asked.json is not None:
        write_json(asked.json, {"pools": found, "tmb": burden, "model": asked.model, "seed": asked.seed})


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, required=True, help="virtual study that pools are drawn from")
    parser.add_argument("--test", type=Path, required=True, help="virtual study of another seed")
    parser.add_argument("--model", choices=("genomic", "multimodal"), default="genomic")
    parser.add_argument("--pools", type=int, default=8)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--members", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="file for all figures")
    return parser.parse_args()


def pooled(study: StudyData, rng: np.random.Generator, rates: tuple[float, float]) -> tuple[StudyData, float]:
    """Two cohorts of the study as a pool, and +1 where the one without expression responds more often, else -1."""
    left = np.ones(len(study), np.bool_)
    cohorts = []
    for name, size, rate in zip(("with", "without"), SIZES, rates, strict=True):
        fit = left & has_expression(study) if name == "with" else left
        rows = drawn(study.responder, fit, size, rate, rng)
        left[rows] = False
        own = part(study, rows, name)
        cohorts.append(own if name == "with" else without_expression(own))
    return pool_studies(cohorts, name="pool"), float(np.sign(rates[1] - rates[0]))


def drawn(responder: Mask, allowed: Mask, size: int, rate: float, rng: np.random.Generator) -> I32:
    """Rows of ``size`` allowed patients of whom the share ``rate`` responded."""
    n = round(size * rate)
    chosen = [
        rng.choice(np.flatnonzero(allowed & (responder == kind)), count, replace=False)
        for kind, count in ((True, n), (False, size - n))
    ]
    return np.sort(np.concatenate(chosen)).astype(np.int32)


def part(study: StudyData, rows: I32, name: str) -> StudyData:
    """Some patients of a study."""
    tiles = np.concatenate([np.arange(study.offsets[i], study.offsets[i + 1]) for i in rows])
    sizes = np.diff(study.offsets)[rows]
    return replace(
        study,
        name=name,
        **{
            key: tuple(getattr(study, key)[i] for i in rows)
            for key in ("patients", "tumour_types", "sites", "clinical")
        },
        **{key: getattr(study, key)[rows] for key in ("responder", "gene_values", "gene_measured")},
        grades=None if study.grades is None else study.grades[rows],
        tiles=study.tiles[tiles],
        tile_index=study.tile_index[tiles],
        offsets=np.concatenate([[0], np.cumsum(sizes)]),
        routine={key: values[rows] for key, values in study.routine.items()},
        slide_digests=tuple(study.slide_digests[i] for i in rows) if study.slide_digests else (),
    )


def has_expression(study: StudyData) -> Mask:
    return study.gene_measured[:, np.array(study.token_kinds) == "expression"].any(axis=1)


def without_expression(study: StudyData, rows: Mask | None = None) -> StudyData:
    """The study with expression hidden of these patients, by default of all."""
    hidden = (np.ones(len(study), np.bool_) if rows is None else rows)[:, None]
    hidden = hidden & (np.array(study.token_kinds) == "expression")
    return replace(
        study,
        gene_values=np.where(hidden, np.float32(0), study.gene_values),
        gene_measured=study.gene_measured & ~hidden,
    )


def with_foreign_expression(study: StudyData) -> StudyData:
    """The study in which everybody who has expression has that of another patient: it says nothing about response."""
    rows = np.flatnonzero(has_expression(study))
    tokens = np.flatnonzero(np.array(study.token_kinds) == "expression")
    values, known = study.gene_values.copy(), study.gene_measured.copy()
    others = np.roll(rows, 1)
    values[np.ix_(rows, tokens)] = study.gene_values[np.ix_(others, tokens)]
    known[np.ix_(rows, tokens)] = study.gene_measured[np.ix_(others, tokens)]
    return replace(study, gene_values=values, gene_measured=known)


def measured(pool: StudyData, test: StudyData, sign: float, asked: argparse.Namespace, *, seed: int) -> dict:
    """Train on the pool; AUC among all others, and how far a hidden expression moves the logit."""
    with TemporaryDirectory() as scratch:
        bundle = trained_bundle(pool, asked.model, Path(scratch), members=asked.members, epochs=asked.epochs, seed=seed)
    every_other = np.arange(len(test)) % 2 == 0
    shown, none = (bundle_scores(bundle, study, align=False) for study in (test, without_expression(test)))
    foreign = bundle_scores(bundle, with_foreign_expression(test), align=False)
    half = np.where(every_other, shown, none)
    has = has_expression(test) & np.isfinite(shown) & np.isfinite(none)
    return {
        "auc_half": _auc(test.responder, half),
        "auc_none": _auc(test.responder, none),
        "auc_foreign": _auc(test.responder, np.where(every_other, foreign, none)),
        "shift": sign * float(np.mean(none[has] - shown[has])),
    }


def _auc(responder: Mask, score: F64) -> float:
    known = np.isfinite(score)
    return auc_roc(responder[known], score[known])


def markdown(found: dict[str, list[dict]]) -> str:
    """Mean and standard error over the pools."""
    keys = {
        "auc_half": "AUC, half with expression",
        "auc_none": "AUC, nobody",
        "auc_foreign": "AUC, half with expression that says nothing",
        "shift": "shift of the logit",
    }
    rows = [f"| recipe | {' | '.join(keys.values())} |", "|---|---|---|---|"]
    for name, pools in found.items():
        cells = []
        for key in keys:
            values = np.array([p[key] for p in pools])
            error = f" +- {values.std(ddof=1) / np.sqrt(len(values)):.4f}" if len(values) > 1 else ""
            cells.append(f"{values.mean():.4f}{error}")
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
