"""Commands on the work list: import and list cases."""

from pathlib import Path
from typing import Any

import click

from icicore.access import Role
from icicore.cli_tools import PATH, acting, example, print_json, progress_bar, services
from icicore.types import Json


@click.group()
@example("icicore cases list --state limited")
def cases() -> None:
    """The work list: import cases, list them, assign them."""


@cases.command("import")
@click.argument("path", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@example("icicore cases import /data/cases")
def import_(*, path: Path, as_json: bool) -> None:
    """Put a case folder, a folder of case folders or the patients of a cBioPortal study on the work list.

    Nothing is uploaded: cases and slides stay where they lie. Exit 1 when no case could be imported.
    """
    from icicore.workflows.case_import import describe, import_cases

    by = acting(Role.REVIEWER, "import cases")
    with progress_bar() as progress:
        report = import_cases(services(), path, by=by, progress=progress)
    if as_json:
        print_json(report.to_json())
    else:
        click.echo("\n".join(describe(report)))
    raise SystemExit(0 if report.imported else 1)


@cases.command("list")
@click.option("--text", default="", help="Words in the case id.")
@click.option("--state", multiple=True, help="new, scored, limited, not_scored, failed, queued, running (repeatable).")
@click.option("--tumour", multiple=True, help="melanoma or nsclc (repeatable).")
@click.option("--flag", multiple=True, help="Code of a reason, such as pen (repeatable).")
@click.option("--assignee", help="Only cases assigned to this person.")
@click.option("--sort", default="case", show_default=True, help="Column to sort by, such as probability.")
@click.option("--descending", is_flag=True, help="Largest first.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 100_000), help="How many rows.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@example("icicore cases list --state scored --sort probability --descending --limit 20")
def list_(
    *, text: str, state: tuple[str, ...], tumour: tuple[str, ...], flag: tuple[str, ...], assignee: str | None,
    sort: str, descending: bool, limit: int, as_json: bool,
) -> None:  # fmt: skip
    """List cases of the work list, tab-separated: id, tumour, state, probability, flags, assignee, folder."""
    from icicore.store.case_query import CaseFilter, CaseOrder
    from icicore.workflows.work import case_finder

    wanted = CaseFilter(text=text, states=state, tumour_types=tumour, flags=flag, assignee=assignee)
    page = case_finder(services(), acting(Role.READER, "see cases")).page(
        wanted, CaseOrder(sort, descending), limit=limit
    )
    if as_json:
        print_json([_json(row) for row in page.rows])
        return
    for row in page.rows:
        shown = "" if row.probability is None else f"{row.probability:.3f}"
        flags = ",".join(row.flags)
        click.echo("\t".join((row.case_id, row.tumour_type, row.state, shown, flags, row.assignee or "", row.folder)))
    click.echo(f"{len(page.rows)} of {page.total} cases", err=True)


def _json(row: Any) -> Json:
    return {
        "case_id": row.case_id,
        "tumour_type": row.tumour_type,
        "state": row.state,
        "probability": row.probability,
        "flags": list(row.flags),
        "assignee": row.assignee,
        "folder": row.folder,
    }


@cases.command()
@click.argument("case_ids", nargs=-1, required=True)
@click.option("--to", "person", default="", help="Name of the person; left out: nobody.")
@example("icicore cases assign DEMO-001 DEMO-002 --to 'A. Weber'")
def assign(*, case_ids: tuple[str, ...], person: str) -> None:
    """Assign cases, by their id, to a person."""
    from icicore.workflows.work import assign_by_id

    by = acting(Role.REVIEWER, "assign cases")
    click.echo(f"{assign_by_id(services(), case_ids, person or None, by=by)} cases assigned to {person or 'nobody'}")


COMMANDS: tuple[click.Command, ...] = (cases,)
