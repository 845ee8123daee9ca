"""Run commands of ``icicore``: inside the test, or as a process of their own where that is the point."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from icicore.cli import cli

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Done:
    """What a command left: exit code and the two streams."""

    returncode: int
    stdout: str
    stderr: str


def run_inside(*args: object, home: Path, **env: str) -> Done:
    """Run a command in this process, where the libraries are loaded already.

    Log lines reach stderr as they do in a process of its own, so that "one line" means the same; an exception that the
    command does not turn into a line fails the test.
    """
    with _log_lines_on_stderr():
        environment = {"ICICORE_HOME": str(home), **env}
        result = CliRunner().invoke(cli, [str(a) for a in args], env=environment, catch_exceptions=False)
    return Done(result.exit_code, result.stdout, result.stderr)


def run_process(*args: object, home: Path, **env: str) -> Done:
    """Run a command as a user does, with what the libraries themselves print."""
    environment = {**os.environ, "ICICORE_HOME": str(home), **env}
    command = [sys.executable, "-m", "icicore.cli", *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


@contextmanager
def _log_lines_on_stderr() -> Iterator[None]:
    """Python's handler of last resort, which a test run otherwise replaces."""
    assert logging.lastResort is not None
    logging.getLogger().addHandler(logging.lastResort)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(logging.lastResort)
