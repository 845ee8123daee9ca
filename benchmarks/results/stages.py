"""Stages that are done once: each has a folder, and is made again when its plan or the code it rests on changes."""

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import icicore
from icicore.cli_tools import progress_bar
from icicore.fingerprint import file_digest, fingerprint, write_json
from icicore.types import Progress, no_progress

PACKAGE = Path(icicore.__file__).parent
_BASE = ("domain.py", "errors.py", "types.py", "fingerprint.py")
SIMULATION = (
    *_BASE, "simulate", "slides", "embeddings", "genomics", "workflows/simulation.py", "workflows/tile_bank.py",
)  # fmt: skip
TRAINING = (*SIMULATION, "clinical", "models", "training", "workflows/learning.py")
EVALUATION = (*TRAINING, "evaluation", "explain", "workflows/evaluation")
NOTE = "stage.json"


@dataclass(frozen=True)
class Done:
    """A finished stage; ``seconds`` are those of the run that finished it."""

    name: str
    folder: Path
    result: dict
    seconds: float
    resumed: bool


@dataclass
class Stages:
    """Runs stages below ``out``.

    With ``trust`` a stage of the same plan stays, whatever the code has become; without ``bar`` only a line per stage
    is shown.
    """

    out: Path
    trust: bool = False
    bar: bool = True
    done: list[Done] = field(default_factory=list)

    def run(self, name: str, spec: object, code: tuple[str, ...], make: Callable[[Path, Progress], dict]) -> Done:
        """Return the stage's result, from its folder where it is complete there.

        Parameters
        ----------
        spec : all that decides the result, the keys of the stages it builds on included
        code : files and folders of the package that it rests on
        make : writes into the folder and returns what is to be kept; may be interrupted and called again
        """
        folder = self.out / f"{name}-{fingerprint(name, spec)[:10]}"
        begun = self._begun(folder, source_digest(code))
        if "result" in begun:
            return self._add(name, folder, begun, f"{name}: there already")
        write_json(folder / NOTE, {"code": source_digest(code)})
        started = time.perf_counter()
        with progress_bar() if self.bar else nullcontext(no_progress) as progress:
            result = make(folder, progress)
        seconds = round(time.perf_counter() - started, 1)
        note = {"code": source_digest(code), "seconds": seconds, "resumed": bool(begun), "result": result}
        write_json(folder / NOTE, note)
        return self._add(name, folder, note, f"{name}: {seconds:.0f} s")

    def _begun(self, folder: Path, code: str) -> dict:
        """Note of a stage that was begun; one of other code is thrown away."""
        if not (folder / NOTE).is_file():
            return {}
        note = json.loads((folder / NOTE).read_text(encoding="utf-8"))
        if note["code"] == code or (self.trust and "result" in note):
            return note
        shutil.rmtree(folder)
        return {}

    def _add(self, name: str, folder: Path, note: dict, line: str) -> Done:
        print(line, file=sys.stderr, flush=True)
        self.done.append(Done(name, folder, note["result"], note["seconds"], note["resumed"]))
        return self.done[-1]


@cache
def source_digest(parts: tuple[str, ...]) -> str:
    """Digest of all files of these parts of the package."""
    files = sorted(path for part in parts for path in _files(PACKAGE / part))
    return fingerprint([(path.relative_to(PACKAGE).as_posix(), file_digest(path)) for path in files])


def _files(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    return [p for p in place.rglob("*") if p.is_file() and "__pycache__" not in p.parts]


def folder_digest(folder: Path) -> str:
    """Digest of a folder of data: names and contents."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return fingerprint([(p.relative_to(folder).as_posix(), file_digest(p)) for p in files])


@contextmanager
def kept_out(folder: Path) -> Iterator[Path]:
    """A scratch folder that is gone afterwards."""
    scratch = folder / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
