"""Evaluate bundles on a study: read, score, measure, and write report.json and one HTML page."""

import time
from collections.abc import Sequence
from pathlib import Path

import torch

from icicore.evaluation.bootstrap import resamples
from icicore.evaluation.evaluate import discrimination
from icicore.evaluation.oracle import oracle_section
from icicore.evaluation.reference import reference_paper
from icicore.fingerprint import write_bytes, write_json
from icicore.genomics.panel import load_panel
from icicore.models.bundle import ModelBundle, load_bundle
from icicore.reports.page import evaluation_page
from icicore.training.dataset import StudyData
from icicore.training.study import EmbedSlide, log_left_out, read_study
from icicore.types import I32, Json, Progress, no_progress
from icicore.workflows.evaluation.describe import about, notes, split_sizes
from icicore.workflows.evaluation.faithfulness import faithfulness
from icicore.workflows.evaluation.features import rank_features
from icicore.workflows.evaluation.prepared import EvaluationSpec, Prepared, prepare
from icicore.workflows.evaluation.sections import (
    fusion_against_concat,
    modality_subsets,
    patient_groups,
    weights_and_quality,
)
from icicore.workflows.evaluation.tile_truth import planted_tiles

REPORT, PAGE = "report.json", "report.html"


def evaluate_bundles(
    study_dir: Path,
    bundles: Sequence[Path],
    out: Path,
    *,
    spec: EvaluationSpec | None = None,
    embed: EmbedSlide | None = None,
    progress: Progress = no_progress,
) -> Json:
    """Evaluate bundles on the patients of a study that none of them has seen; write and return the report.

    Parameters
    ----------
    study_dir : see ``training.study.read_study``, which also explains ``embed``
    bundles : bundle folders; the first multimodal one is examined closely
    out : folder for report.json and report.html; each file is written whole or not at all
    progress : may raise ``Cancelled``; nothing is written then

    Raises
    ------
    InputError
        the study or a bundle cannot be used, or no test patients of both classes are left
    """
    loaded = [load_bundle(folder) for folder in bundles]
    panel = load_panel(loaded[0].spec.panel.rpartition("/")[2])
    study = log_left_out(read_study(study_dir, embed=embed, panel=panel, any_tumour=True, progress=progress))
    return evaluate_on(study, study_dir, loaded, out, spec=spec or EvaluationSpec(), progress=progress)


def evaluate_on(
    study: StudyData,
    study_dir: Path,
    bundles: Sequence[ModelBundle],
    out: Path,
    *,
    spec: EvaluationSpec,
    progress: Progress = no_progress,
) -> Json:
    """Evaluate on a study in memory; ``study_dir`` is where its truth lies, if it has one. See ``evaluate_bundles``."""
    started = time.perf_counter()
    torch.set_num_threads(1)  # members run side by side instead
    report = _report(prepare(study, study_dir, bundles, spec, progress))
    report["seconds"] = round(time.perf_counter() - started, 1)
    write_bytes(out / PAGE, evaluation_page(report).encode())
    write_json(out / REPORT, report)
    progress(1, 1, "report written")
    return report


def _report(run: Prepared) -> Json:
    y, main = run.y, run.main
    draws = resamples(y, run.spec.rng("bootstrap"), n=run.spec.bootstrap)
    run.progress(0, 1, "bootstrap")
    parts = discrimination(y, run.scores, draws)
    scorer, headline = run.scorers[main], run.scores[main]
    groups, worst = patient_groups(run.study, run.patients.rows, y, headline.values)
    features, feature_notes = rank_features(
        scorer,
        y,
        measures=run.tissue.named,
        planted=run.truth.planted if run.truth else None,
        limits=run.spec.features,
        rng=run.spec.rng("features"),
        progress=run.progress,
    )
    return {
        "schema": 1,
        "study": run.study.name,
        "split": split_sizes(run),
        "prevalence": float(y.mean()),
        **about(run),
        "main": headline.name,
        **parts,
        "oracle": _oracle(run, draws),
        "subgroups": groups,
        "worst_subgroup": worst,
        "modality_subsets": modality_subsets(scorer, y, draws),
        "fusion_against_concat": _fusion(run, draws),
        "modality_weights": weights_and_quality(scorer, run.tissue, run.truth, rng=run.spec.rng("quality")),
        "features": features,
        "feature_notes": feature_notes,
        "faithfulness": _faithfulness(run),
        "reference_paper": reference_paper(),
        "notes": notes(run),
    }


def _oracle(run: Prepared, draws: I32) -> Json | None:
    if run.truth is None:
        return None
    models = {s.name: s.values for s in run.scores if s.bundle is not None and s.known.any()}
    return oracle_section(run.y, models, run.truth.oracle, draws=draws, main=run.scores[run.main].name)


def _faithfulness(run: Prepared) -> Json:
    scorer, spec = run.scorers[run.main], run.spec
    found = faithfulness(scorer, limits=spec.faithfulness, rng=spec.rng("faithfulness"), progress=run.progress)
    planted = None
    if run.truth is not None:
        planted = planted_tiles(
            scorer,
            run.study,
            run.patients.rows,
            folder=run.study_dir,
            truth=run.truth,
            rng=spec.rng("planted tiles"),
            progress=run.progress,
        )
    return found | {"planted_tiles": planted}


def _fusion(run: Prepared, draws: I32) -> Json | None:
    kinds = [b.spec.model.kind for b in run.bundles]
    if "multimodal" not in kinds or "concat" not in kinds:
        return None
    fusion, concat = kinds.index("multimodal"), kinds.index("concat")
    present = run.scorers[fusion].present
    return fusion_against_concat(run.y, run.scores[fusion], run.scores[concat], present, truth=run.truth, draws=draws)
