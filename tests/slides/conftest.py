"""Small slides shared by the tests of this folder."""

from pathlib import Path

import pytest

from tests.make_slides import make_scn, make_slide


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("slides")


@pytest.fixture(scope="session")
def slide_path(folder: Path) -> Path:
    return make_slide(folder / "plain.tif", size=(2048, 1536))


@pytest.fixture(scope="session")
def scn_path(folder: Path) -> Path:
    return make_scn(folder / "bounds.scn")
