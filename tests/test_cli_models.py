"""Commands about bundles: the same rules as on the page, one line each."""

import json

import pytest
from click.testing import CliRunner

from icicore.cli import cli
from tests.workflows.registry_world import PASSED, add_candidate, build_world, give_comparison


@pytest.fixture
def run(tmp_path, monkeypatch):
    services = build_world(tmp_path)
    row = add_candidate(services, "new-virtual")
    give_comparison(services, row, PASSED)
    services.database.close()
    for name, value in (("HOME", "home"), ("CHECKPOINTS", "checkpoints"), ("ROOTS", "")):
        monkeypatch.setenv(f"ICICORE_{name}", str(tmp_path / value))
    monkeypatch.setenv("ICICORE_USER", "Ada")

    def one(*args):
        return CliRunner().invoke(cli, [str(a) for a in args])

    return one


def test_promote_roll_back_retire_and_delete(run):
    states = {b["name"]: b["state"] for b in json.loads(run("bundles", "--json").stdout)}
    assert states == {"shipped-virtual": "promoted", "new-virtual": "candidate"}
    assert run("bundle", "promote", "new-virtual").exit_code == 2, "a reason is needed"
    done = run("bundle", "promote", "new-virtual", "--reason", "better")
    assert done.stdout == "new-virtual is promoted in place of shipped-virtual\n"
    assert "new-virtual\t" in run("bundles").stdout.splitlines()[0] and "promoted" in run("bundles").stdout
    assert (
        json.loads(run("doctor", "--json").stdout)["bundles"][0] | {"promoted": True}
        in json.loads(run("doctor", "--json").stdout)["bundles"]
    )
    done = run("bundle", "rollback")
    assert done.stdout == "shipped-virtual is promoted again in place of new-virtual\n"
    done = run("bundle", "delete", "new-virtual")
    assert (done.exit_code, done.stderr) == (
        1,
        "icicore: new-virtual: cannot be deleted: it is or was promoted; retire it instead\n",
    )
    assert run("bundle", "retire", "new-virtual", "--reason", "superseded").stdout == "new-virtual is retired\n"
    assert run("audit", "verify").exit_code == 0


def test_export_and_import(run, tmp_path):
    file = tmp_path / "out.bundle.zip"
    assert run("bundle", "export", "new-virtual", file).exit_code == 0
    assert run("bundle", "delete", "new-virtual").stdout == "new-virtual is deleted\n"
    done = run("bundle", "import", file, "--name", "back-virtual")
    assert done.stdout.split("\t")[::2] == ["back-virtual", "candidate\n"]
    file.write_bytes(b"no zip")
    done = run("bundle", "import", file)
    assert done.exit_code == 1 and done.stderr.startswith("icicore: out.bundle.zip: is damaged or no bundle")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (("bundle", "promote", "absent", "--reason", "x"), "absent: no such bundle"),
        (("bundle", "promote", "../new-virtual", "--reason", "x"), "no such bundle"),
        (("bundle", "rollback"), "no bundle was promoted before this one"),
        (("bundle", "compare", "new-virtual"), "is not on this machine"),
        (("bundle", "export", "absent", "x.zip"), "absent: no such bundle"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(run, args, line):
    done = run(*args)
    assert done.exit_code == 1 and line in done.stderr
    assert len(done.stderr.splitlines()) == 1
