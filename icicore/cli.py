"""The command line: the same verbs as ``workflows``. Results go to stdout, progress and errors to stderr."""

import os
import signal
import sys
from pathlib import Path

import click

from icicore import __version__
from icicore.access import Role
from icicore.cli_annotations import annotations
from icicore.cli_cases import COMMANDS as CASE_COMMANDS
from icicore.cli_cohort import COMMANDS
from icicore.cli_jobs import COMMANDS as JOB_COMMANDS
from icicore.cli_models import COMMANDS as MODEL_COMMANDS
from icicore.cli_records import COMMANDS as RECORD_COMMANDS
from icicore.cli_tools import PATH, Group, acting, example, print_json, progress_bar, services
from icicore.domain import MODALITIES
from icicore.settings import read_settings
from icicore.types import Json


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="icicore")
def cli() -> None:
    """Explained prediction of response to immune checkpoint inhibitors. Research use only."""


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@example("icicore doctor")
def doctor(*, as_json: bool) -> None:
    """Show what is installed, the device, weights and bundles; exit 1 if the app cannot run."""
    from icicore.workflows.doctor import diagnose

    report = diagnose(read_settings())
    if as_json:
        print_json(report)
    else:
        _show_report(report)
    raise SystemExit(0 if report["ok"] else 1)


def _show_report(report: Json) -> None:
    lines = [
        f"icicore {__version__}, Python {report['python']}, {report['cores']} cores, OpenSlide {report['openslide']}",
        f"device     {report['device']['used']}  GPUs: {', '.join(report['device']['gpus']) or 'none'}",
    ]
    lines += [f"package    {name} {version or 'MISSING'}" for name, version in report["versions"].items()]
    lines += [
        f"backbone   {b['name']}: {'ready' if b['available'] else 'no weights'} {b.get('detail', '')}".rstrip()
        for b in report["backbones"]
    ]
    lines += [
        f"bundle     {b['name']} {b['digest'][:12]}{' (promoted)' if b['promoted'] else ''}"
        f"{' trained on virtual data' if b['virtual'] else ''}"
        for b in report["bundles"]
    ]
    lines += [f"setting    {k} = {v}" for k, v in report["settings"].items()]
    lines += [f"warning    {w}" for w in report["warnings"]] + [f"problem    {p}" for p in report["problems"]]
    lines.append("ready" if report["ok"] else "the app cannot run until the problems are solved")
    click.echo("\n".join(lines))


@cli.command()
@click.option("--cases", "n_cases", default=6, show_default=True, type=click.IntRange(1, 200), help="How many cases.")
@click.option("--home", type=PATH, help="Home folder instead of ICICORE_HOME.")
@click.option("--print-address", is_flag=True, help="Only print where the first case will be found.")
@click.option("--port", default=8501, show_default=True, help="Port for --print-address.")
@example("icicore demo --cases 4")
def demo(*, n_cases: int, home: Path | None, print_address: bool, port: int) -> None:
    """Build the demonstration cases offline (virtual patients and slides), embed and score them."""
    from icicore.workflows.demo import build_demo, first_case_key

    if home is not None:
        os.environ["ICICORE_HOME"] = str(home)
    if not print_address:
        acting(Role.REVIEWER, "build the demonstration cases")
    tools = services()
    if print_address:
        click.echo(f"First case: http://localhost:{port}/case?case={first_case_key(tools)}")
        return
    with progress_bar() as progress:
        rows = build_demo(tools, n_cases=n_cases, progress=progress)
    for row in rows:
        shown = "" if row.probability is None else f"{row.probability:.2f}"
        click.echo(f"{row.case_id}\t{row.tumour_type}\t{row.state}\t{shown}\t{row.folder}")


@cli.command()
@click.argument("slide", type=PATH)
@click.option("--backbone", default="efficientnet_lite0", show_default=True, help="See `icicore doctor`.")
@click.option("--mpp", type=float, help="Micrometres per pixel, when the slide does not state it.")
@click.option("--out", type=PATH, help="Where to write the bag (safetensors).")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@example("icicore embed slide.svs --out slide.bag.safetensors")
def embed(*, slide: Path, backbone: str, mpp: float | None, out: Path | None, as_json: bool) -> None:
    """Turn a slide into a bag of tile embeddings (cached; continues after an interruption)."""
    from icicore.workflows.inference import embed_one

    acting(Role.REVIEWER, "embed a slide", slide=slide)
    with progress_bar() as progress:
        summary = embed_one(services(), slide, backbone=backbone, mpp=mpp, out=out, progress=progress)
    if as_json:
        print_json(summary)
    else:
        click.echo(f"{summary['n_tiles']} tiles x {summary['dim']} at {summary['mpp']:g} um/px, {summary['quality']}")


_DROP = click.option("--drop", multiple=True, type=click.Choice(MODALITIES), help="Leave a modality out (repeatable).")
_BUNDLE = click.option("--bundle", help="Model bundle; default: the promoted one.")


@cli.command()
@click.argument("case", type=PATH)
@_BUNDLE
@_DROP
@click.option("--json", "out", required=True, type=PATH, help="Where to write prediction.json; - for stdout.")
@example("icicore predict CASE --json prediction.json")
def predict(*, case: Path, bundle: str | None, drop: tuple[str, ...], out: Path) -> None:
    """Score a case folder."""
    from icicore.fingerprint import write_json
    from icicore.workflows.predictions import predict_case

    acting(Role.REVIEWER, "score a case", case=case)
    with progress_bar() as progress:
        prediction = predict_case(services(), case, bundle=bundle, drop=drop, progress=progress)
    if str(out) == "-":
        print_json(prediction)
        return
    write_json(out, prediction)
    low, high = prediction["interval95"]
    click.echo(
        f"{prediction['case_id']}: {prediction['status']}, {prediction['probability']:.3f} [{low:.3f}-{high:.3f}]"
    )


@cli.command()
@click.argument("case", type=PATH)
@_BUNDLE
@click.option("--out", required=True, type=PATH, help="Folder to write.")
@example("icicore explain CASE --out explanation")
def explain(*, case: Path, bundle: str | None, out: Path) -> None:
    """Write the explanation: heatmaps (PNG, grid, QuPath GeoJSON), tiles, Grad-CAM, genes.csv, features.csv."""
    from icicore.workflows.explanation_folder import explain_to_folder

    acting(Role.REVIEWER, "score a case", case=case)
    with progress_bar() as progress:
        explain_to_folder(services(), case, out, bundle=bundle, progress=progress)
    click.echo(str(out))


for _command in (*COMMANDS, *JOB_COMMANDS, *RECORD_COMMANDS, *MODEL_COMMANDS, *CASE_COMMANDS, annotations):
    cli.add_command(_command)


def main() -> None:
    """Entry point. Ctrl-C leaves nothing half-written: all writes are atomic."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    cli()


if __name__ == "__main__":
    main()
