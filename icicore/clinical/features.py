"""The four clinical values as numbers with a mask, z-scored with statistics of the training cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from icicore.domain import ClinicalValues
from icicore.scaling import scaler_arrays, scaler_json
from icicore.types import F32, Json, Mask

NAMES = ("age", "sex", "ecog", "ldh_uln")
"""Order of the clinical values in every vector."""


def encode(values: ClinicalValues) -> tuple[F32, Mask]:
    """Unscaled values, float32 (4,), and which are known, bool (4,).

    Age in years, sex 0 female and 1 male, ECOG 0-4, log2 of LDH over its upper limit of normal. Unknown is 0.
    """
    raw = (
        values.age,
        None if values.sex is None else float(values.sex == "M"),
        values.ecog,
        None if values.ldh_uln is None else np.log2(values.ldh_uln),
    )
    known = np.array([value is not None for value in raw], np.bool_)
    return np.array([0.0 if value is None else value for value in raw], np.float32), known


@dataclass(frozen=True)
class ClinicalScaler:
    """Centre and spread of the four values over the training cases in which each is known.

    A value that no training case had was never learnt, and is treated as unknown, also where a later case states it.

    Attributes
    ----------
    mean, scale : float32 (4,)
    seen : bool (4,), values that some training case had
    """

    mean: F32
    scale: F32
    seen: Mask

    @classmethod
    def fit(cls, cases: Sequence[ClinicalValues]) -> "ClinicalScaler":
        """Fit on training cases; a value that never varies keeps scale 1."""
        if not cases:
            nothing = np.zeros(len(NAMES), np.float32)
            return cls(nothing, nothing + 1, np.zeros(len(NAMES), np.bool_))
        raw, known = (np.stack(column) for column in zip(*map(encode, cases), strict=True))
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, raw, 0).sum(axis=0, dtype=np.float64) / count
        scale = np.sqrt((np.where(known, raw - mean, 0) ** 2).sum(axis=0, dtype=np.float64) / count)
        spread = np.where(scale < 1e-6, 1.0, scale).astype(np.float32)
        return cls(mean.astype(np.float32), spread, np.asarray(known.any(axis=0)))

    def transform(self, values: ClinicalValues) -> tuple[F32, Mask]:
        """Z-scores, float32 (4,), 0 where they cannot be used, and which can, bool (4,): known and ever learnt."""
        raw, known = encode(values)
        known = known & self.seen
        return np.where(known, (raw - self.mean) / self.scale, 0).astype(np.float32), known

    def to_json(self) -> Json:
        """As stored in a bundle."""
        return scaler_json(self.mean, self.scale, self.seen)

    @classmethod
    def from_json(cls, stored: Mapping[str, Sequence[float]]) -> "ClinicalScaler":
        """Inverse of :meth:`to_json`, exact."""
        return cls(*scaler_arrays(stored))
