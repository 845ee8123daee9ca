"""A tile in the colours that the encoder saw: the same cut, normalised; refused like every other address."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from icicore.server import build_routes
from icicore.slides.stain import StainFit, normalise
from tests.server.conftest import SECRET, signed

BAG = "a" * 64
FIT = StainFit((0.5, 0.0, 0.0, 0.0, 0.8, 0.0, 0.0, 0.0, 1.1), "macenko")


@pytest.fixture
def client(scene) -> TestClient:
    def find(slide: str) -> tuple[Path, float | None] | None:
        return (Path(scene.slides[slide]), None) if slide in scene.slides else None

    known = next(iter(scene.slides))
    routes = build_routes(
        "", find_slide=find, results_dir=scene.results, secret=SECRET,
        stain_of=lambda slide, bag: FIT if (slide, bag) == (known, BAG) else None,
    )  # fmt: skip
    return TestClient(Starlette(routes=routes))


def address(slide: str, kind: str = "normalised", *, token: str | None = None, **changes: object) -> str:
    asked = {"x": 400, "y": 300, "size_l0": 256, "px": 128, "bag": BAG, "t": token or signed(slide)} | changes
    return f"/icicore/{kind}/{slide}.jpg?" + "&".join(f"{k}={v}" for k, v in asked.items())


def pixels(answer) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"))


def test_it_is_the_region_normalised(client, slide):
    plain, changed = (pixels(client.get(address(slide, kind))) for kind in ("region", "normalised"))
    expected = normalise(plain, FIT).astype(int)
    off, moved = (np.abs(other.astype(int) - changed.astype(int)).mean() for other in (expected, plain))
    assert off < 6 and moved > 2 * off, "but for the second JPEG it is the normalised cut"


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"bag": "b" * 64}, 404), ({"bag": "../x"}, 404), ({"bag": ""}, 404), ({"px": 4096}, 400), ({"size_l0": 0}, 400),
     ({"x": "nan"}, 400), ({"token": "x"}, 403)],
    ids=str,
)  # fmt: skip
def test_what_is_refused(client, slide, changes, status):
    assert client.get(address(slide, **changes)).status_code == status


def test_a_token_of_another_slide_opens_nothing(client, scene):
    one, two = list(scene.slides)
    assert client.get(address(two, token=signed(one))).status_code == 403
    assert client.get(address(two)).status_code == 404
