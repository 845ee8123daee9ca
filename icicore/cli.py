"""The command line: the same verbs as ``workflows``. Results go to stdout, progress and errors to stderr."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click

from icicore import __version__
from icicore.domain import MODALITIES
from icicore.errors import IcicoreError
from icicore.settings import Settings, read_settings
from icicore.types import Json, Progress, no_progress

PATH = click.Path(path_type=Path)


class _Group(click.Group):
    """Turns the package's errors into one line and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("icicore: stopped; the same command continues where it stopped", err=True)
            raise SystemExit(130) from None
        except IcicoreError as error:
            _fail(str(error))
        except OSError as error:
            _fail(f"{Path(str(error.filename or 'file')).name}: {error.strerror or error}")


def _fail(line: str) -> NoReturn:
    click.echo(f"icicore: {line}", err=True)
    raise SystemExit(1)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="icicore")
def cli() -> None:
    """Explained prediction of response to immune checkpoint inhibitors. Research use only."""


def _example(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add an example to a command's help."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        function.__doc__ = f"{(function.__doc__ or '').rstrip()}\n\n\b\nExample:\n  {text}\n"
        return function

    return wrap


@contextmanager
def _progress() -> Iterator[Progress]:
    """A progress bar on stderr, only where that is a terminal."""
    if not sys.stderr.isatty():
        yield no_progress
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def report(done: int, total: int, what: str) -> None:
            bar.update(task, completed=done, total=total or None, description=what)

        yield report


def _services(settings: Settings | None = None) -> Any:
    from icicore.workflows.services import build_services

    return build_services(settings or read_settings())


def _print(content: Json | list[Json]) -> None:
    click.echo(json.dumps(content, indent=1, ensure_ascii=False))


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@_example("icicore doctor")
def doctor(*, as_json: bool) -> None:
    """Show what is installed, the device, weights and bundles; exit 1 if the app cannot run."""
    from icicore.workflows.doctor import diagnose

    report = diagnose(read_settings())
    if as_json:
        _print(report)
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
@_example("icicore demo --cases 4")
def demo(*, n_cases: int, home: Path | None, print_address: bool, port: int) -> None:
    """Build the demonstration cases offline (virtual patients and slides), embed and score them."""
    from icicore.workflows.demo import build_demo, first_case_key

    if home is not None:
        os.environ["ICICORE_HOME"] = str(home)
    services = _services()
    if print_address:
        click.echo(f"First case: http://localhost:{port}/case?case={first_case_key(services)}")
        return
    with _progress() as progress:
        rows = build_demo(services, n_cases=n_cases, progress=progress)
    for row in rows:
        shown = "" if row.probability is None else f"{row.probability:.2f}"
        click.echo(f"{row.case_id}\t{row.tumour_type}\t{row.state}\t{shown}\t{row.folder}")


@cli.command()
@click.option("--patients", required=True, type=click.IntRange(1, 100_000), help="Number of virtual patients.")
@click.option("--seed", required=True, type=int, help="Seed; the same seed gives the same study.")
@click.option("--out", required=True, type=PATH, help="Study folder to write.")
@click.option("--slides", default=0, show_default=True, help="Patients whose slide is rendered whole.")
@click.option("--scenario", default="reference", show_default=True, help="reference, no-signal, shortcut or missing.")
@click.option(
    "--bank", default=48, show_default=True, help="Slides rendered and embedded to compose bags from; 0: none."
)
@_example("icicore simulate --patients 100 --seed 7 --out study")
def simulate(*, patients: int, seed: int, out: Path, slides: int, scenario: str, bank: int) -> None:
    """Write a virtual study (cBioPortal layout) with a planted truth kept apart."""
    from icicore.workflows.simulation import StudySpec, simulate_study

    spec = StudySpec(patients=patients, seed=seed, slides=slides, scenario=scenario, bank_slides=bank)
    with _progress() as progress:
        simulate_study(_services(), out, spec, progress=progress)
    click.echo(str(out))


@cli.command()
@click.argument("slide", type=PATH)
@click.option("--backbone", default="efficientnet_lite0", show_default=True, help="See `icicore doctor`.")
@click.option("--mpp", type=float, help="Micrometres per pixel, when the slide does not state it.")
@click.option("--out", type=PATH, help="Where to write the bag (safetensors).")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@_example("icicore embed slide.svs --out slide.bag.safetensors")
def embed(*, slide: Path, backbone: str, mpp: float | None, out: Path | None, as_json: bool) -> None:
    """Turn a slide into a bag of tile embeddings (cached; continues after an interruption)."""
    from icicore.workflows.inference import embed_one

    with _progress() as progress:
        summary = embed_one(_services(), slide, backbone=backbone, mpp=mpp, out=out, progress=progress)
    if as_json:
        _print(summary)
    else:
        click.echo(f"{summary['n_tiles']} tiles x {summary['dim']} at {summary['mpp']:g} um/px, {summary['quality']}")


_DROP = click.option("--drop", multiple=True, type=click.Choice(MODALITIES), help="Leave a modality out (repeatable).")
_BUNDLE = click.option("--bundle", help="Model bundle; default: the promoted one.")


@cli.command()
@click.argument("case", type=PATH)
@_BUNDLE
@_DROP
@click.option("--json", "out", required=True, type=PATH, help="Where to write prediction.json; - for stdout.")
@_example("icicore predict CASE --json prediction.json")
def predict(*, case: Path, bundle: str | None, drop: tuple[str, ...], out: Path) -> None:
    """Score a case folder."""
    from icicore.fingerprint import write_json
    from icicore.workflows.predictions import predict_case

    with _progress() as progress:
        prediction = predict_case(_services(), case, bundle=bundle, drop=drop, progress=progress)
    if str(out) == "-":
        _print(prediction)
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
@_example("icicore explain CASE --out explanation")
def explain(*, case: Path, bundle: str | None, out: Path) -> None:
    """Write the explanation: heatmaps (PNG, grid, QuPath GeoJSON), tiles, Grad-CAM, genes.csv, features.csv."""
    from icicore.workflows.inference import explain_to_folder

    with _progress() as progress:
        explain_to_folder(_services(), case, out, bundle=bundle, progress=progress)
    click.echo(str(out))


@cli.command()
@click.option("--study", required=True, type=PATH, help="Study folder (cBioPortal layout plus slides.tsv).")
@click.option("--out", required=True, type=PATH, help="Bundle folder to write.")
@click.option("--config", type=PATH, help="JSON file with training settings.")
@click.option("--model", default="multimodal", show_default=True, help="multimodal, image, genomic, clinical, concat.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda:0 ...")
@_example("icicore train --study study --out checkpoints/my-bundle")
def train(*, study: Path, out: Path, config: Path | None, model: str, device: str) -> None:
    """Train a bundle on a study."""
    from icicore.workflows.learning import train_bundle

    with _progress() as progress:
        metrics = train_bundle(
            _services(), study, out, config_file=config, kind=model, device=device, progress=progress
        )
    _print(metrics)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@_example("icicore bundles")
def bundles(*, as_json: bool) -> None:
    """List the model bundles."""
    from icicore.workflows.doctor import list_bundles

    rows = list_bundles(read_settings())
    if as_json:
        _print(rows)
        return
    for row in rows:
        marks = [m for m, on in (("promoted", row["promoted"]), ("virtual data", row["virtual"])) if on]
        click.echo(f"{row['name']}\t{row['digest'][:12]}\t{row['backbone']}\t{', '.join(marks)}")


def main() -> None:
    """Entry point. Ctrl-C leaves nothing half-written: all writes are atomic."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    cli()


if __name__ == "__main__":
    main()
