"""Commands act as the account of this machine: role and site are checked before anything is read or written."""

import json
import os
import pwd
from pathlib import Path

import pytest

from tests.commands import run_inside

ACCOUNT = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture
def home(tmp_path: Path) -> Path:
    case = tmp_path / "cases" / "CASE-S"
    (case / "slides").mkdir(parents=True)
    (case / "slides" / "one.tif").write_bytes(b"no slide")
    record = {"case_id": "CASE-S", "tumour_type": "nsclc", "clinical": {"age": 60}, "site": "South"}
    (case / "case.json").write_text(json.dumps(record), encoding="utf-8")
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def allow(home: Path, role: str, sites: str = "") -> None:
    entry = f'[[person]]\nid = "os:{ACCOUNT}"\nrole = "{role}"\n{sites}\n'
    (home / "people.toml").write_text(entry, encoding="utf-8")


def run(home: Path, *arguments: object) -> tuple[int, str]:
    done = run_inside(*arguments, home=home, ICICORE_USER="admin")
    return done.returncode, done.stderr


def commands(home: Path) -> dict[str, list[object]]:
    case, out = home.parent / "cases" / "CASE-S", home.parent / "out"
    slide = case / "slides" / "one.tif"
    return {
        "predict": ["predict", case, "--json", out],
        "explain": ["explain", case, "--out", out],
        "report": ["report", case, "--out", f"{out}.pdf"],
        "export": ["export", case, "--out", out],
        "embed": ["embed", slide],
        "annotations export": ["annotations", "export", slide, "--out", out],
        "annotations import": ["annotations", "import", slide, out],
        "annotations mask": ["annotations", "mask", slide, "--class", "Tumor", "--out", out],
    }


NAMES = list(commands(Path("x")))
WRITING = [n for n in NAMES if n not in ("report", "export", "annotations export")]


@pytest.mark.parametrize("name", NAMES)
def test_a_case_of_another_site_is_refused_by_every_command(home, name):
    allow(home, "admin", 'sites = ["North"]')
    code, said = run(home, *commands(home)[name])
    assert code == 1 and f"is not in sight of os:{ACCOUNT}" in said and len(said.splitlines()) == 1
    assert "South" not in said and not list(home.parent.glob("out*"))


@pytest.mark.parametrize("name", WRITING)
def test_a_reader_does_not_score_annotate_or_train_on_regions(home, name):
    allow(home, "reader")
    code, said = run(home, *commands(home)[name])
    assert code == 1 and "is a reader and may not" in said and len(said.splitlines()) == 1


def test_a_reader_gets_no_report_of_what_was_never_scored(home):
    allow(home, "reader")
    code, said = run(home, "report", home.parent / "cases" / "CASE-S", "--out", home / "r.json")
    assert code == 1 and len(said.splitlines()) == 1


def test_an_account_that_is_not_listed_may_nothing(home):
    (home / "people.toml").write_text('[[person]]\nid = "os:somebody"\nrole = "admin"\n', encoding="utf-8")
    code, said = run(home, "predict", home.parent / "cases" / "CASE-S", "--json", "-")
    assert code == 1 and f"os:{ACCOUNT}: has no role here" in said


@pytest.mark.parametrize("command", [["bundles"], ["jobs"], ["cases", "list"], ["audit", "verify"]])
def test_an_account_that_is_not_listed_is_shown_nothing(home, command):
    (home / "people.toml").write_text('[[person]]\nid = "os:somebody"\nrole = "admin"\n', encoding="utf-8")
    code, said = run(home, *command)
    assert code == 1 and "has no role here" in said and len(said.splitlines()) == 1


def test_a_faulty_list_is_one_line(home):
    (home / "people.toml").write_text("[[person]]\n", encoding="utf-8")
    code, said = run(home, "train", "--study", home, "--out", home / "b")
    assert (code, said) == (1, 'icicore: people.toml: a [[person]] has no id; expected id = "e-mail, subject or '
                               'os:ACCOUNT"; add it\n')  # fmt: skip
