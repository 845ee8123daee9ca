"""The report as a download: signed, checked, made once per request."""

import time

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from icicore.addresses import mint, report_id
from icicore.errors import CaseError
from icicore.server import build_routes

SECRET, CASE = "test secret", "a" * 16


@pytest.fixture
def made() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def client(made, tmp_path) -> TestClient:
    def export(case: str, kind: str, by: object) -> bytes:
        made.append((case, kind))
        if case != CASE:
            raise CaseError(case, "has no result to report", remedy="score the case first")
        return f"{kind} of {case}".encode()

    routes = build_routes("", find_slide=lambda _: None, results_dir=tmp_path, secret=SECRET, export_report=export)
    return TestClient(Starlette(routes=routes))


def address(case: str = CASE, kind: str = "pdf", *, signs: str | None = None, age: float = 0) -> str:
    token = mint(SECRET, report_id(signs or case), "Ada", now=time.time() - age)
    return f"/icicore/report/{case}.{kind}?t={token}"


@pytest.mark.parametrize(("kind", "media"), [("pdf", "application/pdf"), ("json", "application/json")])
def test_a_signed_address_gives_the_file(kind, media, client, made):
    answer = client.get(address(kind=kind))
    assert (answer.status_code, answer.content) == (200, f"{kind} of {CASE}".encode())
    assert answer.headers["content-type"] == media
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["cache-control"] == "no-store"
    assert made == [(CASE, kind)]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/icicore/report/{CASE}.pdf", 403),
        (address(signs="b" * 16), 403),
        (address(age=5 * 86_400), 403),
        (address(kind="exe"), 400),
        (address("..%2f..%2fsecret"), 400),
        (f"/icicore/report/{CASE}.pdf?t={mint(SECRET, 'a' * 16, 'Ada', now=time.time())}", 403),
    ],
    ids=["no-token", "other-case", "expired", "kind", "path", "token-of-a-slide"],
)
def test_other_addresses_are_refused_and_make_nothing(path, status, client, made):
    answer = client.get(path)
    assert answer.status_code in (status, 404) if "%2f" in path else answer.status_code == status
    assert made == []


def test_asking_for_the_head_exports_nothing(client, made):
    assert client.head(address()).status_code == 200
    assert made == []


def test_a_case_without_result_is_one_line(client):
    answer = client.get(address("c" * 16))
    assert answer.status_code == 404
    assert answer.text.strip().splitlines() == [f"{'c' * 16}: has no result to report; score the case first"]


def test_a_server_without_reports_has_no_such_address(tmp_path):
    routes = build_routes("", find_slide=lambda _: None, results_dir=tmp_path, secret=SECRET)
    assert TestClient(Starlette(routes=routes)).get(address()).status_code == 404
