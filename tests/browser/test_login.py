"""A real login through a provider on this machine: the work list of the own site, routes, roles, and the way out."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from icicore.settings import read_settings
from icicore.workflows.records import audit_log
from icicore.workflows.services import build_services
from tests.browser.conftest import open_page
from tests.browser.oidc_issuer import CLIENT, SECRET, Issuer, run_issuer
from tests.browser.servers import free_port, run_app
from tests.pages.work_home import NORTH, SOUTH, write_two_sites

pytestmark = pytest.mark.browser
ADA = {"sub": "s-ada", "email": "ada@x.org", "email_verified": True, "name": "Ada Lovelace"}
EVE = {"sub": "s-eve", "email": "eve@x.org", "email_verified": True, "name": "Eve"}
PEOPLE = """
[[person]]
id = "ada@x.org"
role = "reviewer"
sites = ["North"]

[[person]]
id = "s-eve"
role = "reader"
"""


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with run_issuer() as running:
        yield running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    write_two_sites(home)
    (home / "people.toml").write_text(PEOPLE)
    return home


@pytest.fixture(scope="module")
def address(home: Path, issuer: Issuer) -> Iterator[str]:
    port = free_port()
    login = (
        f'[auth]\nredirect_uri = "http://localhost:{port}/oauth2callback"\ncookie_secret = "{"k" * 40}"\n'
        f'client_id = "{CLIENT}"\nclient_secret = "{SECRET}"\n'
        f'server_metadata_url = "{issuer.address}/.well-known/openid-configuration"\n'
    )
    (home / "secrets.toml").write_text(login)
    options = ("--secrets.files", str(home / "secrets.toml"))
    with run_app(home, home / "cases", *options, port=port, ICICORE_WORKER="0") as started:
        yield started


@contextlib.contextmanager
def logged_in(browser: Any, address: str, issuer: Issuer, claims: dict[str, Any]) -> Iterator[Any]:
    with open_page(browser) as page:
        page.goto(f"{address}/case?case={NORTH}")
        page.get_by_role("button", name="Log in").wait_for()
        assert page.get_by_text("CASE-").count() == 0, "something was shown before the login"
        issuer.claims = claims
        page.get_by_role("button", name="Log in").click()
        yield page


def report_address(page: Any) -> str:
    page.get_by_text("Record", exact=True).click()
    link = page.get_by_role("link", name="FHIR")
    link.wait_for()
    return str(link.evaluate("link => link.href"))


def test_a_reviewer_of_one_site(browser: Any, address: str, issuer: Issuer, home: Path) -> None:
    with logged_in(browser, address, issuer, ADA) as page:
        page.get_by_role("button", name="Ada Lovelace").wait_for()
        page.get_by_text("1 case ").first.wait_for()
        page.goto(f"{address}/case?case={SOUTH}")
        page.get_by_text("No such case").wait_for()
        page.goto(f"{address}/case?case={NORTH}")
        page.get_by_text("Probability of objective response").wait_for()
        mine = report_address(page)
        with page.expect_download() as taken:
            page.get_by_role("link", name="FHIR").click()
        assert json.loads(Path(taken.value.path()).read_text())["resourceType"] == "Bundle"
        assert page.request.get(mine.replace(NORTH, SOUTH)).status in (403, 404)
        assert page.request.get(mine, headers={"Sec-Fetch-Site": "cross-site"}).status == 403
        with open_page(browser) as stranger:
            assert stranger.request.get(mine).status == 401, "the address alone is not enough"
        with logged_in(browser, address, issuer, EVE) as other:
            other.get_by_role("button", name="Eve").wait_for()
            assert other.request.get(mine).status == 403, "an address of somebody else"
            other.goto(f"{address}/case?case={SOUTH}")
            other.get_by_text("Probability of objective response").wait_for()
            other.get_by_text("Conclusion", exact=True).click()
            other.get_by_text("needs the role reviewer").wait_for()
            assert other.get_by_role("button", name="Sign review").count() == 0
        page.get_by_role("button", name="Ada Lovelace").click()
        page.get_by_role("button", name="Log out").click()
        page.get_by_role("button", name="Log in").wait_for()
        assert page.request.get(mine).status == 401, "an address stops with the login"
    services = build_services(read_settings({"ICICORE_HOME": str(home)}))
    rows = audit_log(services).of_case(NORTH)
    assert {(r.action, r.actor) for r in rows} == {
        ("export", "Ada Lovelace (ada@x.org)"), ("view", "Ada Lovelace (ada@x.org)")
    }  # fmt: skip
    services.database.close()


def test_a_login_without_a_role_sees_nothing(browser: Any, address: str, issuer: Issuer) -> None:
    with logged_in(browser, address, issuer, {"sub": "s-new", "name": "<b>New</b>"}) as page:
        page.get_by_text("You have no role here").wait_for()
        page.get_by_text("<b>New</b> (s-new)").wait_for()
        assert page.get_by_text("CASE-").count() == 0
