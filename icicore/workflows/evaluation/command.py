"""The use case behind ``icicore evaluate``: finds the bundles, then runs the evaluation."""

from collections.abc import Sequence
from pathlib import Path

from icicore.types import Json, Progress, no_progress
from icicore.workflows.bundle_report import keep_report
from icicore.workflows.evaluation.card import update_card
from icicore.workflows.evaluation.prepared import EvaluationSpec
from icicore.workflows.evaluation.run import evaluate_bundles
from icicore.workflows.inference import embed_default
from icicore.workflows.proof import write_proof
from icicore.workflows.services import Services, bundle_place, bundle_ref


def evaluate_study(
    services: Services,
    study: Path,
    bundles: Sequence[str],
    out: Path,
    *,
    seed: int = 0,
    bootstrap: int = 1000,
    write_card: bool = False,
    progress: Progress = no_progress,
) -> Json:
    """Evaluate bundles, given by name or folder, on a study; see ``run.evaluate_bundles``.

    With ``write_card`` the bundle that was examined closely gets its faithfulness numbers into its card, and its proof
    (see ``workflows.proof``) and the report beside it.
    """
    folders = [find_bundle(bundle_place(services.settings, name), name) for name in dict.fromkeys(bundles)]
    report = evaluate_bundles(
        study,
        folders,
        out,
        spec=EvaluationSpec(seed=seed, bootstrap=bootstrap),
        embed=lambda slide: embed_default(services, slide),
        progress=progress,
    )
    if write_card:
        names = [row["name"] for row in report["models"]]
        main = folders[names.index(report["main"])]
        update_card(main, report)
        write_proof(main, report)
        keep_report(main, report)
    return report


def find_bundle(checkpoints: Path, name: str) -> Path:
    """Folder of a bundle: the folder itself where one is given, else the one of that name among the checkpoints.

    Raises
    ------
    BundleError
        there is no such bundle
    """
    if (Path(name) / "bundle.json").is_file():
        return Path(name)
    return bundle_ref(checkpoints, name).folder
