"""Commands about bundles: list, compare, promote, roll back, retire, delete, export, import."""

from pathlib import Path

import click

from icicore.access import Role
from icicore.cli_tools import PATH, StudyPath, acting, example, print_json, progress_bar, services
from icicore.types import Json

_REASON = click.option("--reason", required=True, help="Why; it stays in the history.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")


@click.command()
@_JSON
@example("icicore bundles")
def bundles(*, as_json: bool) -> None:
    """List the bundles, which the pages call models: name, digest, state, tile encoder, study, cases scored."""
    from icicore.store.registry import PROMOTED
    from icicore.workflows.registry_entries import list_registry

    acting(Role.READER, "see models")
    rows: list[Json] = [
        {
            "name": one.row.name,
            "digest": one.row.digest,
            "state": one.row.state,
            "promoted": one.row.state == PROMOTED,
            "virtual": bool(one.ref and one.ref.spec.get("virtual")),
            "backbone": one.ref.spec.get("backbone") if one.ref else None,
            "study": one.row.study,
            "cases": one.n_cases,
            "problem": one.problem,
        }
        for one in list_registry(services())
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        marks = [row["state"], *(["virtual data"] if row["virtual"] else []), f"{row['cases']} cases", row["problem"]]
        shown = ", ".join(m for m in marks if m)
        click.echo(f"{row['name']}\t{row['digest'][:12]}\t{row['backbone'] or '-'}\t{row['study'] or '-'}\t{shown}")


@click.group()
@example("icicore bundle promote my-bundle --reason 'better on the held-out patients'")
def bundle() -> None:
    """Compare, promote, roll back, retire, delete, export and import bundles."""


@bundle.command()
@click.argument("name")
@click.option("--study", type=StudyPath(), help="The study it was trained on, where that is not known.")
@_JSON
@example("icicore bundle compare my-bundle --study study")
def compare(*, name: str, study: Path | None, as_json: bool) -> None:
    """Set a candidate beside the promoted bundle on the same held-out patients."""
    from icicore.workflows.registry_compare import compare_candidate
    from icicore.workflows.registry_comparison import worst_subgroup

    by = acting(Role.REVIEWER, "compare models")
    with progress_bar() as progress:
        found = compare_candidate(services(), name, study=study, by=by, progress=progress)
    if as_json:
        print_json(found)
        return
    for check in found["checks"]:
        click.echo(f"{'passed' if check['passed'] else 'FAILED'}  {check['text']}")
    click.echo(f"note    {worst_subgroup(found)[1]}")


@bundle.command()
@click.argument("name")
@_REASON
@example("icicore bundle promote my-bundle --reason 'better on the held-out patients'")
def promote(*, name: str, reason: str) -> None:
    """Let a compared candidate score the cases from now on."""
    from icicore.workflows.registry import promote as promoted

    row = promoted(services(), name, reason=reason)
    click.echo(f"{row.name} is promoted in place of {row.previous_name}")


@bundle.command()
@click.option("--reason", default="", help="Why; it stays in the history.")
@example("icicore bundle rollback --reason 'calls look wrong at site B'")
def rollback(*, reason: str) -> None:
    """Promote the bundle again that was promoted before."""
    from icicore.workflows.registry import rollback as back

    row = back(services(), reason=reason)
    click.echo(f"{row.name} is promoted again in place of {row.previous_name}")


@bundle.command()
@click.argument("name")
@_REASON
@example("icicore bundle retire my-bundle --reason 'superseded'")
def retire(*, name: str, reason: str) -> None:
    """Put a bundle aside; its results stay."""
    from icicore.workflows.registry import retire as retired

    retired(services(), name, reason=reason)
    click.echo(f"{name} is retired")


@bundle.command()
@click.argument("name")
@example("icicore bundle delete my-candidate")
def delete(*, name: str) -> None:
    """Delete a bundle that was never promoted and scored no case."""
    from icicore.workflows.registry import remove

    remove(services(), name)
    click.echo(f"{name} is deleted")


@bundle.command()
@click.argument("name")
@click.option("--study", type=StudyPath(), required=True, help="The study that it was trained on.")
@example("icicore bundle drift my-bundle --study study")
def drift(*, name: str, study: Path) -> None:
    """Give an older bundle the reference that the drift watch needs."""
    from icicore.workflows.drift import make_drift_reference

    acting(Role.ADMIN, "change a model")
    with progress_bar() as progress:
        n = make_drift_reference(services(), name, study, progress)
    click.echo(f"{name}: drift reference of {n} training patients")


@bundle.command()
@click.argument("name")
@click.option("--study", type=StudyPath(), required=True, help="The study that it was trained on.")
@click.option("--tiles", default=512, show_default=True, type=click.IntRange(1, 4096), help="How many, at most.")
@example("icicore bundle tiles my-bundle --study study")
def tiles(*, name: str, study: Path, tiles: int) -> None:
    """Add small pictures of training tiles, so that the tile panel can show the most alike of them.

    They travel with the bundle; they carry class, site and outcome, and no identifier.
    """
    from icicore.workflows.cohort_tiles import make_tile_library

    acting(Role.ADMIN, "change a model")
    with progress_bar() as progress:
        made = make_tile_library(services(), name, study, tiles=tiles, progress=progress)
    click.echo(f"{name}: {len(made)} reference tiles of {made.patients} training patients")


@bundle.command()
@click.argument("name")
@click.argument("file", type=PATH)
@example("icicore bundle export my-bundle my-bundle.bundle.zip")
def export(*, name: str, file: Path) -> None:
    """Write a bundle as one file."""
    from icicore.workflows.registry_transfer import export_bundle

    acting(Role.READER, "export a model")
    click.echo(str(export_bundle(services(), name, file)))


@bundle.command(name="import")
@click.argument("file", type=PATH)
@click.option("--name", help="Another name for it here.")
@example("icicore bundle import my-bundle.bundle.zip")
def import_(*, file: Path, name: str | None) -> None:
    """Read a bundle from a file; it becomes a candidate."""
    from icicore.workflows.registry_transfer import import_bundle

    row = import_bundle(services(), file, name=name)
    click.echo(f"{row.name}\t{row.digest[:12]}\t{row.state}")


COMMANDS: tuple[click.Command, ...] = (bundles, bundle)
"""What ``icicore.cli`` adds to its group."""
