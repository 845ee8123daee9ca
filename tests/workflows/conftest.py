"""One small virtual case and one home folder, shared by the tests of this folder."""

import dataclasses
import json
from pathlib import Path

import pytest

from icicore.settings import read_settings
from icicore.simulate.case_writer import write_case
from icicore.workflows.services import Services, build_services
from icicore.workflows.simulation import draw_patients


@pytest.fixture(scope="session")
def virtual_case(tmp_path_factory) -> Path:
    """A virtual patient with a slide of about 60 tiles, mutations, expression and clinical values."""
    root = tmp_path_factory.mktemp("cases")
    for patient in draw_patients(60, seed=4242):
        spec = patient.slide_spec
        complete = spec is not None and patient.mutations is not None and patient.expression is not None
        if complete and not patient.clinical.empty and spec.phenotype == "inflamed" and not spec.artefacts:
            small = dataclasses.replace(spec, size_um=(1300.0, 1100.0), necrosis=0.0)
            return write_case(dataclasses.replace(patient, slide_spec=small), root / patient.patient_id)
    raise AssertionError("no complete patient among 60")


@pytest.fixture(scope="session")
def services(tmp_path_factory, virtual_case) -> Services:
    home = tmp_path_factory.mktemp("home")
    built = build_services(read_settings({"ICICORE_HOME": str(home), "ICICORE_ROOTS": str(virtual_case.parent)}))
    yield built
    built.database.close()


@pytest.fixture
def case_copy(virtual_case, tmp_path):
    """A copy of the case without its slide, whose case.json can be changed."""

    def copy(**changes: object) -> Path:
        folder = tmp_path / "copy"
        folder.mkdir()
        for name in ("mutations.maf", "expression.tsv"):
            (folder / name).write_bytes((virtual_case / name).read_bytes())
        record = json.loads((virtual_case / "case.json").read_text())
        (folder / "case.json").write_text(json.dumps(record | changes))
        return folder

    return copy
