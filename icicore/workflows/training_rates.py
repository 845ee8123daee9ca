"""How fast the devices of this installation train, measured on its own runs."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from icicore.devices import list_devices
from icicore.fingerprint import write_json
from icicore.training.config import TrainConfig
from icicore.training.journal import read_journal
from icicore.types import Json
from icicore.workflows.estimates import sample_cost_ms

RATES = "training-rates.json"
_FEWEST_SECONDS = 2.0
"""A run whose epochs took less tells too little."""


def read_rates(home: Path) -> dict[str, Json]:
    """By name of the device: ``factor`` (seconds per CPU second of the reference), ``epochs`` and ``when``."""
    try:
        content = json.loads((home / RATES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in content.items() if isinstance(v, dict) and "factor" in v}


def note_rate(home: Path, device: str, journal: Path, config: TrainConfig, facts: Json) -> None:
    """Remember how fast a run was; the newest run counts, as the device may have changed."""
    measured = rate_of(read_journal(journal), config, facts)
    name = next((d.name for d in list_devices() if d.key == device), None)
    if measured is None or name is None:
        return
    factor, epochs = measured
    entry = {"factor": round(factor, 4), "epochs": epochs, "when": datetime.now(UTC).isoformat(timespec="seconds")}
    write_json(home / RATES, read_rates(home) | {name: entry})


def rate_of(entries: Iterable[Json], config: TrainConfig, facts: Json) -> tuple[float, int] | None:
    """Seconds that the epochs took per CPU second of the reference, and their number; None where too few."""
    taken, expected, epochs = 0.0, 0.0, 0
    for entry in entries:
        if entry["event"] == "epoch" and entry.get("samples"):
            kind = str(entry["member"]).rpartition("-")[0]
            taken += float(entry["seconds"])
            expected += float(entry["samples"]) * sample_cost_ms(kind, config, facts) / 1000
            epochs += 1
    return None if taken < _FEWEST_SECONDS or expected <= 0 else (taken / expected, epochs)
