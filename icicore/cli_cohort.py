"""Commands on whole cohorts: simulate, train and evaluate."""

from pathlib import Path
from typing import Any

import click

from icicore.access import Role
from icicore.cli_tools import PATH, StudyPath, acting, example, print_json, progress_bar, services
from icicore.settings import read_settings


@click.command()
@click.option("--patients", required=True, type=click.IntRange(1, 100_000), help="Number of virtual patients.")
@click.option("--seed", required=True, type=int, help="Seed; the same seed gives the same study.")
@click.option("--out", required=True, type=PATH, help="Study folder to write.")
@click.option("--slides", default=0, show_default=True, help="Patients whose slide is rendered whole.")
@click.option("--scenario", default="reference", show_default=True, help="reference, no-signal, shortcut or missing.")
@click.option(
    "--bank", default=48, show_default=True, help="Slides rendered and embedded to compose bags from; 0: none."
)
@example("icicore simulate --patients 100 --seed 7 --out study")
def simulate(*, patients: int, seed: int, out: Path, slides: int, scenario: str, bank: int) -> None:
    """Write a virtual study (cBioPortal layout) with a planted truth kept apart."""
    from icicore.workflows.simulation import StudySpec, simulate_study

    spec = StudySpec(patients=patients, seed=seed, slides=slides, scenario=scenario, bank_slides=bank)
    with progress_bar() as progress:
        simulate_study(services(), out, spec, progress=progress)
    click.echo(str(out))


@click.command("import")
@click.argument("study", type=PATH)
@click.option("--name", help="Name of the copy; default: the identifier that the study states.")
@click.option(
    "--checkpoint-inhibitor",
    is_flag=True,
    help="State that the patients received an immune checkpoint inhibitor, where the study does not.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@example("icicore import riaz2017 && icicore train --study riaz2017 --model genomic --out checkpoints/riaz")
def import_(*, study: Path, name: str | None, checkpoint_inhibitor: bool, as_json: bool) -> None:
    """Check a cBioPortal study, say what it holds, and keep a copy that --study finds by name."""
    from icicore.workflows.cohorts import describe, import_study

    acting(Role.REVIEWER, "import a study")
    with progress_bar() as progress:
        report = import_study(
            read_settings(), study, name=name, checkpoint_inhibitor=checkpoint_inhibitor, progress=progress
        )
    if as_json:
        print_json(report)
    else:
        click.echo("\n".join(describe(report)))


_STUDY = click.option(
    "--study",
    required=True,
    type=StudyPath(),
    help="Study folder (cBioPortal layout plus slides.tsv) or imported study.",
)
_CONFIG = click.option("--config", type=PATH, help="JSON or TOML file with training settings; options override it.")
_MODEL = click.option(
    "--model",
    type=click.Choice(("multimodal", "image", "genomic", "clinical", "concat", "mean")),
    help="Model to train; default: multimodal.",
)
_DEVICE = click.option("--device", help="auto, cpu, cuda:0 ...; default: auto.")


@click.command()
@click.option(
    "--study",
    "studies",
    required=True,
    multiple=True,
    type=StudyPath(),
    help="Study folder (cBioPortal layout plus slides.tsv) or imported study (repeatable: trained on as one).",
)
@click.option("--out", required=True, type=PATH, help="Bundle folder to write.")
@_CONFIG
@_MODEL
@_DEVICE
@click.option("--folds", type=int, help="Ensemble over K cross-validation folds instead of bootstrap members.")
@click.option(
    "--save-comparisons/--no-save-comparisons", default=None, help="Write the comparison models as bundles too."
)
@click.option(
    "--reference-tiles", is_flag=True, help="Add pictures of training tiles, as icicore bundle tiles does afterwards."
)
@example("icicore train --study study --out checkpoints/my-bundle")
def train(*, studies: tuple[Path, ...], out: Path, config: Path | None, reference_tiles: bool, **options: Any) -> None:
    """Train a bundle on a study, or on several as one; a run that was stopped continues where it was."""
    from icicore.workflows.cohort_tiles import add_tile_library
    from icicore.workflows.learning import one_study, train_bundle

    acting(Role.REVIEWER, "train a model")
    pictured = one_study(studies, "--reference-tiles") if reference_tiles else None
    with progress_bar() as progress:
        metrics = train_bundle(services(), studies, out, config_file=config, options=options, progress=progress)
        if pictured is not None:
            add_tile_library(services(), out, pictured, progress=progress)
    print_json(metrics)


@click.command()
@_STUDY
@click.option("--trials", required=True, type=click.IntRange(1, 10_000), help="Finished trials to stop at.")
@click.option("--out", required=True, type=PATH, help="Recipe (JSON) to write; beside it the trials.")
@_CONFIG
@_MODEL
@_DEVICE
@example("icicore tune --study study --trials 20 --out recipe.json")
def tune(*, study: Path, trials: int, out: Path, config: Path | None, **options: Any) -> None:
    """Search for the best training recipe on the validation patients; the same command continues."""
    from icicore.workflows.learning import tune_recipe

    acting(Role.REVIEWER, "search for a recipe")
    with progress_bar() as progress:
        found = tune_recipe(
            services(), study, out, trials=trials, config_file=config, options=options, progress=progress
        )
    print_json(found)


@click.command()
@_STUDY
@click.option("--bundle", "bundles", required=True, multiple=True, help="Name or folder of a bundle (repeatable).")
@click.option("--out", required=True, type=PATH, help="Folder for report.json and report.html.")
@click.option("--seed", default=0, show_default=True, help="Seed of resamples and permutations.")
@click.option("--bootstrap", default=1000, show_default=True, type=click.IntRange(100, 100_000), help="Resamples.")
@click.option(
    "--write-card",
    is_flag=True,
    help="Put faithfulness into the card of the bundle; write its proof.json.",
)
@example("icicore evaluate --study study --bundle my-bundle --bundle my-bundle-concat --out evaluation")
def evaluate(*, study: Path, bundles: tuple[str, ...], out: Path, seed: int, bootstrap: int, write_card: bool) -> None:
    """Test bundles on patients they have not seen; write report.json and one HTML page."""
    from icicore.workflows.evaluation.command import evaluate_study

    acting(Role.ADMIN if write_card else Role.REVIEWER, "change a card" if write_card else "test a model")
    with progress_bar() as progress:
        report = evaluate_study(
            services(), study, bundles, out, seed=seed, bootstrap=bootstrap, write_card=write_card, progress=progress
        )
    for model in report["models"]:
        auc = model["auc_roc"]
        shown = "no AUC" if auc["value"] is None else f"{auc['value']:.3f} [{_range(auc['interval95'])}]"
        click.echo(f"{model['name']}\tn {model['n']}\tAUC-ROC {shown}")
    click.echo(str(out / "report.html"))


def _range(bounds: list[float] | None) -> str:
    return "" if bounds is None else f"{bounds[0]:.3f}-{bounds[1]:.3f}"


COMMANDS: tuple[click.Command, ...] = (import_, simulate, train, tune, evaluate)
"""What ``icicore.cli`` adds to its group."""
