"""Routes ask who asks: login, role, site, signed address of this very person, and where a change comes from."""

import json
import time
import uuid
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from icicore.access import Person, Role
from icicore.addresses import mint, mint_writer, report_id
from icicore.errors import InputError
from icicore.server import Access, build_routes
from icicore.store.annotations import AnnotationStore
from icicore.store.engine import Database
from icicore.workflows.annotations import SlideAnnotations
from tests.browser.scene import BUNDLE, CASE
from tests.server.conftest import SECRET

PEOPLE = {
    "ada": Person("Ada (ada@x)", Role.REVIEWER, ("North",)),
    "bob": Person("Bob (bob@x)", Role.REVIEWER, ("South",)),
    "eve": Person("Eve (eve@x)", Role.READER, ("North",)),
    "root": Person("Root (root@x)", Role.ADMIN, None),
    "new": Person("New (new@x)", Role.NONE, ()),
}
SITE = "North"


def identify(cookies):
    name = cookies.get("who", "")
    if name == "broken":
        raise InputError("people.toml", "is not TOML", remedy="correct it")
    return PEOPLE.get(name, Person("nobody", Role.NONE, ()))


@pytest.fixture
def exported() -> list[tuple[str, str, str]]:
    return []


@pytest.fixture
def client(scene, tmp_path, exported):
    database = Database(f"sqlite:///{tmp_path / 'test.db'}", lock_dir=tmp_path)
    store = AnnotationStore(database)

    def find(slide: str) -> tuple[Path, float | None] | None:
        return (Path(scene.slides[slide]), None) if slide in scene.slides else None

    def export(case: str, kind: str, by: Person | None) -> bytes:
        exported.append((case, kind, by.name if by else ""))
        return b"file"

    routes = build_routes(
        "", find_slide=find, results_dir=scene.results, secret=SECRET, export_report=export,
        annotations=lambda slide, bounds: SlideAnnotations(store, slide, bounds),
        access=Access(identify, lambda p, _case: p.sees(SITE), lambda p, _slide: p.sees(SITE)),
    )  # fmt: skip
    yield TestClient(Starlette(routes=routes))
    database.close()


def token(what: str, who: str, *, days_ago: int = 0) -> str:
    return mint(SECRET, what, PEOPLE[who].name, now=time.time() - 86_400 * days_ago)


def reading(slide: str, who: str) -> list[str]:
    t = f"t={token(slide, who)}"
    result = f"{CASE}/{BUNDLE}/{slide}"
    return [
        f"/icicore/slide/{slide}.json?{t}",
        f"/icicore/tiles/{slide}/9/0_0.jpg?{t}",
        f"/icicore/region/{slide}.jpg?x=100&y=100&size_l0=200&px=64&{t}",
        f"/icicore/grid/{result}/attention.f32?{t}",
        f"/icicore/sheet/{result}/sheet_000.jpg?{t}",
        f"/icicore/sheetinfo/{result}.json?{t}",
        f"/icicore/tilestable/{result}.json?{t}",
        f"/icicore/annotations/{slide}.json?{t}",
        f"/icicore/annotations/{slide}.geojson?{t}&origin=scan",
        f"/icicore/report/{CASE}.pdf?t={token(report_id(CASE), who)}",
    ]


def ask(client: TestClient, address: str, who: str | None, **headers: str):
    cookies = {} if who is None else {"cookie": f"who={who}"}
    return client.get(address, headers=cookies | headers)


def statuses(client: TestClient, slide: str, *, signed_for: str, who: str | None) -> set[int]:
    return {ask(client, address, who).status_code for address in reading(slide, signed_for)}


def test_who_has_the_role_and_the_site_is_answered(client, slide):
    assert statuses(client, slide, signed_for="ada", who="ada") == {200}
    assert statuses(client, slide, signed_for="eve", who="eve") == {200}
    assert statuses(client, slide, signed_for="root", who="root") == {200}


def test_a_case_of_another_site_is_not_found_by_any_address(client, slide, exported):
    assert statuses(client, slide, signed_for="bob", who="bob") == {404}
    assert exported == []


def test_nobody_without_login_or_role(client, slide, exported):
    assert statuses(client, slide, signed_for="ada", who=None) == {401}
    assert statuses(client, slide, signed_for="new", who="new") == {401}
    assert exported == []


def test_an_address_signed_for_somebody_else_opens_nothing(client, slide, exported):
    assert statuses(client, slide, signed_for="ada", who="eve") == {403}
    assert statuses(client, slide, signed_for="ada", who="root") == {403}
    assert exported == []


def test_an_address_expires(client, slide):
    address = f"/icicore/slide/{slide}.json?t={token(slide, 'ada', days_ago=3)}"
    assert ask(client, address, "ada").status_code == 403


def test_rules_that_cannot_be_read_let_nobody_in(client, slide):
    answer = ask(client, reading(slide, "ada")[0], "broken")
    assert (answer.status_code, answer.text) == (503, "people.toml: is not TOML; correct it")


def test_the_exporter_is_the_person_and_another_site_cannot_start_an_export(client, exported):
    address = f"/icicore/report/{CASE}.csv?t={token(report_id(CASE), 'ada')}"
    assert ask(client, address, "ada", **{"sec-fetch-site": "cross-site"}).status_code == 403
    assert exported == []
    assert ask(client, address, "ada", **{"sec-fetch-site": "same-origin"}).status_code == 200
    assert exported == [(CASE, "csv", "Ada (ada@x)")]


def change(client: TestClient, slide: str, who: str, *, named: str | None = None, **headers: str):
    written = mint_writer(SECRET, slide, PEOPLE[named or who].name, now=time.time())
    address = f"/icicore/annotations/{slide}/{uuid.uuid4()}.json?t={token(slide, who)}&w={written}"
    square = [[[10, 20], [110, 20], [110, 90], [10, 90], [10, 20]]]
    content = {"geometry": {"type": "Polygon", "coordinates": square}, "label": "Tumor", "colour": [213, 94, 0],
               "comment": "", "revision": 0}  # fmt: skip
    return client.put(address, content=json.dumps(content), headers={"cookie": f"who={who}"} | headers)


def test_a_reviewer_annotates_in_the_own_name(client, slide):
    answer = change(client, slide, "ada", **{"sec-fetch-site": "same-origin"})
    assert answer.status_code == 200 and answer.json()["annotation"]["author"] == "Ada (ada@x)"


def test_a_reader_does_not_annotate_even_with_a_signed_right(client, slide):
    assert change(client, slide, "eve").status_code == 403
    assert change(client, slide, "eve", named="ada").status_code == 403


def test_nobody_writes_in_another_name(client, slide):
    assert change(client, slide, "ada", named="root").status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "none"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://testserver"}, 200),
        ({"origin": "https://icicore.example", "x-forwarded-host": "icicore.example"}, 200),
        ({"sec-fetch-site": "same-origin", "origin": "https://behind.proxy"}, 200),
        ({}, 200),
    ],
    ids=["cross", "sibling", "typed", "stranger", "sandbox", "own", "proxy", "said-by-browser", "no-browser"],
)
def test_a_change_comes_from_a_page_of_this_app(client, slide, headers, status):
    assert change(client, slide, "ada", **headers).status_code == status


def test_the_browser_files_need_no_login(client):
    from icicore.addresses import asset_digest

    assert client.get(f"/icicore/static/{asset_digest()}/viewer.js").status_code == 200
