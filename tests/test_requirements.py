"""The pinned requirements: every dependency is there with one version, and nothing says where packages come from."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement

from icicore.settings import PROJECT

FILES = ("requirements.txt", "requirements-dev.txt")


def pins(name: str) -> dict[str, str]:
    lines = (PROJECT / name).read_text(encoding="utf-8").splitlines()
    asked = [Requirement(line) for line in lines if line and not line.startswith((" ", "#"))]
    assert all(re.fullmatch(r"==[^,*]+", str(one.specifier)) for one in asked)
    return {one.name.lower(): str(one.specifier) for one in asked}


@pytest.mark.parametrize("name", FILES)
def test_a_list_holds_versions_and_no_address(name):
    assert pins(name)
    assert not re.search(r"https?:|--\w|@ ", (PROJECT / name).read_text(encoding="utf-8"))


def test_what_the_package_asks_for_is_pinned_within_its_bounds():
    asked = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    pinned = pins("requirements.txt")
    for requirement in map(Requirement, asked):
        assert requirement.specifier.contains(pinned[requirement.name.lower()].removeprefix("==")), requirement.name


def test_both_lists_pin_the_same_versions():
    run, dev = (pins(name) for name in FILES)
    assert run.items() <= dev.items()
