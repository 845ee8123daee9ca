"""What a cohort view needs of one result, small: gene attention, the slide embedding, and the values to colour by.

A result holds thousands of gene tokens; reading hundreds of them takes seconds. The summary is made once per result
and kept beside it.
"""

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors

from icicore.domain import MODALITIES
from icicore.fingerprint import write_bytes
from icicore.types import F32, Json

SUMMARY, PREDICTION, INPUTS = "summary.npz", "prediction.json", "inputs.safetensors"
SCHEMA = 1


@dataclass(frozen=True, eq=False)
class CaseSummary:
    """One result of a case.

    Attributes
    ----------
    attention : float32 (tokens,), share of attention of each gene token, NaN where not measured; empty without genes
    embedding : float32 (members x dim,), slide embeddings of all members of the ensemble in turn; empty without slides
    values : what a case can be coloured by, number or word; unknown values are left out
    tokens : symbol and kind of each token
    """

    attention: F32
    embedding: F32
    values: Json
    tokens: tuple[tuple[str, str], ...]


def case_summary(folder: Path) -> CaseSummary | None:
    """Read the summary of a result, or make it; None when the result cannot be read."""
    source, path = folder / PREDICTION, folder / SUMMARY
    try:
        if path.is_file() and path.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            return _read(path)
    except (OSError, ValueError, KeyError):
        pass  # made anew below
    try:
        prediction = json.loads(source.read_text(encoding="utf-8"))
        found = summarise(prediction, _embedding(folder / INPUTS))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    _write(path, found)
    return found


def summarise(prediction: Json, embedding: F32) -> CaseSummary:
    """The summary of a prediction."""
    genes = prediction.get("genes") or []
    attention = [float(g["attention"]) if g.get("measured") else np.nan for g in genes]
    tokens = tuple((str(g["symbol"]), str(g["kind"])) for g in genes)
    return CaseSummary(np.asarray(attention, np.float32), embedding, _values(prediction), tokens)


def _values(prediction: Json) -> Json:
    weights, comparators = (dict(prediction.get(k) or {}) for k in ("modality_weights", "comparators"))
    found: Json = {
        "Probability of response": prediction.get("probability"),
        "Call": prediction.get("call") or "no call",
        "State": prediction.get("status"),
        "Tumour": prediction.get("tumour_type"),
        **{f"Fusion weight of {m}": weights.get(m) for m in MODALITIES},
        "TMB, mutations/Mb": comparators.get("tmb"),
        "PD-L1 (CD274), log2": comparators.get("pdl1"),
        "LORIS": comparators.get("loris"),
    }
    for row in prediction.get("measures") or ():
        found[f"{row['name']}, {row.get('unit', '')}".rstrip(", ")] = row["value"]
    names = {"age": "Age, years", "sex": "Sex", "ecog": "ECOG", "ldh_uln": "LDH, × upper limit of normal"}
    for row in prediction.get("clinical") or ():
        found[names.get(row["name"], str(row["name"]))] = row["value"]
    return {name: value for name, value in found.items() if value is not None}


def _embedding(path: Path) -> F32:
    try:
        slide = load_tensors(path.read_bytes()).get("slide")
    except (OSError, SafetensorError):
        slide = None
    return np.zeros(0, np.float32) if slide is None else np.asarray(slide, np.float32).ravel()


def _write(path: Path, summary: CaseSummary) -> None:
    buffer = io.BytesIO()
    note = json.dumps({"schema": SCHEMA, "values": summary.values, "tokens": summary.tokens})
    content = np.frombuffer(note.encode(), np.uint8)
    np.savez_compressed(buffer, attention=summary.attention, embedding=summary.embedding, note=content)
    write_bytes(path, buffer.getvalue())


def _read(path: Path) -> CaseSummary:
    with np.load(path, allow_pickle=False) as file:
        note = json.loads(file["note"].tobytes())
        if note["schema"] != SCHEMA:
            raise ValueError(f"schema {note['schema']}")
        tokens = tuple((str(symbol), str(kind)) for symbol, kind in note["tokens"])
        return CaseSummary(file["attention"], file["embedding"], note["values"], tokens)
