"""What the evaluation of a bundle found about its explanations, kept beside the bundle and outside its seal."""

import json
from pathlib import Path

from icicore.fingerprint import fingerprint, write_json
from icicore.types import Json

FILE = "faithfulness.json"
_LAYERS = ("attention", "contribution", "gradcam")
"""Layers of a slide that an evaluation can test; by the names that it uses."""


def write_faithfulness(bundle: Path, kinds: Json) -> None:
    """Write the numbers of the slide's layers, with the bundle's digest, so that they are never shown for another."""
    digest = fingerprint(json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))["seal"])
    rows = {k: {f: kinds[k][f] for f in ("value", "interval95", "n")} for k in _LAYERS if kinds.get(k)}
    write_json(bundle / FILE, {"schema": 1, "bundle": digest, "unit": "calibrated logit", "layers": rows})


def read_faithfulness(bundle: Path, *, digest: str) -> dict[str, Json]:
    """Numbers by layer; empty where the bundle was not evaluated, or has changed since."""
    try:
        content = json.loads((bundle / FILE).read_text(encoding="utf-8"))
        rows = content["layers"] if content["bundle"] == digest else {}
        return {k: dict(row) for k, row in rows.items() if row["interval95"] is not None and row["value"] is not None}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
