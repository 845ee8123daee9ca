"""What the front end loads, and what it must not."""

import pytest
from PIL import Image

from icicore.settings import PROJECT
from icicore.ui.places import ABOUT, CASE, CASES, STATIC, TRAINING
from tests.loaded import strangers_of

FRONT_END = (
    "icicore.jobs.submit",
    "icicore.jobs.queue",
    "icicore.ui.training_list",
    "icicore.ui.training_form",
    "icicore.ui.worklist",
    "icicore.ui.review",
    "icicore.ui.workflow_backend",
    "icicore.ui.main",
)


def test_the_front_end_loads_no_torch() -> None:
    assert strangers_of(FRONT_END, ("torch",)) == {}


def test_the_check_would_see_torch() -> None:
    assert strangers_of(("json", "icicore.models.attention"), ("torch",)) == {"icicore.models.attention": ["torch"]}


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
