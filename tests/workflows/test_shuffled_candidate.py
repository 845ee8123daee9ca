"""A candidate that was really trained on shuffled labels: compared, refused, and promoted by no way there is."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from starlette.routing import Route
from streamlit.testing.v1 import AppTest

from icicore.access import Person, Role
from icicore.cli import cli
from icicore.errors import BundleError
from icicore.jobs import comparison, queue
from icicore.server import build_routes
from icicore.settings import read_settings
from icicore.ui.models_desk import use_models_desk
from icicore.ui.places import MODELS
from icicore.ui.workflow_models import WorkflowModels
from icicore.workflows.candidates import TrainingRequest, train_candidate
from icicore.workflows.registry import champion_of, promote
from icicore.workflows.registry_compare import compare_candidate
from icicore.workflows.registry_comparison import COMPARISON, worst_subgroup
from icicore.workflows.services import Services, build_services
from tests.pages.conftest import MAIN, html_of
from tests.training.conftest import _one_thread  # noqa: F401 - a fixture: one thread in this file too
from tests.training.study_folder import edit, write_table

N = 260
RECIPE = {"model": "clinical", "members": 1, "epochs": 12, "learning_rate": 0.02, "bootstrap": 100, "device": "cpu"}
RECIPE |= {"comparisons": []}


def write_study(folder: Path) -> Path:
    """Patients with clinical values only; who has a low LDH and a good ECOG mostly responds."""
    rng = np.random.default_rng(1)
    rows = []
    for i in range(N):
        ecog, ldh = int(rng.integers(0, 3)), float(rng.uniform(0.5, 3))
        responds = rng.random() < 1 / (1 + np.exp(3 * (ldh - 1.5) + ecog - 0.7))
        values = (f"P{i:03d}", int(rng.integers(35, 85)), "Female" if i % 2 else "Male", ecog, f"{ldh:.2f}")
        rows.append((*values, "PR" if responds else "PD", "melanoma" if i % 3 else "nsclc", "North" if i % 2 else "S"))
    header = ("PATIENT_ID", "AGE", "SEX", "ECOG", "LDH_ULN", "RESPONSE", "TUMOUR_TYPE", "SITE")
    write_table(folder / "data_clinical_patient.txt", header, rows)
    return folder


def shuffled(rows: list[list[str]]) -> list[list[str]]:
    """The table with the responses handed out anew."""
    head, *patients = rows
    place = head.index("RESPONSE")
    labels = np.random.default_rng(7).permutation([row[place] for row in patients])
    return [head, *([*r[:place], str(label), *r[place + 1 :]] for r, label in zip(patients, labels, strict=True))]


def trained(services: Services, name: str, study: Path) -> None:
    request = TrainingRequest(name, study, RECIPE)
    train_candidate(services, request, job_id="j", keep_journal=services.settings.home / f"{name}.jsonl")


@pytest.fixture(scope="module")
def environ(tmp_path_factory) -> dict[str, str]:
    """A home whose promoted bundle was trained on true labels, with a candidate trained on shuffled ones."""
    root = tmp_path_factory.mktemp("shuffled")
    (root / "checkpoints").mkdir()
    names = {"HOME": "home", "ROOTS": "studies", "CHECKPOINTS": "checkpoints"}
    environ = {f"ICICORE_{k}": str(root / v) for k, v in names.items()} | {"ICICORE_USER": "Ada"}
    true = write_study(root / "studies" / "true")
    maker = build_services(read_settings(environ | {"ICICORE_HOME": str(root / "maker")}))
    trained(maker, "first", true)
    maker.database.close()
    shutil.move(maker.settings.bundles_dir / "first", root / "checkpoints" / "first")
    services = build_services(read_settings(environ))
    assert champion_of(services).name == "first"
    confused = Path(shutil.copytree(true, root / "studies" / "confused"))
    edit(confused / "data_clinical_patient.txt", shuffled)
    trained(services, "confused", confused)
    compare_candidate(services, "confused")  # where its study lies was noted when it was trained
    services.database.close()
    return environ


@pytest.fixture
def services(environ, monkeypatch):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    built = build_services(read_settings())
    yield built
    built.database.close()


def found(services: Services) -> dict:
    return json.loads((services.settings.bundles_dir / "confused" / COMPARISON).read_text())


def test_the_gate_finds_it_no_better_than_chance_and_says_for_whom_it_is_worst(services):
    checks = {c["code"]: c for c in found(services)["checks"]}
    assert checks["enough"]["passed"] and checks["leak"]["passed"]
    assert not checks["chance"]["passed"] and "no better than chance" in checks["chance"]["text"]
    _, said = worst_subgroup(found(services))
    assert re.search(r"AUC difference [+−]\d\.\d\d \([+−]\d\.\d\d to [+−]\d\.\d\d\), n \d+ with \d+ responders", said)


def test_the_use_case_and_the_command_refuse_it_in_one_line(services):
    with pytest.raises(BundleError, match="cannot be promoted: AUC .*no better than chance"):
        promote(services, "confused", reason="I like it", by=Person("Ada", Role.ADMIN))
    done = CliRunner().invoke(cli, ["bundle", "promote", "confused", "--reason", "I like it"])
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1 and "cannot be promoted" in done.stderr
    assert champion_of(services).name == "first"


def test_the_page_offers_no_promotion_and_its_desk_makes_none(services):
    use_models_desk(None)
    at = AppTest.from_file(str(MAIN), default_timeout=120)
    at.session_state["model_view"] = "Comparison"
    at.query_params["model"] = "confused"
    at.switch_page(str(MODELS))
    at.run()
    assert not at.exception, [e.message for e in at.exception]
    page = html_of(at)
    assert "Cannot be promoted." in page and "no better than chance" in page
    assert "Worst subgroup" in page
    assert not any("Promote" in b.label for b in at.button)
    desk = WorkflowModels(comparison, queue).for_person(Person("Ada", Role.ADMIN))
    with pytest.raises(BundleError, match="cannot be promoted"):
        desk.promote("confused", "I like it")
    use_models_desk(None)


def test_no_route_of_the_server_promotes(services):
    routes = build_routes("", find_slide=lambda _: None, results_dir=services.settings.results_dir, secret="s")  # noqa: S106
    paths = [route.path for route in routes if isinstance(route, Route)]
    assert paths, "the server answers something"
    assert not [path for path in paths if re.search("promot|rollback|models", path)]


def test_an_edited_comparison_opens_nothing(services):
    path = services.settings.bundles_dir / "confused" / COMPARISON
    before = path.read_text()
    content = json.loads(before)
    for check in content["checks"]:
        check["passed"] = True
    path.write_text(json.dumps(content))
    try:
        with pytest.raises(BundleError, match="was not compared with first"):
            promote(services, "confused", reason="I like it", by=Person("Ada", Role.ADMIN))
    finally:
        path.write_text(before)
