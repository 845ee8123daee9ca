"""Which libraries a module drags in, seen in a fresh process."""

import json
import subprocess
import sys
from collections.abc import Sequence

from icicore.settings import PROJECT

_CODE = """
import importlib, json, sys
modules, libraries = json.loads(sys.argv[1])
found = {}
for module in modules:
    importlib.import_module(module)
    found[module] = [name for name in libraries if name in sys.modules]
    if found[module]:
        break  # what is imported later has them for no fault of its own
print(json.dumps({module: names for module, names in found.items() if names}))
"""


def strangers_of(modules: Sequence[str], libraries: Sequence[str]) -> dict[str, list[str]]:
    """The first of the modules, imported one after the other, that loads one of the libraries; {} when none does."""
    asked = json.dumps([list(modules), list(libraries)])
    command = [sys.executable, "-c", _CODE, asked]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))
