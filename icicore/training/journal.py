"""What a training run has been through, one JSON object per line, appended as it happens; the live view reads it.

A line is written with one system call and the file only grows, so a reader never sees half an entry for long and a
killed run loses at most its last line. Neither torch nor a study is needed to read it.
"""

import json
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from icicore.fingerprint import write_bytes
from icicore.types import Json

JOURNAL = "events.jsonl"


@dataclass(frozen=True)
class Journal:
    """Appends to a file; without a path it forgets."""

    path: Path | None = None

    def add(self, event: str, **facts: object) -> None:
        """Append one entry with the time, seconds since 1970 (UTC)."""
        if self.path is None:
            return
        line = json.dumps({"t": round(time.time(), 3), "event": event, **facts}, allow_nan=False)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, f"{line}\n".encode())
        finally:
            os.close(handle)

    def mend(self) -> None:
        """End a line that a killed run left unfinished, so that the next one stands alone."""
        if self.path is None or not self.path.is_file() or self.path.stat().st_size == 0:
            return
        with self.path.open("rb+") as stream:
            stream.seek(-1, os.SEEK_END)
            if stream.read(1) != b"\n":
                stream.write(b"\n")

    def copy_to(self, target: Path) -> None:
        """Leave a copy elsewhere, whole or not at all."""
        if self.path is not None and self.path.is_file():
            write_bytes(target, self.path.read_bytes())


def read_journal(path: Path) -> list[Json]:
    """All whole entries in order; empty when there is no journal."""
    try:
        content = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return list(entries_of(content.splitlines()))


def entries_of(lines: Iterable[str]) -> Iterator[Json]:
    """The entries among some lines."""
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # cut off by a crash
        if isinstance(entry, dict) and "event" in entry:
            yield entry


@dataclass
class MemberLog:
    """What the journal says of one member, by epoch from 0; unknown values are None.

    ``auc`` and ``loss`` are of the selection patients, ``train_loss`` of the training batches, ``rate`` the learning
    rate at the end of the epoch.
    """

    name: str
    auc: dict[int, float] = field(default_factory=dict)
    loss: dict[int, float] = field(default_factory=dict)
    train_loss: dict[int, float] = field(default_factory=dict)
    rate: dict[int, float] = field(default_factory=dict)
    best_epoch: int | None = None

    @property
    def kind(self) -> str:
        """Model of the member."""
        return self.name.rpartition("-")[0]


@dataclass
class RunLog:
    """The journal of a run, put together over all its tries."""

    plan: Json = field(default_factory=dict)
    members: dict[str, MemberLog] = field(default_factory=dict)
    now: Json = field(default_factory=dict)
    epoch_seconds: dict[str, list[float]] = field(default_factory=dict)
    notes: list[Json] = field(default_factory=list)
    tries: int = 0
    finished: bool = False


def summarise(entries: Iterable[Json]) -> RunLog:
    """Put a journal together; an epoch that was done twice counts once, as it came out the same."""
    log = RunLog()
    for entry in entries:
        note(log, entry)
    return log


def note(log: RunLog, entry: Json) -> None:
    """Add the next entry of a journal to what is known of it."""
    kind = entry["event"]
    if kind == "run":
        log.plan, log.tries, log.now = entry, log.tries + 1, {}
    elif kind == "done":
        log.finished, log.now = True, {}
    elif kind in ("halved", "note"):
        log.notes.append(entry)
    elif "member" in entry:
        _take(log, log.members.setdefault(entry["member"], MemberLog(entry["member"])), entry)


def _take(log: RunLog, member: MemberLog, entry: Json) -> None:
    kind = entry["event"]
    if kind == "resumed":
        member.auc |= dict(enumerate(entry["aucs"]))
        member.loss |= dict(enumerate(entry["losses"]))
    elif kind == "step":
        log.now = entry
    elif kind == "epoch":
        log.now = entry
        epoch = int(entry["epoch"])
        pairs: tuple[tuple[dict[int, float], str], ...] = (
            (member.auc, "auc"), (member.loss, "loss"), (member.train_loss, "train_loss"), (member.rate, "rate"),
        )  # fmt: skip
        for values, name in pairs:
            value: Any = entry.get(name)
            if value is not None:
                values[epoch] = float(value)
        log.epoch_seconds.setdefault(member.kind, []).append(float(entry["seconds"]))
    elif kind == "member":
        member.best_epoch = int(entry["best_epoch"])
