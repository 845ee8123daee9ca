"""Commands about background work: the worker itself, and what it is doing."""

import os
import sys
from datetime import UTC, datetime

import click

from icicore.access import Role
from icicore.cli_tools import acting, example, print_json, services
from icicore.settings import read_settings
from icicore.types import Json


@click.command()
@example("ICICORE_WORKER=0 make app  # and on the same machine or another one: icicore worker")
def worker() -> None:
    """Serve the queue until stopped (Ctrl-C): scoring, training, evaluation. One worker per home folder."""
    settings = read_settings()
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    # The worker takes this process over, so that signals reach it; the command line does not import it.
    os.execv(sys.executable, [sys.executable, "-m", "icicore.jobs.worker"])  # noqa: S606


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also those that have ended.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@example("icicore jobs --all")
def jobs(*, everything: bool, as_json: bool) -> None:
    """List the jobs that wait or run, newest first."""
    from icicore.workflows.visibility import sees_job

    by, desk = acting(Role.READER, "see jobs"), services()
    found = desk.jobs.recent(active_only=not everything)
    rows = [_shown(job) for job in found if sees_job(desk, by, job)]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        steps = f"{row['done']}/{row['total']}" if row["total"] else ""
        said = row["error"] or row["message"]
        click.echo("\t".join((row["job_id"], row["kind"], row["state"], row["device"], steps, row["age"], said)))


def _shown(job: object) -> Json:
    names = ("job_id", "kind", "state", "owner", "device", "done", "total", "message", "error", "attempts")
    row: Json = {name: getattr(job, name) for name in names}
    created: datetime = getattr(job, "created")  # noqa: B009
    return row | {"created": created.isoformat(), "age": f"{(datetime.now(UTC) - created).total_seconds():.0f} s"}


COMMANDS: tuple[click.Command, ...] = (worker, jobs)
"""What ``icicore.cli`` adds to its group."""
