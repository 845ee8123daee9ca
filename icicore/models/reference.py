"""Where a value lies among the training patients: quantiles kept beside a bundle's weights. Needs no torch.

Only the training patients of the split are in it, never those for validation or test, and only quantiles: no patient
can be read from it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from icicore.errors import BundleError
from icicore.types import F32, F64, I32

REFERENCE = "reference.safetensors"
N_QUANTILES = 101
"""Quantiles 0, 1, ... 100 %."""


@dataclass(frozen=True)
class Place:
    """Place of a value among ``n`` training patients; ``percentile`` is 0 to 100, ties at their middle."""

    percentile: float
    n: int


@dataclass(frozen=True, eq=False)
class Distribution:
    """``quantiles`` float32 (101,) of the ``n`` training patients in whom something is known; NaN where n is 0."""

    quantiles: F32
    n: int

    @classmethod
    def of(cls, values: F64 | F32) -> "Distribution":
        """Distribution of values (N,); those that are not finite are left out."""
        known = values[np.isfinite(values)]
        if not len(known):
            return cls(np.full(N_QUANTILES, np.nan, np.float32), 0)
        return cls(np.quantile(known, np.linspace(0, 1, N_QUANTILES)).astype(np.float32), len(known))

    def place(self, value: float) -> Place | None:
        """Where a value lies; None when nothing is known of the training patients."""
        if self.n == 0:
            return None
        below = float(np.searchsorted(self.quantiles, np.float32(value), side="left"))
        upto = float(np.searchsorted(self.quantiles, np.float32(value), side="right"))
        # Quantile k stands for k percent; a value that equals several of them stands at their middle.
        percentile = (below + upto - 1) / 2 if upto > below else self._between(value, int(below))
        return Place(float(np.clip(percentile, 0.0, 100.0)), self.n)

    @property
    def median(self) -> float:
        """NaN where nothing is known."""
        return float(self.quantiles[N_QUANTILES // 2])

    def _between(self, value: float, above: int) -> float:
        """Percentile of a value that lies between two quantiles, or outside all."""
        if above in (0, N_QUANTILES):
            return 0.0 if above == 0 else 100.0
        low, high = float(self.quantiles[above - 1]), float(self.quantiles[above])
        return above - 1 + (value - low) / (high - low)


@dataclass(frozen=True, eq=False)
class Reference:
    """Distributions over the training patients of a bundle.

    Attributes
    ----------
    genes : quantiles float32 (T, 101) of the raw token values, in token order; NaN where never measured
    gene_n : int32 (T,), training patients in whom each token was measured
    gene_mean : float32 (T,), mean raw value: for mutation tokens the share of patients with a mutation
    clinical : by name of ``clinical.features.NAMES``: age in years, sex 1 for male, ECOG, log2 of LDH over its limit
    measures : by name, in their own unit (see ``explain.histology``)
    scores : comparison scores by short name (``tmb`` in mutations per Mb, ``pdl1``, ``signature``, ``loris``)
    score_rates : intercept and slope by the same names: a logistic regression of response on the score alone, over the
        training patients; on the scale of :func:`score_scale`
    """

    genes: F32
    gene_n: I32
    gene_mean: F32
    clinical: Mapping[str, Distribution]
    measures: Mapping[str, Distribution]
    scores: Mapping[str, Distribution]
    score_rates: Mapping[str, tuple[float, float]]

    def gene(self, token: int) -> Distribution:
        """Distribution of the raw values of one token."""
        return Distribution(self.genes[token], int(self.gene_n[token]))

    def score_probability(self, name: str, value: float) -> float | None:
        """Rate of response that the regression on one comparison score gives; None where there is no regression."""
        if name not in self.score_rates:
            return None
        intercept, slope = self.score_rates[name]
        z = np.clip(intercept + slope * float(score_scale(name, np.array([value]))[0]), -30, 30)
        return float(1 / (1 + np.exp(-z)))

    def to_bytes(self) -> bytes:
        """Content of the file."""
        tensors = {"genes.quantiles": self.genes, "genes.n": self.gene_n, "genes.mean": self.gene_mean}
        for group, named in (("clinical", self.clinical), ("measures", self.measures), ("scores", self.scores)):
            for name, one in named.items():
                tensors[f"{group}/{name}/quantiles"] = one.quantiles
                tensors[f"{group}/{name}/n"] = np.array([one.n], np.int32)
        for name, rate in self.score_rates.items():
            tensors[f"scores/{name}/rate"] = np.array(rate, np.float64)
        return bytes(save_tensors({k: np.ascontiguousarray(v) for k, v in tensors.items()}))


def score_scale(name: str, values: F64) -> F64:
    """The scale on which response is regressed on a score: log2(1 + TMB), logit of LORIS, others as they are."""
    if name == "tmb":
        return np.asarray(np.log2(1 + np.maximum(values, 0.0)), np.float64)
    if name == "loris":
        inside = np.clip(values, 1e-6, 1 - 1e-6)
        return np.asarray(np.log(inside / (1 - inside)), np.float64)
    return np.asarray(values, np.float64)


def read_reference(folder: Path, seal: Mapping[str, str], *, n_tokens: int) -> Reference | None:
    """Reference distributions of a bundle folder; None for a bundle that was written without any.

    Parameters
    ----------
    seal : of bundle.json; it names the digest of the file
    n_tokens : number of gene tokens of the bundle

    Raises
    ------
    BundleError
        the file is missing or is not the one that the bundle was written with
    """
    expected = seal.get("reference_sha256")
    if expected is None:
        return None
    path = folder / REFERENCE
    if not path.is_file():
        raise BundleError(f"{folder.name}/{REFERENCE}", "is missing", remedy="copy the bundle again")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != expected:
        raise BundleError(path, "is not the file that bundle.json describes", remedy="copy the bundle again")
    try:
        found = _from_tensors(load_tensors(content))
    except (SafetensorError, KeyError, ValueError, IndexError) as error:
        raise BundleError(path, f"cannot be read ({error})", remedy="copy the bundle again") from error
    if found.genes.shape != (n_tokens, N_QUANTILES):
        raise BundleError(
            path, f"holds {len(found.genes)} gene tokens", expected=str(n_tokens), remedy="copy the bundle again"
        )
    return found


def _from_tensors(tensors: Mapping[str, np.ndarray]) -> Reference:
    groups: dict[str, dict[str, Distribution]] = {"clinical": {}, "measures": {}, "scores": {}}
    rates: dict[str, tuple[float, float]] = {}
    for key, value in tensors.items():
        group, _, rest = key.partition("/")
        name, _, part = rest.rpartition("/")
        if part == "quantiles":
            groups[group][name] = Distribution(value, int(tensors[f"{group}/{name}/n"][0]))
        elif part == "rate":
            rates[name] = (float(value[0]), float(value[1]))
    return Reference(
        genes=tensors["genes.quantiles"],
        gene_n=tensors["genes.n"],
        gene_mean=tensors["genes.mean"],
        score_rates=rates,
        **groups,
    )
