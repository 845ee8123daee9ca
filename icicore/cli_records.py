"""Commands about records: the audit log and the report of a case."""

from pathlib import Path

import click

from icicore.access import Role
from icicore.cli_tools import PATH, acting, example, print_json, progress_bar, services


@click.group()
@example("icicore audit verify")
def audit() -> None:
    """Check the audit log."""


@audit.command()
@click.option("--expect", metavar="NUMBER:DIGEST", help="A row noted elsewhere, such as on a signed report.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@example("icicore audit verify")
def verify(*, expect: str | None, as_json: bool) -> None:
    """Find changed, missing, reordered or cut rows and altered reviews; exit 1 if there are any."""
    from icicore.workflows.audit import verify_audit

    acting(Role.READER, "check the audit log")
    report = verify_audit(services(), expect=expect)
    if as_json:
        print_json(report)
    else:
        lines = [f"note     {n}" for n in report["notes"]] + [f"fault    {f}" for f in report["faults"]]
        state = "intact" if report["ok"] else f"{len(report['faults'])} found wrong"
        lines.append(f"{report['rows']} rows, {report['reviews']} signed reviews: {state}")
        click.echo("\n".join(lines))
        if report["head"]:
            click.echo(f"newest row {report['head']}")
    raise SystemExit(0 if report["ok"] else 1)


@click.command()
@click.argument("case", type=PATH)
@click.option("--out", required=True, type=PATH, help="FILE.pdf or FILE.json.")
@click.option("--bundle", help="Model bundle; default: the promoted one.")
@example("icicore report CASE --out report.pdf")
def report(*, case: Path, out: Path, bundle: str | None) -> None:
    """Write the one-page report of a case (PDF), or all that it rests on (JSON)."""
    from icicore.workflows.case_report import report_folder

    person = acting(Role.READER, "report a case", case=case)
    with progress_bar() as progress:
        report_folder(services(), case, out, bundle=bundle, by=person, progress=progress)
    click.echo(str(out))


@click.command()
@click.argument("case", type=PATH)
@click.option("--out", required=True, type=PATH, help="Folder to write; a folder per format is made in it.")
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(("dicom", "fhir", "csv", "geojson")),
    help="What to write (repeatable); default: everything.",
)
@example("icicore export CASE --out exchange --format dicom --format fhir")
def export(*, case: Path, out: Path, formats: tuple[str, ...]) -> None:
    """Write a case for other systems: DICOM Parametric Maps, FHIR R4, CSV tables, GeoJSON for QuPath."""
    from icicore.workflows.case_export import FORMATS, export_folder

    person = acting(Role.READER, "export a case", case=case)
    with progress_bar() as progress:
        written = export_folder(services(), case, out, formats=formats or FORMATS, by=person, progress=progress)
    for path in written:
        click.echo(str(path))


COMMANDS: tuple[click.Command, ...] = (audit, report, export)
