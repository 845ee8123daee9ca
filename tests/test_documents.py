"""What the documents name is there: commands with their options, files, settings."""

import re
from pathlib import Path

import click
import pytest

from icicore.cli import cli
from icicore.settings import PROJECT

DOCUMENTS = ("README.md", *sorted(f"docs/{p.name}" for p in (PROJECT / "docs").glob("*.md")))
CODE = re.compile(r"^```\n(.*?)^```|^    (.*?)$|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\s*(?:\.venv/bin/)?icicore ([a-z].*)", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


def text(name: str) -> str:
    return (PROJECT / name).read_text(encoding="utf-8")


def commands(name: str) -> list[str]:
    """Command lines without the remark behind them, one per alternative of ``a|b`` in the name of a command."""
    found = []
    code = "\n".join("".join(parts) for parts in CODE.findall(text(name)))
    for line in COMMAND.findall(code):
        asked = re.split(r"\s{3,}|, icicore|,? and |[;:]", line)[0]
        words = asked.split()
        place = next((i for i, word in enumerate(words[:2]) if "|" in word), None)
        names = [""] if place is None else words[place].split("|")
        found += [" ".join(words if place is None else [*words[:place], n, *words[place + 1 :]]) for n in names]
    return found


def fault(line: str) -> str:
    """Why a command line cannot be typed as it stands; empty when it can."""
    command: click.Command = cli
    words = line.split()
    while words and isinstance(command, click.Group):
        name = words.pop(0)
        if name not in command.commands:
            return f"no command {name!r}"
        command = command.commands[name]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    strange = [o for o in re.findall(r"(?<![\w-])--[a-z-]+", " ".join(words)) if o not in known]
    return f"no option {strange}" if strange else ""


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_and_option_exists(name):
    faults = {line: wrong for line in commands(name) if (wrong := fault(line))}
    assert faults == {}


def test_the_readme_names_every_command():
    named = {line.split()[0] for line in commands("README.md")} | set(
        re.findall(r"icicore ([a-z]+)", text("README.md"))
    )
    assert set(cli.commands) <= named


def test_faults_are_seen():
    assert fault("predicts CASE") and fault("predict CASE --jsn x")
    assert not fault("predict CASE --json prediction.json [--drop histology|genomics|clinical]...")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_leads_to_a_file(name):
    folder = Path(PROJECT / name).parent
    assert [link for link in LINK.findall(text(name)) if not (folder / link).exists()] == []


def test_every_page_of_the_documentation_is_linked_from_the_readme():
    pages = {name for name in DOCUMENTS if name.startswith("docs/")}
    assert pages <= set(LINK.findall(text("README.md")))


def test_settings_are_those_that_the_program_reads():
    files = [*(PROJECT / "icicore").rglob("*.py"), PROJECT / "tests" / "shared_data.py"]
    code = "".join(p.read_text(encoding="utf-8") for p in files)
    read = {f"ICICORE_{n}" for n in re.findall(r'get\("([A-Z_]+)"', code)} | set(re.findall(r"ICICORE_[A-Z_]+\b", code))
    for name in DOCUMENTS:
        assert set(re.findall(r"`(ICICORE_[A-Z_]+)`", text(name))) <= read, name
