"""What Streamlit sends to the browser components: small, signed, and the same from run to run."""

import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from icicore.addresses import check
from icicore.ui.viewer import urls
from tests.browser.scene import Scene
from tests.make_slides import make_slide

MAIN = Path(__file__).with_name("viewer_app") / "main.py"


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("messages")
    scene = Scene(folder)
    scene.add(make_slide(folder / "one.tif", size=(1500, 1100)))
    scene.save()
    return scene


@pytest.fixture
def app(scene, monkeypatch):
    monkeypatch.setenv("ICICORE_TEST_SCENE", str(scene.folder))
    return AppTest.from_file(str(MAIN), default_timeout=240).run()


def messages(app):
    """Data of each component on the page, by key."""

    def walk(node):
        if getattr(node, "type", "") == "bidi_component":
            yield json.loads(node.proto.json)
        for child in getattr(node, "children", {}).values():
            yield from walk(child)

    assert not app.exception
    return {m.get("viewer_id") or m.get("sheet_id"): m for m in walk(app._tree)}


def test_all_three_components_are_on_the_page(app):
    assert set(messages(app)) == {"viewer", "sheet", "gallery"}
    assert messages(app)["gallery"]["mode"] == "gallery"


def test_a_rerun_changes_nothing_so_the_browser_keeps_its_cache(app):
    before = messages(app)
    assert messages(app.run()) == before


def test_a_second_session_gets_the_same(app, scene):
    assert messages(AppTest.from_file(str(MAIN), default_timeout=240).run()) == messages(app)


def test_addresses_are_signed_for_the_slide_and_hold_no_path(app, scene):
    slide = messages(app)["viewer"]["slides"][0]
    token = slide["urls"]["info"].split("t=")[1]
    check("test secret", token, slide["id"], now=time.time())
    assert all(f"t={token}" in address for address in slide["urls"].values())
    assert str(scene.folder) not in json.dumps(messages(app))


def test_a_new_result_gets_new_addresses(app, scene):
    before = messages(app)["viewer"]["slides"][0]["urls"]
    content = json.loads((scene.folder / "scene.json").read_text())
    content["layers"][0]["layers"][0]["range"][1] *= 2
    (scene.folder / "scene.json").write_text(json.dumps(content))
    after = messages(app.run())["viewer"]["slides"][0]["urls"]
    assert after["grid"] != before["grid"]
    assert after["tile"] == before["tile"]
    scene.save()


def test_a_goto_and_a_selection_are_passed_on_with_short_slide_ids(app):
    app.button[0].click().run()
    goto = messages(app)["viewer"]["goto"]
    assert (len(goto["slide"]), goto["index"]) == (16, 0)


@pytest.mark.parametrize(
    ("address", "page", "base"),
    [
        ("http://localhost:8501/", "", ""),
        ("http://localhost:8501/case", "case", ""),
        ("http://localhost:8501/ici/", "", "/ici"),
        ("https://hospital.org/apps/ici/case", "case", "/apps/ici"),
        ("https://hospital.org/case/case", "case", "/case"),
        ("http://localhost:8501/mycase", "case", "/mycase"),
    ],
)
def test_the_public_prefix_is_what_the_browser_sees(monkeypatch, address, page, base):
    monkeypatch.setattr(urls.st, "context", SimpleNamespace(url=address))
    monkeypatch.setattr(urls, "_page_path", lambda: page)
    found = urls.viewer_urls("case-1", "b" * 16, slide_ids=["a" * 64], secret="s", user="u")
    assert found.root == f"{base}/icicore"
    assert list(found.tokens) == ["a" * 16]
