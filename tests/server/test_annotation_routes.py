"""Annotations over HTTP: who may, what is refused, two browsers, QuPath files."""

import json
import time
import uuid
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from icicore.addresses import BadToken, check_writer, mint_writer
from icicore.server import build_routes
from icicore.store.annotations import AnnotationStore
from icicore.store.engine import Database
from icicore.workflows.annotations import SlideAnnotations
from tests.server.conftest import SECRET, signed


@pytest.fixture
def client(scene, tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'test.db'}", lock_dir=tmp_path)
    store = AnnotationStore(database)

    def find(slide: str) -> tuple[Path, float | None] | None:
        return (Path(scene.slides[slide]), None) if slide in scene.slides else None

    routes = build_routes(
        "", find_slide=find, results_dir=scene.results, secret=SECRET,
        annotations=lambda slide, bounds: SlideAnnotations(store, slide, bounds),
    )  # fmt: skip
    yield TestClient(Starlette(routes=routes))
    database.close()


def writer(slide, user="Dr. Müller <x>"):
    return mint_writer(SECRET, slide, user, now=time.time())


def drawn(**changes):
    square = [[[10, 20], [110, 20], [110, 90], [10, 90], [10, 20]]]
    return {
        "geometry": {"type": "Polygon", "coordinates": square},
        "label": "Tumor",
        "colour": [213, 94, 0],
        "comment": "<img src=x onerror=alert(1)>",
        "revision": 0,
    } | changes


def where(slide, name="", /, **query):
    query = {"t": signed(slide), "w": writer(slide)} | query
    return f"/icicore/annotations/{slide}{name}?" + "&".join(f"{k}={v}" for k, v in query.items())


def put(client, slide, content, number, **query):
    return client.put(where(slide, f"/{number}.json", **query), content=json.dumps(content))


def test_saved_with_author_and_read_by_another_browser(client, slide):
    number = str(uuid.uuid4())
    answer = put(client, slide, drawn(), number)
    assert answer.status_code == 200, answer.text
    (found,) = client.get(where(slide, ".json")).json()["annotations"]
    assert found == answer.json()["annotation"]
    assert (found["id"], found["author"], found["revision"]) == (number, "Dr. Müller <x>", 1)
    assert found["comment"] == "<img src=x onerror=alert(1)>"


def test_an_unchanged_list_is_not_sent_again(client, slide):
    put(client, slide, drawn(), uuid.uuid4())
    tag = client.get(where(slide, ".json")).headers["etag"]
    again = client.get(where(slide, ".json"), headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    put(client, slide, drawn(), uuid.uuid4())
    assert client.get(where(slide, ".json"), headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
@pytest.mark.parametrize("token", ["", "x", "1.2.3", "zz.QQ.0", "other slide", "reading token"])
def test_writing_needs_its_own_token(client, slide, method, token):
    token = {"other slide": writer("0" * 16), "reading token": signed(slide)}.get(token, token)
    name = "/import" if method == "POST" else f"/{uuid.uuid4()}.json"
    address = where(slide, name, w=token, revision=0)
    assert client.request(method, address, content=json.dumps(drawn())).status_code == 403
    assert client.get(where(slide, ".json")).json() == {"annotations": []}


def test_reading_needs_the_token_of_the_slide(client, slide):
    assert client.get(where(slide, ".json", t="x")).status_code == 403
    assert client.get(where(slide, ".geojson", t="")).status_code == 403


def test_the_name_in_a_token_cannot_be_exchanged(slide):
    day, _, signature = writer(slide, "Ann").split(".")
    forged = f"{day}.{writer(slide, 'Bob').split('.')[1]}.{signature}"
    assert check_writer(SECRET, writer(slide, "Ann"), slide, now=time.time()) == "Ann"
    for token, now in ((forged, time.time()), (writer(slide, "Ann"), time.time() + 3 * 86400)):
        with pytest.raises(BadToken):
            check_writer(SECRET, token, slide, now=now)


@pytest.mark.parametrize(
    ("content", "status", "word"),
    [
        (drawn(geometry={"type": "Point", "coordinates": [5000, 3]}), 422, "outside the image"),
        (drawn(geometry={"type": "Circle"}), 422, "Circle"),
        (drawn(label=""), 422, "class is missing"),
        (drawn(revision="1"), 400, "revision"),
        ([1], 400, "not a JSON object"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(client, slide, content, status, word):
    answer = put(client, slide, content, uuid.uuid4())
    assert answer.status_code == status
    assert word in answer.text
    assert client.get(where(slide, ".json")).json() == {"annotations": []}


def test_a_malformed_number_and_a_broken_body(client, slide):
    assert put(client, slide, drawn(), "x").status_code == 422
    assert client.put(where(slide, f"/{uuid.uuid4()}.json"), content=b"{").status_code == 400
    assert client.put(where(slide, f"/{uuid.uuid4()}.json"), content=b" " * (5 << 20)).status_code == 413


def test_two_browsers_changing_the_same_one(client, slide):
    number = uuid.uuid4()
    put(client, slide, drawn(), number)
    assert put(client, slide, drawn(label="Stroma", revision=1), number).status_code == 200
    late = put(client, slide, drawn(label="Necrosis", revision=1), number)
    assert late.status_code == 409
    assert late.json()["annotation"]["label"] == "Stroma"
    assert client.delete(where(slide, f"/{number}.json", revision=1)).status_code == 409
    assert client.delete(where(slide, f"/{number}.json", revision=2)).status_code == 204
    assert client.get(where(slide, ".json")).json() == {"annotations": []}


def test_export_and_import_give_the_same(client, slide, scene):
    for k in range(3):
        put(client, slide, drawn(comment=f"n {k}"), uuid.uuid4())
    before = client.get(where(slide, ".json")).json()["annotations"]
    answer = client.get(where(slide, ".geojson", origin="file"))
    assert answer.headers["content-disposition"] == f'attachment; filename="annotations-{slide}.geojson"'
    content = answer.content
    again = client.post(where(slide, "/import", name="a.geojson"), content=content)
    assert again.json() == {"new": 0, "changed": 0, "unchanged": 3}
    for row in before:
        client.delete(where(slide, f"/{row['id']}.json", revision=row["revision"]))
    assert client.post(where(slide, "/import"), content=content).json()["new"] == 3
    after = client.get(where(slide, ".json")).json()["annotations"]
    for a, b in zip(before, after, strict=True):
        assert {k: a[k] for k in ("id", "geometry", "label", "colour", "comment")} == {
            k: b[k] for k in ("id", "geometry", "label", "colour", "comment")
        }
    other = next(s for s in scene.slides if s != slide)
    refused = client.post(where(other, "/import", name="a.geojson"), content=content)
    assert refused.status_code == 422
    assert refused.json()["error"].startswith("a.geojson: was exported from another slide")


def test_a_bad_file_changes_nothing(client, slide):
    good = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [5, 5]}}
    bad = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [5, -50]}}
    answer = client.post(where(slide, "/import", name="b.geojson"), content=json.dumps([good, bad]))
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("b.geojson: annotation 2: a position (5, -50) lies outside")
    assert client.get(where(slide, ".json")).json() == {"annotations": []}


def test_without_annotations_the_addresses_do_not_exist(scene, slide):
    routes = build_routes("", find_slide=lambda s: None, results_dir=scene.results, secret=SECRET)
    assert TestClient(Starlette(routes=routes)).get(where(slide, ".json")).status_code == 404
