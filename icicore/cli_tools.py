"""What the commands share: error lines, examples in the help, progress bars, JSON on stdout."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click

from icicore.access import Person, Role, require
from icicore.errors import IcicoreError
from icicore.settings import Settings, read_settings
from icicore.types import Json, Progress, no_progress

PATH = click.Path(path_type=Path)
"""A path as ``pathlib.Path``; whether it exists is checked where it is used, so that the message can help."""


class StudyPath(click.Path):
    """A study folder, or the name of an imported study."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Folder as given where there is one, else that of the imported study of this name."""
        given = Path(str(super().convert(value, param, ctx)))
        imported = read_settings().studies_dir / given
        return imported if not given.exists() and imported.is_dir() else given


class Group(click.Group):
    """Turns the package's errors into one line and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; see the class."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("icicore: stopped; the same command continues where it stopped", err=True)
            raise SystemExit(130) from None
        except IcicoreError as error:
            fail(str(error))
        except OSError as error:
            fail(f"{Path(str(error.filename or 'file')).name}: {error.strerror or error}")


def fail(line: str) -> NoReturn:
    """End with one line on stderr and exit code 1."""
    click.echo(f"icicore: {line}", err=True)
    raise SystemExit(1)


def example(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add an example to a command's help."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        function.__doc__ = f"{(function.__doc__ or '').rstrip()}\n\n\b\nExample:\n  {text}\n"
        return function

    return wrap


@contextmanager
def progress_bar() -> Iterator[Progress]:
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


def services(settings: Settings | None = None) -> Any:
    """Settings, stores and models; imported late, as the stores are slow to load."""
    from icicore.workflows.services import build_services

    return build_services(settings or read_settings())


def acting(role: Role, to: str, *, case: Path | None = None, slide: Path | None = None) -> Person:
    """The person at the command line, if the role is enough and the case or slide is in sight.

    Raises
    ------
    NotPermitted
        It is not.
    InputError
        ``people.toml`` or the case folder cannot be read.
    """
    from icicore.people import local_person
    from icicore.workflows.visibility import require_folder, require_slide_file

    person = require(local_person(read_settings()), role, to)
    if case is not None:
        require_folder(person, case)
    if slide is not None:
        require_slide_file(person, slide)
    return person


def print_json(content: Json | list[Json]) -> None:
    """JSON on stdout."""
    click.echo(json.dumps(content, indent=1, ensure_ascii=False))
