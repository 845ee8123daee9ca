"""Streamlit's page under the addresses of the pages: it says where the server is, the other addresses are untouched."""

import re
from pathlib import Path

import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from icicore.addresses import PAGES
from icicore.server import build_shell_routes

INDEX = Path(st.__file__).parent / "static" / "index.html"
SAID = re.compile(r'<script>window\.__streamlit = .*new URL\("\.", window\.location\.href\)\.href }</script>')


def routed(base: str = "") -> TestClient:
    return TestClient(Starlette(routes=build_shell_routes(base, INDEX, PAGES)))


@pytest.mark.parametrize("name", PAGES)
def test_page(name):
    answer = routed().get(f"/{name}")
    html = answer.text
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    said = SAID.search(html)
    assert said is not None
    assert said.start() < html.index('<script type="module"')
    assert SAID.sub("", html).split() == INDEX.read_text().split()


def test_other_addresses_stay_streamlits():
    client = routed("/clinic/")
    assert client.get("/clinic/case").status_code == 200
    assert [client.get(path).status_code for path in ("/case", "/clinic/", "/clinic/case/_stcore/health")] == [404] * 3


def test_every_page_is_named(monkeypatch):
    from icicore.ui import main

    seen = []
    monkeypatch.setattr(main.st, "Page", lambda *a, **k: None if k.get("default") else seen.append(k["url_path"]))
    monkeypatch.setattr(main.st, "navigation", lambda *a, **k: type("None", (), {"run": lambda self: None})())
    for name in ("set_page_config", "logo"):
        monkeypatch.setattr(main.st, name, lambda *a, **k: None)
    monkeypatch.setattr(main.theme, "apply", lambda: None)
    monkeypatch.setattr(main.theme, "is_dark", lambda: False)
    monkeypatch.setattr(main, "account", lambda person: None)
    monkeypatch.setattr(main, "gate", lambda: None)
    main.main()
    assert sorted(seen) == sorted(PAGES)
