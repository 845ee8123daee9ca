"""An address that names a case in sight and a slide out of it, or the reverse, opens neither; nor does a lent token."""

import time
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from icicore.access import Person, Role
from icicore.addresses import mint, report_id
from icicore.server import Access, build_routes
from tests.browser.scene import BUNDLE, CASE
from tests.server.conftest import SECRET

ADA = Person("Ada (ada@x)", Role.REVIEWER, ("North",))


def client(scene, *, case: bool, slide: bool) -> TestClient:
    def find(name: str) -> tuple[Path, float | None] | None:
        return (Path(scene.slides[name]), None) if name in scene.slides else None

    access = Access(lambda _cookies: ADA, lambda _person, _case: case, lambda _person, _slide: slide)
    routes = build_routes("", find_slide=find, results_dir=scene.results, secret=SECRET, access=access)
    return TestClient(Starlette(routes=routes))


def signed(what: str) -> str:
    return f"t={mint(SECRET, what, ADA.name, now=time.time())}"


@pytest.mark.parametrize(("case", "slide_seen"), [(True, False), (False, True), (False, False)])
def test_both_must_be_in_sight(scene, slide, case, slide_seen):
    asking = client(scene, case=case, slide=slide_seen)
    result = f"{CASE}/{BUNDLE}/{slide}"
    for address in (f"grid/{result}/attention.f32", f"sheetinfo/{result}.json", f"tilestable/{result}.json"):
        answer = asking.get(f"/icicore/{address}?{signed(slide)}")
        assert answer.status_code == 404, address
        assert answer.text == "not found", "as for what does not exist"


def test_with_both_in_sight_it_is_answered(scene, slide):
    address = f"/icicore/tilestable/{CASE}/{BUNDLE}/{slide}.json?{signed(slide)}"
    assert client(scene, case=True, slide=True).get(address).status_code == 200


@pytest.mark.parametrize("path", ["slide/{}.json", "tiles/{}/9/0_0.jpg", "region/{}.jpg"])
def test_a_token_for_something_else_opens_nothing(scene, slide, path):
    asking = client(scene, case=True, slide=True)
    extra = "&x=0&y=0&size_l0=200&px=64"
    for other in ("f" * 16, report_id(CASE), f"{slide} ", slide.upper()):
        if other != slide:
            assert asking.get(f"/icicore/{path.format(slide)}?{signed(other)}{extra}").status_code == 403, other


@pytest.mark.parametrize(
    "path",
    [
        "tiles/../../../etc/passwd/9/0_0.jpg",
        "grid/..%2f..%2f..%2fetc/{bundle}/{slide}/passwd.f32",
        "grid/{case}/{bundle}/{slide}/..%2f..%2fprediction.f32",
        "sheet/{case}/{bundle}/{slide}/..%2f..%2f..%2fprediction.json.jpg",
        "report/..%2f{case}.pdf",
        "static/x/..%2f..%2f..%2fsecret",
    ],
)
def test_an_address_never_leaves_its_folder(scene, slide, path):
    address = path.format(case=CASE, bundle=BUNDLE, slide=slide)
    answer = client(scene, case=True, slide=True).get(f"/icicore/{address}?{signed(slide)}")
    assert answer.status_code in (400, 403, 404), answer.status_code
