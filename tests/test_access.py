"""Roles, sites, and the file that gives them."""

import os
import pwd
from pathlib import Path

import pytest

from icicore.access import LONGEST_NAME, NotPermitted, Person, Role, require, require_site
from icicore.access_rules import AccessRules, read_rules
from icicore.errors import InputError
from icicore.people import local_person
from icicore.settings import read_settings

ADA = {"sub": "s-1", "email": "Ada@Example.org", "email_verified": True, "name": "Ada Lovelace", "is_logged_in": True}
LIST = """
[[person]]
id = "ada@example.org"
role = "reviewer"
sites = ["North"]

[[person]]
id = "s-2"
name = "Grace"
role = "admin"
"""


def rules(tmp_path: Path, text: str) -> AccessRules:
    (tmp_path / "people.toml").write_text(text, encoding="utf-8")
    return read_rules(tmp_path)


def test_each_role_may_what_the_ones_below_may():
    reviewer = Person("R", Role.REVIEWER)
    assert require(reviewer, Role.READER) is reviewer and require(reviewer, Role.REVIEWER) is reviewer
    with pytest.raises(
        NotPermitted, match=r"^R: is a reviewer and may not promote a model; expected admin or above; ask"
    ):
        require(reviewer, Role.ADMIN, "promote a model")


@pytest.mark.parametrize(
    ("sites", "site", "seen"),
    [(None, None, True), (None, "North", True), (("North",), "North", True), (("North",), "South", False),
     (("North",), None, False), ((), None, False), ((), "North", False)],
)  # fmt: skip
def test_sites_decide_what_is_seen_and_a_case_without_one_is_for_those_who_see_all(sites, site, seen):
    assert Person("R", Role.READER, sites).sees(site) is seen
    assert not Person("R", Role.NONE, sites).sees(site)


def test_a_case_out_of_sight_names_no_site():
    with pytest.raises(NotPermitted) as refused:
        require_site(Person("R", Role.READER, ("North",)), "South-Secret", "CASE-1")
    assert "South-Secret" not in str(refused.value) and "CASE-1" in str(refused.value)


def test_the_list_gives_role_and_sites_by_verified_email_or_subject(tmp_path):
    found = rules(tmp_path, LIST)
    assert found.of_claims(ADA) == Person("Ada Lovelace (ada@example.org)", Role.REVIEWER, ("North",))
    assert found.of_claims({"sub": "s-2"}) == Person("Grace (s-2)", Role.ADMIN, None)


@pytest.mark.parametrize("verified", [{"email_verified": False}, {"email_verified": None}, {"email_verified": "true"}])
def test_an_email_that_nobody_verified_gives_nothing(tmp_path, verified):
    assert rules(tmp_path, LIST).of_claims(ADA | verified).role is Role.NONE
    trusted = rules(tmp_path, LIST + "[claims]\ntrust_email = true\n")
    assert trusted.of_claims(ADA | verified).role is Role.REVIEWER


def test_who_is_not_listed_has_the_role_of_the_claims(tmp_path):
    text = LIST + '[claims]\nrole = "groups"\nsites = "dept"\n[claims.map]\n"PA-R" = "reader"\n"PA-A" = "admin"\n'
    found = rules(tmp_path, text)
    person = found.of_claims({"sub": "s-9", "groups": ["PA-R", "PA-A", "x"], "dept": "South"})
    assert (person.role, person.sites) == (Role.ADMIN, ("South",))
    assert found.of_claims({"sub": "s-9", "groups": "admin"}).role is Role.NONE, "only what is mapped counts"
    assert found.of_claims({"sub": "s-9", "groups": ["PA-R"]}).sites == (), "no site claimed: none seen"
    assert found.of_claims(ADA | {"groups": ["PA-A"]}).role is Role.REVIEWER, "the list comes first"
    assert rules(tmp_path, "[claims]\nrole = 'r'\n").of_claims({"sub": "s", "r": "reader"}).role is Role.READER


def test_without_a_file_a_login_gives_no_role_and_the_local_user_is_the_administrator(tmp_path):
    assert read_rules(tmp_path).of_claims(ADA).role is Role.NONE
    settings = read_settings({"ICICORE_HOME": str(tmp_path), "ICICORE_USER": "Dr. Who"})
    assert local_person(settings) == Person("Dr. Who", Role.ADMIN, None)


def test_with_a_file_the_account_must_be_listed_whatever_the_environment_says(tmp_path):
    rules(tmp_path, LIST)
    account = pwd.getpwuid(os.getuid()).pw_name
    settings = read_settings({"ICICORE_HOME": str(tmp_path), "ICICORE_USER": "ada@example.org"})
    assert local_person(settings) == Person(f"os:{account}", Role.NONE, ())
    rules(tmp_path, LIST + f'[[person]]\nid = "os:{account}"\nname = "Desk"\nrole = "reader"\n')
    assert local_person(settings) == Person(f"Desk (os:{account})", Role.READER, None)


def test_a_login_cannot_call_itself_an_account_of_the_machine(tmp_path):
    found = rules(tmp_path, '[[person]]\nid = "os:root"\nrole = "admin"\n')
    assert found.of_claims({"sub": "os:root"}).role is Role.NONE


def test_a_long_name_never_cuts_off_the_id_and_two_people_never_share_a_name(tmp_path):
    found = rules(tmp_path, LIST)
    long = found.of_claims(ADA | {"name": "A" * 300})
    assert len(long.name) == LONGEST_NAME and long.name.endswith("(ada@example.org)")
    twin = found.of_claims({"sub": "s-7", "name": "Ada Lovelace (ada@example.org)"})
    assert twin.name != found.of_claims(ADA).name and twin.name.endswith("(s-7)")
    assert "\n" not in found.of_claims(ADA | {"name": "A\n<b>B</b>\u202e"}).name


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[person]]\nid = 'x'\nrole = 'king'\n", "role 'king' is not known"),
        ("[[person]]\nrole = 'reader'\n", "has no id"),
        ("[[person]]\nid = 'x'\nrole = 'reader'\nsites = 'North'\n", "sites of 'x' cannot be used"),
        ("[[person]]\nid = 'x'\nrole = 'reader'\n[[person]]\nid = 'x'\nrole = 'admin'\n", "names one id twice"),
        ("[[person]]\nid = 'x'\nrole = 'reader'\npassword = 'y'\n", "holds 'password'"),
        ("[person]\nid = 'x'\n", "is not a list of tables"),
        ("[claims]\nroles = 'x'\n", "holds 'roles'"),
        ("[claims.map]\nx = 'king'\n", "role 'king' is not known"),
        ("not toml", "is not TOML"),
    ],
)
def test_a_file_with_a_fault_lets_nobody_in(tmp_path, text, says):
    with pytest.raises(InputError, match=r"^people\.toml: ") as refused:
        rules(tmp_path, text)
    assert says in str(refused.value) and "\n" not in str(refused.value)
    with pytest.raises(InputError):
        local_person(read_settings({"ICICORE_HOME": str(tmp_path)}))


def test_a_change_counts_at_once(tmp_path):
    assert rules(tmp_path, LIST).of_claims(ADA).role is Role.REVIEWER
    assert rules(tmp_path, LIST.replace("reviewer", "reader")).of_claims(ADA).role is Role.READER
