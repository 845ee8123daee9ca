"""What the front end loads, and what it must not."""

import subprocess
import sys

import pytest
from PIL import Image

from icicore.settings import PROJECT
from icicore.ui.places import ABOUT, CASE, CASES, STATIC, TRAINING


@pytest.mark.parametrize(
    "module",
    [
        "icicore.ui.main",
        "icicore.ui.review",
        "icicore.ui.worklist",
        "icicore.ui.workflow_backend",
        "icicore.jobs.submit, icicore.ui.training_list, icicore.ui.training_form",
    ],
)
def test_the_front_end_loads_no_torch(module: str) -> None:
    code = f"import sys, {module}, icicore.jobs.queue; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode == 0


@pytest.mark.parametrize("page", [CASES, CASE, TRAINING, ABOUT])
def test_pages_are_thin(page: object) -> None:
    text = (PROJECT / "pages" / str(page)).read_text()
    assert len(text.splitlines()) <= 120
    assert "unsafe_allow" not in text


def test_icons_are_local_pictures() -> None:
    for name in ("favicon.png", "logo.png", "logo-dark.png"):
        with Image.open(STATIC / name) as picture:
            assert picture.height == 64
    assert "page_icon=str(STATIC" in (PROJECT / "icicore" / "ui" / "main.py").read_text()
