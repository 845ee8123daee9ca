"""The planted truth of a virtual study: the only reader of it outside the simulator and its tests."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from icicore.domain import MODALITIES
from icicore.errors import StudyError
from icicore.simulate.truth_store import TRUTH_DIR, TRUTH_FILE, read_study_truth
from icicore.types import F64, Json, Mask

_OTHER = {
    "TMB": "TMB",
    "til_density_margin": "TIL density at the margin",
    "tumour_stroma_ratio": "tumour-stroma ratio",
    "ldh_uln": "LDH",
    "ecog": "ECOG",
    "age": "age",
    "sex": "sex",
}
"""Planted causes outside the gene lists, as Table 2 names them."""


@dataclass(frozen=True, eq=False)
class Truth:
    """What a simulation knows about the test patients.

    Attributes
    ----------
    oracle : probability (n,) that is ``attainable`` from the patient's data, given all ``causes``, given each modality
    informative : bool (n, 3), whether a modality is present and reliable
    scenario : of the simulation
    planted : names of causal features, as Table 2 writes them
    factors : further planted values (n,) by name
    """

    oracle: dict[str, F64]
    informative: Mask
    scenario: str
    planted: frozenset[str]
    factors: dict[str, F64]


def read_truth(study: Path, patients: Sequence[str]) -> Truth | None:
    """Truth of these patients; None for a study that has none (a real one)."""
    try:
        table = read_study_truth(study).loc[list(patients)]
    except (StudyError, KeyError):
        return None
    if "oracle_attainable" not in table:
        return None
    common = json.loads((study / TRUTH_DIR / TRUTH_FILE).read_text(encoding="utf-8"))
    columns = {"attainable": "oracle_attainable", "causes": "oracle_probability"}
    columns |= {m: f"oracle_{m}" for m in MODALITIES}
    numeric = ("til", "tumour_share", "purity")
    return Truth(
        oracle={name: table[column].to_numpy(np.float64) for name, column in columns.items()},
        informative=np.stack([table[f"informative_{m}"].to_numpy(np.int64) > 0 for m in MODALITIES], axis=1),
        scenario=str(common["scenario"]),
        planted=_planted(common),
        factors={name: table[name].to_numpy(np.float64) for name in numeric if name in table},
    )


def _planted(common: Json) -> frozenset[str]:
    names = {f"{gene} mutation" for gene in common["causal_mutations"]}
    names |= {f"{gene} expression" for gene in common["causal_expression"]}
    return frozenset(names | {_OTHER.get(name, name) for name in common["causal_other"]})
