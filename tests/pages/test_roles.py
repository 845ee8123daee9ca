"""What a page shows to whom: sites on the work list and by address, what a reader is not offered, the door."""

import json
import os
import pwd
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from icicore.access import NotPermitted, Person, Role
from icicore.errors import CaseError
from icicore.jobs import queue
from icicore.store.reviews import Draft
from icicore.ui.backend import use_backend
from icicore.ui.places import CASE
from icicore.ui.workflow_backend import WorkflowBackend
from tests.pages.conftest import MAIN, OpenPage, components, html_of
from tests.pages.fake_results import FakeBackend
from tests.pages.work_home import NORTH, SOUTH, write_two_sites

ACCOUNT = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scored cases, one of each site, in a real home folder."""
    home = tmp_path_factory.mktemp("home")
    write_two_sites(home, slides=1)
    return home


@pytest.fixture
def real(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("ICICORE_HOME", str(home))
    monkeypatch.setenv("ICICORE_ROOTS", str(home / "cases"))
    use_backend(None)
    yield home
    use_backend(None)
    (home / "people.toml").unlink(missing_ok=True)


def allow(home: Path, role: str, sites: list[str] | None = None) -> None:
    limited = "" if sites is None else f"sites = {json.dumps(sites)}\n"
    (home / "people.toml").write_text(f'[[person]]\nid = "os:{ACCOUNT}"\nrole = "{role}"\n{limited}')


def open_real(page: str | None = None, **query: str) -> Any:
    at = AppTest.from_file(str(MAIN), default_timeout=240)
    for key, value in query.items():
        at.query_params[key] = value
    if page:
        at.switch_page(page)
    at.run()
    assert not at.exception, [e.message for e in at.exception]
    return at


def listed(at: Any) -> list[str]:
    (found,) = [c for c in components(at) if "work_list" in c.component_name]
    return [row["case"] for row in json.loads(found.json)["rows"]]


def test_the_work_list_holds_only_cases_of_the_own_sites(real: Path) -> None:
    allow(real, "reader", ["North"])
    assert listed(open_real()) == ["CASE-North"]
    allow(real, "reader")
    assert sorted(listed(open_real())) == ["CASE-North", "CASE-South"]


def test_a_case_of_another_site_is_as_one_that_does_not_exist(real: Path) -> None:
    allow(real, "admin", ["North"])
    assert "No such case" in html_of(open_real(CASE, case=SOUTH))
    assert "CASE-South" not in html_of(open_real(CASE, case=SOUTH))
    assert "Probability of objective response" in html_of(open_real(CASE, case=NORTH))


def test_behind_the_pages_the_same_holds(real: Path) -> None:
    shared = WorkflowBackend(queue)
    bob, eve = Person("Bob (b)", Role.REVIEWER, ("North",)), Person("Eve (e)", Role.READER, None)
    desk = shared.for_person(bob)
    assert [r.case_key for r in desk.cases()] == [NORTH] and desk.case(SOUTH) is None and desk.result(SOUTH) is None
    assert desk.clinical(SOUTH) is None and desk.active_jobs() == []
    for asked in (lambda: desk.submit(SOUTH), lambda: desk.submit_tile_cam(SOUTH, slide="1" * 16, tile=0)):
        with pytest.raises(CaseError, match="no such case"):
            asked()
    for asked in (lambda: desk.records.timeline(SOUTH), lambda: desk.records.reviews(SOUTH),
                  lambda: desk.open_case(real / "cases" / "CASE-South"),
                  lambda: desk.records.save(Draft("d", SOUTH, bob.name, ""))):  # fmt: skip
        with pytest.raises(NotPermitted):
            asked()
    reader = shared.for_person(eve)
    for asked in (lambda: reader.submit(NORTH), reader.submit_demo,
                  lambda: reader.open_case(real / "cases" / "CASE-North"),
                  lambda: reader.records.save(Draft("d", NORTH, eve.name, "")),
                  lambda: reader.records.sign(Draft("d", NORTH, eve.name, ""), {})):  # fmt: skip
        with pytest.raises(NotPermitted, match="is a reviewer|is a reader"):
            asked()
    with pytest.raises(NotPermitted, match="cannot write the draft of Ada"):
        desk.records.save(Draft("d", NORTH, "Ada", ""))
    with pytest.raises(NotPermitted):
        shared.cases()  # before anybody is named


def test_reviews_and_views_are_logged_as_the_person(real: Path) -> None:
    allow(real, "reviewer")
    open_real(CASE, case=NORTH)
    newest = WorkflowBackend(queue).for_person(Person("x", Role.READER)).records.timeline(NORTH)[0]
    assert (newest.action, newest.actor) == ("view", f"os:{ACCOUNT}")


def test_a_reader_is_offered_nothing_that_changes(open_page: OpenPage, desk: FakeBackend) -> None:
    desk.person = Person("Eve (e)", Role.READER)
    desk.records.may_sign = False
    at = open_page("case", state={"panel": "Conclusion"}, case=NORTH)
    assert not {"sign", "keep_mine"} & {b.key for b in at.button} and not at.text_area
    assert "needs the role reviewer" in " ".join(c.value for c in at.caption)
    urls = json.loads(components(at)[0].json)["slides"][0]["urls"]
    assert "annotations" in urls and not {"annotation", "annotations_import"} & set(urls)


def test_a_reader_is_offered_no_scoring_and_no_import(real: Path) -> None:
    allow(real, "reviewer")
    assert "score_ticked" in {b.key for b in open_real().button}
    allow(real, "reader")
    at = open_real()
    assert sorted(listed(at)) == ["CASE-North", "CASE-South"]
    assert not {"score_ticked", "score_new", "assign_yes"} & {b.key for b in at.button}
    assert "need the role reviewer" in " ".join(c.value for c in at.caption)


def test_who_has_no_role_sees_what_to_do_and_no_case(real: Path) -> None:
    (real / "people.toml").write_text('[[person]]\nid = "os:nobody-here"\nrole = "admin"\n')
    at = open_real(CASE, case=NORTH)
    assert "You have no role here" in html_of(at) and "CASE-North" not in html_of(at)
    assert f"os:{ACCOUNT}" in " ".join(c.value for c in at.caption).replace("\\", "")


def test_rules_that_cannot_be_read_close_the_door(real: Path) -> None:
    (real / "people.toml").write_text("[[person]]\n")
    at = open_real(CASE, case=NORTH)
    assert "people.toml" in at.error[0].value.replace("\\", "") and "CASE-North" not in html_of(at)


def test_with_a_login_that_was_not_done_there_is_only_the_way_to_it(real: Path) -> None:
    at = AppTest.from_file(str(MAIN), default_timeout=240)
    at.user = {"is_logged_in": False}
    at.run()
    assert [b.label for b in at.button] == ["Log in"] and "CASE" not in html_of(at)


def test_a_login_has_the_role_of_the_list(real: Path) -> None:
    (real / "people.toml").write_text('[[person]]\nid = "ada@x.org"\nrole = "reader"\nsites = ["South"]\n')
    at = AppTest.from_file(str(MAIN), default_timeout=240)
    at.user = {"is_logged_in": True, "sub": "1", "email": "ada@x.org", "email_verified": True, "name": "<b>Ada</b>"}
    at.run()
    assert listed(at) == ["CASE-South"]
