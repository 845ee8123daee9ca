"""A tile server over small slides and one result."""

import time
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from icicore.addresses import mint
from icicore.server import build_routes
from tests.browser.scene import Scene
from tests.make_slides import make_slide

SECRET = "test secret"


def signed(slide: str, *, user: str = "tester") -> str:
    return mint(SECRET, slide, user, now=time.time())


@pytest.fixture(scope="session")
def scene(tmp_path_factory) -> Scene:
    folder = tmp_path_factory.mktemp("scene")
    scene = Scene(folder)
    for name, size in (("one.tif", (1500, 1100)), ("two.tif", (800, 600))):
        scene.add(make_slide(folder / name, size=size, levels=(1, 4)))
    scene.save()
    return scene


@pytest.fixture(scope="session")
def client(scene) -> TestClient:
    def find(slide: str) -> tuple[Path, float | None] | None:
        return (Path(scene.slides[slide]), None) if slide in scene.slides else None

    routes = build_routes("", find_slide=find, results_dir=scene.results, secret=SECRET)
    return TestClient(Starlette(routes=routes))


@pytest.fixture
def slide(scene) -> str:
    return next(iter(scene.slides))
