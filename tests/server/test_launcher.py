"""The launcher: routes are wired, and starting the app loads no torch."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = """
import json, sys, warnings
warnings.simplefilter("ignore")
import app
paths = [getattr(r, "path", "") for r in app.services and app.build_routes(
    "", find_slide=app.services.find_slide, results_dir=app.services.settings.results_dir, secret="x")]
print(json.dumps([type(app.app).__name__, "torch" in sys.modules, paths[-1], app.services.find_slide("0" * 16)]))
"""


def test_launcher(tmp_path):
    environment = {**os.environ, "ICICORE_HOME": str(tmp_path / "home"), "ICICORE_WORKER": "0"}
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True, cwd=ROOT, env=environment
    )
    assert json.loads(done.stdout.splitlines()[-1]) == ["App", False, "/icicore/{rest:path}", None]
    assert (tmp_path / "home" / "secret").exists()
