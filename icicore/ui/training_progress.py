"""Where a training stands, from its journal: stage, epoch, time left, speed, memory. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from icicore.training.journal import RunLog
from icicore.types import Json


@dataclass(frozen=True)
class Standing:
    """What the live view says in numbers; None where not known yet.

    ``done`` and ``total`` count epochs over all members of all models, ``left`` is seconds at most.
    """

    member: str = ""
    epoch: int | None = None
    epochs: int = 0
    done: int = 0
    total: int = 0
    epoch_left: float | None = None
    left: float | None = None
    samples_per_second: float | None = None
    rate: float | None = None
    rss_mib: float | None = None
    gpu_mib: float | None = None


def standing(log: RunLog, now: float) -> Standing:
    """Put the newest entries together.

    Parameters
    ----------
    now : seconds since 1970
    """
    plan, entry = log.plan, log.now
    if not plan:
        return Standing()
    epochs, members = int(plan["epochs"]), int(plan["members"])
    total = len(plan["kinds"]) * members * epochs
    if not entry:
        return Standing(epochs=epochs, done=_done(log, epochs), total=total)
    current = int(entry["epoch"]) + (1 if entry["event"] == "epoch" else 0)
    return Standing(
        member=str(entry["member"]),
        epoch=min(current, epochs - 1),
        epochs=epochs,
        done=_done(log, epochs),
        total=total,
        epoch_left=_epoch_left(log, entry, now),
        left=_left(log, plan, epochs, members),
        samples_per_second=entry.get("samples_per_second"),
        rate=entry.get("rate"),
        rss_mib=entry.get("rss_mib"),
        gpu_mib=entry.get("gpu_mib"),
    )


def _done(log: RunLog, epochs: int) -> int:
    """Epochs that are behind us; a member that stopped early has all of its behind it."""
    return sum(epochs if m.best_epoch is not None else len(m.loss) for m in log.members.values())


def _epoch_left(log: RunLog, entry: Json, now: float) -> float | None:
    """Seconds to the end of the epoch."""
    if entry["event"] == "step" and entry["step"]:
        whole = float(entry["seconds"]) * int(entry["steps"]) / int(entry["step"])
        return max(0.0, whole - float(entry["seconds"]) - (now - float(entry["t"])))
    known = log.epoch_seconds.get(str(entry["member"]).rpartition("-")[0])
    return None if not known else max(0.0, median(known[-5:]) - (now - float(entry["t"])))


def _left(log: RunLog, plan: Json, epochs: int, members: int) -> float | None:
    """Seconds to the end at most: epochs that are left of each model, at the pace of its own or the slowest known."""
    known = {kind: median(seconds[-8:]) for kind, seconds in log.epoch_seconds.items()}
    if not known:
        return None
    left = 0.0
    for kind in plan["kinds"]:
        own = [m for m in log.members.values() if m.kind == kind]
        behind = sum(epochs if m.best_epoch is not None else len(m.loss) for m in own)
        left += max(0, members * epochs - behind) * known.get(kind, max(known.values()))
    return left


def kinds_begun(log: RunLog) -> list[str]:
    """Models of which something can be shown, in order."""
    begun = {m.kind for m in log.members.values()}
    return [kind for kind in log.plan.get("kinds", ()) if kind in begun]


def lines_of(log: RunLog, kind: str, name: str) -> list[tuple[int, Sequence[int], Sequence[float]]]:
    """Curves of a model: number of the member from 0, epochs from 1, values of ``name``."""
    found = []
    for member in log.members.values():
        values: dict[int, float] = getattr(member, name)
        if member.kind == kind and values:
            epochs = sorted(values)
            found.append((int(member.name.rpartition("-")[2]), [e + 1 for e in epochs], [values[e] for e in epochs]))
    return sorted(found, key=lambda one: one[0])
