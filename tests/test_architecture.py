"""The promises that keep the layers apart; import-linter checks the direction of imports."""

import re
from pathlib import Path

import pytest

from tests.loaded import strangers_of

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "icicore"
ONLY_IN = {
    "streamlit": ("ui",),
    "sqlalchemy": ("store",),
    "alembic": ("store",),
    "lightning": ("training",),
    "optuna": ("training",),
    "starlette": ("server",),
    "huey": ("jobs",),
    "ray": ("cluster.py",),
}


@pytest.mark.parametrize(("library", "places"), ONLY_IN.items())
def test_a_library_stays_in_its_place(library, places):
    pattern = re.compile(rf"^\s*(?:from|import) {library}\b", re.MULTILINE)
    strays = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] not in places and pattern.search(path.read_text(encoding="utf-8"))
    ]
    assert strays == []


LIGHT = ("icicore", "icicore.cli", "icicore.workflows.predictions", "icicore.server.routes", "icicore.jobs.queue")


def test_importing_loads_neither_torch_nor_streamlit():
    assert strangers_of(LIGHT, ("torch", "streamlit")) == {}


def test_no_file_is_longer_than_the_ceiling():
    long = {
        str(p.relative_to(ROOT)): n
        for p in [*PACKAGE.rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "app.py"]
        if (n := len(p.read_text(encoding="utf-8").splitlines())) > 500
    }
    assert long == {}
    assert all(len(p.read_text(encoding="utf-8").splitlines()) <= 120 for p in (ROOT / "pages").glob("*.py"))


def test_nothing_is_unpickled_and_nothing_printed():
    importing = r"^\s*(?:import pickle|from pickle import (?!UnpicklingError$))"
    calling = r"\bpickle\.load|\bprint\(|np\.load\([^)]*allow_pickle=True"
    forbidden = re.compile(f"{importing}|{calling}", re.M)
    assert [str(p) for p in PACKAGE.rglob("*.py") if forbidden.search(p.read_text(encoding="utf-8"))] == []
    loads = re.compile(r"torch\.load\((?![^)]*weights_only=True)", re.S)
    assert [str(p) for p in PACKAGE.rglob("*.py") if loads.search(p.read_text(encoding="utf-8"))] == []
