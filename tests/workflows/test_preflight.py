"""The preflight: what it finds in a study, and that nobody a bundle is tested on is trained on."""

import json

import numpy as np
import pytest

from icicore.settings import read_settings
from icicore.training.config import TrainConfig
from icicore.training.leakage import case_hash, checked_split
from icicore.training.study import read_study
from icicore.workflows.candidates import TrainingRequest, check_name
from icicore.workflows.checks import check_request
from icicore.workflows.preflight import check_training
from icicore.workflows.services import build_services
from icicore.workflows.simulation import StudySpec, simulate_study
from icicore.workflows.studies import check_study_folder, list_studies
from tests.training.study_folder import edit, write_small_study


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A home, and a virtual study under its root."""
    root = tmp_path_factory.mktemp("preflight")
    environment = {
        "ICICORE_HOME": str(root / "home"),
        "ICICORE_ROOTS": str(root / "roots"),
        "ICICORE_CHECKPOINTS": str(root / "checkpoints"),
    }
    services = build_services(read_settings(environment))
    simulate_study(services, root / "roots" / "virtual", StudySpec(patients=160, seed=5, bank_slides=0))
    yield services, root
    services.database.close()


@pytest.fixture
def promoted(place):
    """A promoted bundle, as far as a preflight reads one: it knows all patients, split by another seed."""
    services, root = place
    study = read_study(root / "roots" / "virtual")
    split = checked_split(study, 9)
    hashes = {
        part: [case_hash("salt", study.patients[i]) for i in getattr(split, part)] for part in ("train", "val", "test")
    }
    folder = root / "checkpoints" / "first"
    folder.mkdir(parents=True, exist_ok=True)
    content = {"name": "first", "cohort": {"salt": "salt", "case_hashes": hashes}, "seal": {"x": 1}}
    (folder / "bundle.json").write_text(json.dumps(content))
    yield study, split
    (folder / "bundle.json").unlink()


def test_it_says_who_and_what_is_there(place):
    services, root = place
    found = check_training(services, TrainingRequest("x", root / "roots" / "virtual"))
    assert found["problems"] == []
    study = read_study(root / "roots" / "virtual")
    assert (found["patients"], found["responders"], found["virtual"]) == (len(study), study.responder.sum(), True)
    assert sum(g["n"] for g in found["tumour_types"]) == sum(g["n"] for g in found["sites"]) == len(study)
    assert sum(p["n"] for p in found["parts"].values()) == len(study)
    assert found["modalities"]["clinical"] == sum(c is not None for c in study.clinical)
    assert found["modalities"]["histology"] == 0
    assert "no patient has histology" in found["warnings"]
    assert found["facts"]["tokens"] == len(study.tokens)
    assert json.loads(json.dumps(found)) == found


def test_a_split_that_would_train_on_test_patients_is_refused_with_their_ids(place, promoted):
    services, root = place
    study, before = promoted
    free = TrainingRequest("x", root / "roots" / "virtual", keep_split=False)
    found = check_training(services, free)
    drawn = checked_split(study, 0)
    tested = {study.patients[i] for i in before.test}
    leaked = sorted(tested & {study.patients[i] for i in np.concatenate([drawn.train, drawn.val])})
    assert leaked
    assert found["leak"] == {"bundle": "first", "patients": leaked}
    assert f"{len(leaked)} patients to train on are test patients of first" in found["problems"][0]
    kept = check_training(services, TrainingRequest("x", root / "roots" / "virtual"))
    assert (kept["problems"], kept["leak"], kept["known"]) == ([], None, len(study))
    assert kept["parts"]["test"]["n"] == len(before.test)


def test_continuing_what_cannot_be_loaded_is_a_problem_not_a_crash(place, promoted):
    services, root = place
    found = check_training(services, TrainingRequest("x", root / "roots" / "virtual", continued=True))
    assert len(found["problems"]) == 1
    assert "\n" not in found["problems"][0]


@pytest.mark.parametrize(
    ("name", "line"),
    [("small", "part has"), ("elsewhere", "lies outside the folders"), ("none", "holds no data_clinical_patient.txt")],
)
def test_what_cannot_be_trained_on_is_said_in_one_line(place, tmp_path, name, line):
    services, root = place
    folder = (tmp_path if name == "elsewhere" else root / "roots") / name
    if name == "none":
        folder.mkdir(exist_ok=True)
    elif not folder.exists():
        write_small_study(folder)
    found = check_training(services, TrainingRequest("x", folder))
    assert line in found["problems"][0]


def test_patients_that_are_listed_twice_are_named(place):
    services, root = place
    folder = root / "roots" / "twice"
    write_small_study(folder)
    edit(folder / "data_clinical_patient.txt", lambda rows: [*rows, rows[1]])
    found = check_training(services, TrainingRequest("x", folder))
    assert any("P00" in line for line in found["duplicates"])


def test_studies_are_found_under_the_roots_and_in_the_home(place):
    services, root = place
    write_small_study(root / "home" / "studies" / "mine")
    write_small_study(root / "roots" / "a" / "b" / "deep")
    write_small_study(root / "roots" / ".hidden" / "study")
    found = {p.name: p.imported for p in list_studies(services.settings)}
    assert found["mine"] is True
    assert found["deep"] is found["virtual"] is False
    assert "study" not in found
    assert check_study_folder(services.settings, root / "home" / "studies" / "mine").name == "mine"


def test_what_a_check_depends_on(tmp_path):
    one = TrainingRequest("a", tmp_path, {"seed": 3, "members": 2, "width": 2.0})
    assert check_request(one) == TrainingRequest("check", tmp_path, {"seed": 3})
    assert check_request(TrainingRequest("b", tmp_path, one.config, continued=True)).config == {"seed": 3, "width": 2.0}


def test_a_name_is_checked(place):
    services, _ = place
    assert check_name(services.settings, "a-b_1.c") == "a-b_1.c"
    for bad in ("..", ".hidden", "a/b", "a..b", "x" * 65, ""):
        with pytest.raises(Exception, match="cannot name a bundle"):
            check_name(services.settings, bad)
    assert TrainConfig().name is None
