"""How far a case lies from a bundle's training patients: slide embeddings and expression. Needs no torch.

The axes come from one half of the training patients and the distributions from the other half, so that a new patient
of the same kind is placed among patients that the axes do not know either. Only means, axes and quantiles are kept: no
patient can be read from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as save_tensors
from scipy.special import ndtri

from icicore.errors import BundleError
from icicore.fingerprint import write_bytes
from icicore.models.bundle_files import DRIFT
from icicore.models.reference import Distribution
from icicore.types import F32, Json, Mask

DISTANCE, AXIS, LOCATION, SPREAD = "slide distance", "slide axis", "expression location", "expression spread"
FEWEST_GENES = 100
"""With fewer measured genes a profile has no location and spread of its own."""
_QUARTILES = 1.349
"""Interquartile range of a standard normal distribution."""
_EDGE = 0.5
"""Percentile beyond which quantiles of a few hundred patients say nothing more."""


@dataclass(frozen=True, eq=False)
class SlideAxes:
    """Mean float32 (d,) of the patients' mean embeddings, axes (k, d) of largest spread, and the typical distance."""

    mean: F32
    axes: F32
    typical: float


@dataclass(frozen=True, eq=False)
class GeneScale:
    """Mean and standard deviation float32 (T,) of each expression token, in token order of the expression tokens."""

    mean: F32
    deviation: F32


@dataclass(frozen=True, eq=False)
class DriftReference:
    """What the inputs of the training patients look like.

    ``measures`` holds the distribution of every measure over the second half; a part that the study did not hold is
    None.
    """

    slides: SlideAxes | None = None
    genes: GeneScale | None = None
    measures: Mapping[str, Distribution] = field(default_factory=dict)

    def place(self, raw: Mapping[str, float]) -> Json:
        """``value`` and ``score`` of each measure; the score is in standard deviations among training patients."""
        found: Json = {}
        for name, value in raw.items():
            place = self.measures[name].place(value) if name in self.measures else None
            if place is not None and np.isfinite(value):
                share = np.clip(place.percentile, _EDGE, 100 - _EDGE) / 100
                found[name] = {"value": float(value), "score": round(float(ndtri(share)), 4)}
        return found

    def n(self, name: str) -> int:
        """Training patients behind the distribution of a measure."""
        return self.measures[name].n if name in self.measures else 0


def slide_measures(slides: SlideAxes, mean_embedding: F32) -> dict[str, float]:
    """Distance in units of the typical one, and the place on each axis.

    Parameters
    ----------
    mean_embedding : (d,), mean over all tiles of a case
    """
    offset = mean_embedding.astype(np.float64) - slides.mean
    along = slides.axes.astype(np.float64) @ offset
    distance = float(np.linalg.norm(offset)) / max(slides.typical, 1e-12)
    return {DISTANCE: distance} | {f"{AXIS} {k}": float(v) for k, v in enumerate(along, start=1)}


def expression_measures(genes: GeneScale, values: F32, measured: Mask) -> dict[str, float]:
    """Location and spread of a profile, in standard deviations of the genes; empty with too few measured genes.

    Parameters
    ----------
    values, measured : (T,), the expression tokens
    """
    known = measured & np.isfinite(genes.mean) & (genes.deviation > 0)
    if int(known.sum()) < FEWEST_GENES:
        return {}
    z = (values[known].astype(np.float64) - genes.mean[known]) / genes.deviation[known]
    low, middle, high = np.percentile(z, [25, 50, 75])
    return {LOCATION: float(middle), SPREAD: float(high - low) / _QUARTILES}


def write_drift(folder: Path, digest: str, reference: DriftReference) -> None:
    """Write the reference beside the bundle of this digest; it is no part of the seal, so it can be added later."""
    tensors: dict[str, F32] = {}
    if reference.slides is not None:
        tensors |= {"slides.mean": reference.slides.mean, "slides.axes": reference.slides.axes}
        tensors["slides.typical"] = np.array([reference.slides.typical], np.float32)
    if reference.genes is not None:
        tensors |= {"genes.mean": reference.genes.mean, "genes.deviation": reference.genes.deviation}
    for name, one in reference.measures.items():
        tensors[f"measures/{name}"] = np.concatenate([one.quantiles, [one.n]]).astype(np.float32)
    content = save_tensors({k: np.ascontiguousarray(v) for k, v in tensors.items()}, metadata={"bundle": digest})
    write_bytes(folder / DRIFT, bytes(content))


def read_drift(folder: Path, digest: str) -> DriftReference | None:
    """The reference of exactly this bundle; None where there is none.

    Raises
    ------
    BundleError
        the file cannot be read
    """
    path = folder / DRIFT
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="numpy") as stored:
            if (stored.metadata() or {}).get("bundle") != digest:
                return None
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - it is no mapping
        return _from_tensors(tensors)
    except (OSError, SafetensorError, KeyError, ValueError, IndexError) as error:
        raise BundleError(path, f"cannot be read ({error})", remedy="run icicore bundle drift again") from error


def _from_tensors(tensors: Mapping[str, F32]) -> DriftReference:
    slides = genes = None
    if "slides.mean" in tensors:
        slides = SlideAxes(tensors["slides.mean"], tensors["slides.axes"], float(tensors["slides.typical"][0]))
    if "genes.mean" in tensors:
        genes = GeneScale(tensors["genes.mean"], tensors["genes.deviation"])
    measures = {
        name.removeprefix("measures/"): Distribution(value[:-1], int(value[-1]))
        for name, value in tensors.items()
        if name.startswith("measures/")
    }
    return DriftReference(slides, genes, measures)
