"""What happens to machines: no room, no right to write, a kill at any moment. One line, nothing lost, same numbers."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from icicore.fingerprint import file_digest
from tests.commands import ROOT
from tests.commands import run_process as run
from tests.make_slides import make_he_image, make_slide
from tests.test_cli import assert_one_line_error, case_with

CLINICAL = {"clinical": {"age": 60, "sex": "F", "ecog": 1, "ldh_uln": 1.0}}


def small_files():
    """No file of this process may grow beyond 100 kB, as on a disk that is nearly full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


def command(*args: object) -> list[str]:
    return [sys.executable, "-m", "icicore.cli", *map(str, args)]


def test_without_room_for_the_database_there_is_one_line(tmp_path):
    case, out = case_with(tmp_path / "c", **CLINICAL), tmp_path / "p.json"
    done = subprocess.run(
        command("predict", case, "--json", out),
        cwd=ROOT, env={**os.environ, "ICICORE_HOME": str(tmp_path / "home")},
        capture_output=True, text=True, timeout=300, preexec_fn=small_files, check=False,
    )  # fmt: skip
    assert_one_line_error(done, "database icicore.db")
    assert not out.exists()


@pytest.mark.parametrize("home", ["/proc/icicore", "/dev/null/icicore"])
def test_a_home_that_cannot_be_written_is_one_line(home, tmp_path):
    case = case_with(tmp_path / "c", **CLINICAL)
    assert_one_line_error(run("predict", case, "--json", tmp_path / "p.json", home=Path(home)))


def test_a_damaged_database_is_one_line(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "icicore.db").write_bytes(os.urandom(20_000))
    assert_one_line_error(run("cases", "list", home=home), "not a database", "put back")
    assert (home / "icicore.db").stat().st_size == 20_000, "what may still be saved by hand stays"


def kill_at(args: list[object], seconds: float, **env: str) -> bool:
    """Start a command and kill it after so long; tells whether it was still running."""
    process = subprocess.Popen(
        command(*args), cwd=ROOT, env={**os.environ, **env}, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def moments(whole: float) -> list[float]:
    """Five moments of a command that takes so long."""
    rng = random.Random(4)  # noqa: S311
    return [whole * (i + rng.random()) / 5 for i in range(5)]


def timed(*args: object, home: Path) -> float:
    start = time.monotonic()
    done = run(*args, home=home)
    assert done.returncode == 0, done.stderr
    return time.monotonic() - start


def files_of(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): file_digest(p) for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_score_that_is_killed_five_times_gives_the_same_numbers(tmp_path):
    case = case_with(tmp_path / "c", **CLINICAL)
    image = np.tile(make_he_image(np.random.default_rng(1), (1024, 1024)), (3, 3, 1))
    (case / "slides").mkdir()
    make_slide(case / "slides" / "a.tif", size=(3072, 3072), painter=lambda *_: image)
    clean, killed = tmp_path / "clean.json", tmp_path / "killed.json"
    whole = timed("predict", case, "--json", clean, home=tmp_path / "home1")
    home = tmp_path / "home2"
    hits = [kill_at(["predict", case, "--json", killed], m, ICICORE_HOME=str(home)) for m in moments(whole)]
    assert sum(hits) >= 3, "the command ended before it could be killed"
    timed("predict", case, "--json", killed, home=home)
    one, two = (json.loads(p.read_text()) for p in (clean, killed))
    for name in ("probability", "interval95", "modality_weights", "modality_contributions", "slides", "genes"):
        assert one[name] == two[name], name
    assert not [p for p in home.rglob(".*.json") if p.is_file()], "a half-written file was left"


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_study_that_is_killed_while_it_is_simulated_comes_out_the_same(tmp_path):
    def args(out: Path) -> list[object]:
        return ["simulate", "--patients", 40, "--seed", 5, "--slides", 0, "--out", out]

    clean, killed = tmp_path / "clean" / "study", tmp_path / "killed" / "study"  # its files name the study
    whole = timed(*args(clean), home=tmp_path / "home1")
    home = tmp_path / "home2"
    for moment in moments(whole):
        kill_at(args(killed), moment, ICICORE_HOME=str(home))
    if not (killed / "meta_study.txt").exists() or files_of(killed) != files_of(clean):
        timed(*args(killed), home=home)
    assert files_of(killed) == files_of(clean)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_demonstration_that_is_killed_continues(tmp_path):
    home, env = tmp_path / "home", {"ICICORE_HOME": str(tmp_path / "home")}
    for seconds in (8.0, 20.0):
        kill_at(["demo", "--cases", 1], seconds, **env)
    done = run("demo", "--cases", 1, home=home)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.strip().splitlines()
    assert line.split("\t")[2] in ("scored", "limited")
    assert 0 < float(line.split("\t")[3]) < 1


def test_two_processes_on_one_home_agree(tmp_path):
    case, home = case_with(tmp_path / "c", **CLINICAL), tmp_path / "home"
    outs = [tmp_path / f"{i}.json" for i in range(2)]
    env = {**os.environ, "ICICORE_HOME": str(home)}
    both = [
        subprocess.Popen(command("predict", case, "--json", out), cwd=ROOT, env=env, stderr=subprocess.PIPE)
        for out in outs
    ]
    for process in both:
        assert process.wait(500) == 0, process.stderr.read()
    one, two = (json.loads(out.read_text()) for out in outs)
    assert (one["probability"], one["interval95"]) == (two["probability"], two["interval95"])
    for process in both:
        process.stderr.close()
