"""Virtual cohorts shared by the tests of this folder, drawn once per process."""

from functools import cache

import numpy as np
import numpy.typing as npt

from icicore.genomics.panel import load_panel
from icicore.simulate.cohort import simulate_patients
from icicore.simulate.patients import VirtualPatient


@cache
def cohort(n: int, seed: int, scenario: str = "reference") -> tuple[VirtualPatient, ...]:
    panel = load_panel()
    return tuple(
        simulate_patients(
            n,
            seed=seed,
            panel_genes=panel.mutation_genes,
            expression_genes=panel.expression_genes,
            scenario=scenario,
        )
    )


def labels(patients: tuple[VirtualPatient, ...]) -> npt.NDArray[np.bool_]:
    return np.array([p.response.responder for p in patients], dtype=bool)
