"""The simple scores in prediction.json: each only where its inputs are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from icicore.domain import Case, ClinicalValues, TumourType
from icicore.evaluation.loris import loris
from icicore.genomics.features import encode
from icicore.genomics.panel import load_panel
from icicore.genomics.records import Expression, MutationCalls
from icicore.models.inputs import CaseInputs
from icicore.workflows.evidence import Evidence
from icicore.workflows.prediction_json import _comparators

ROUTINE = {"albumin": 4.0, "nlr": 3.0, "systemic_history": 0.0}


def evidence(routine: dict[str, float], *, age: float | None = 60.0) -> Evidence:
    case = Case("P1", TumourType.NSCLC, Path("P1"), clinical=ClinicalValues(age=age, sex="F"), routine=routine)
    expression = Expression(("CD274", "STAT1"), np.array([7.5, 9.0], np.float32), "tpm")
    panel = load_panel()
    genes = encode(panel, mutations=MutationCalls(tmb=12.0), expression=expression)
    return Evidence(case, panel, CaseInputs("P1"), expression=expression, genes=genes)


def test_all_inputs_known():
    found = _comparators(evidence(ROUTINE))
    expected = loris(tmb=12.0, age=60.0, tumour_type="nsclc", **ROUTINE)
    assert found == {"tmb": 12.0, "pdl1": 7.5, "loris": pytest.approx(expected)}


@pytest.mark.parametrize("absent", [*ROUTINE, "age", "genes"])
def test_one_missing_input_leaves_loris_out(absent):
    given = evidence({k: v for k, v in ROUTINE.items() if k != absent}, age=None if absent == "age" else 60.0)
    if absent == "genes":
        given = replace(given, genes=None, expression=None)
    assert _comparators(given)["loris"] is None
