"""Every package that this installation rests on, with the licence that its own metadata state."""

import importlib.metadata
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass

from packaging.markers import UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement

from icicore.settings import PROJECT

NAME = "icicore"
_LONGEST = 48


@dataclass(frozen=True)
class Licence:
    """A package as installed; ``licence`` is empty where its metadata state none, ``direct`` for what we ask for."""

    name: str
    version: str
    licence: str
    home: str
    direct: bool


def dependency_licences() -> list[Licence]:
    """All packages that the app needs at run time, directly or through another one, by name."""
    waiting, direct = list(_own_requirements()), {_key(name) for name in _own_requirements()}
    found: dict[str, Licence] = {}
    while waiting:
        name = waiting.pop()
        try:
            fields = importlib.metadata.metadata(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform, or left out of this installation
        if _key(name) in found:
            continue
        urls = [u.partition(",")[2].strip() for u in fields.get_all("Project-URL") or []]
        home = _stated(fields, "Home-page") or next(iter(urls), "")
        found[_key(name)] = Licence(fields["Name"], fields["Version"], _licence(fields), home, _key(name) in direct)
        waiting += _needed(importlib.metadata.requires(name) or [])
    return sorted(found.values(), key=lambda x: x.name.lower())


def _own_requirements() -> list[str]:
    """Names in pyproject.toml where it lies beside the package, else in the metadata of the installed package."""
    path = PROJECT / "pyproject.toml"
    if path.is_file():
        return _needed(tomllib.loads(path.read_text(encoding="utf-8"))["project"]["dependencies"])
    try:
        return _needed(importlib.metadata.requires(NAME) or [])
    except importlib.metadata.PackageNotFoundError:
        return []


def _needed(lines: Iterable[str]) -> list[str]:
    """Names of the requirements that apply to this platform without extras."""
    names = []
    for line in lines:
        try:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                names.append(requirement.name)
        except (InvalidRequirement, UndefinedEnvironmentName):
            continue
    return names


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _stated(fields: "importlib.metadata.PackageMetadata", name: str) -> str:
    values = fields.get_all(name) or [""]
    return str(values[0]).strip()


def _licence(fields: "importlib.metadata.PackageMetadata") -> str:
    """The expression, else a short statement, else the classifiers; a whole licence text names nothing."""
    if expression := _stated(fields, "License-Expression"):
        return expression
    stated = _stated(fields, "License")
    if stated and "\n" not in stated and len(stated) <= _LONGEST and not stated.startswith(("Copyright", "UNKNOWN")):
        return stated
    classes = [c.rsplit("::", 1)[-1].strip() for c in fields.get_all("Classifier") or [] if c.startswith("License")]
    return ", ".join(classes)
