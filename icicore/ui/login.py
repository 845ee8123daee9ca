"""Who is at this screen: the person of an OIDC login, or the local user where no login is set up.

A login is set up by an ``[auth]`` section in Streamlit's ``secrets.toml``; see docs/people.md. What Streamlit keeps
about the login is a signed cookie; the tile server in this process reads the same one.
"""

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.auth_util import get_secrets_auth_section
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME
from streamlit.web.server.starlette.starlette_websocket import _get_signed_cookie_with_chunks

from icicore.access import Person, Role
from icicore.access_rules import read_rules
from icicore.errors import IcicoreError
from icicore.people import local_person
from icicore.settings import Settings, read_settings

LOGGED_IN = "is_logged_in"


class NotLoggedIn(IcicoreError):
    """There is a login, and nobody has logged in."""


def current_person() -> Person:
    """The person of this session, read anew at every run, so that a change of role counts at once.

    Raises
    ------
    NotLoggedIn
        A login is set up and was not done.
    InputError
        ``people.toml`` cannot be used.
    """
    settings, claims = read_settings(), st.user.to_dict()
    if LOGGED_IN not in claims:
        return local_person(settings)
    if claims[LOGGED_IN] is not True:
        raise NotLoggedIn("log in first")
    return read_rules(settings.home).of_claims(claims)


def person_of_cookies(settings: Settings, cookies: Mapping[str, str]) -> Person:
    """The person whose browser sent these cookies; ``Role.NONE`` for nobody. Raises ``InputError``."""
    if not get_secrets_auth_section():
        return local_person(settings)
    claims = _claims(cookies)
    if claims.get(LOGGED_IN) is not True:
        return Person("nobody", Role.NONE, ())
    return read_rules(settings.home).of_claims(claims)


def _claims(cookies: Mapping[str, str]) -> dict[str, Any]:
    """Claims in the signed cookie; empty when there is none, or it was forged or is too old."""
    try:
        raw = _get_signed_cookie_with_chunks(dict(cookies), USER_COOKIE_NAME)
        claims = json.loads(raw) if raw else {}
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}


def has_login() -> bool:
    """Whether this session was opened through a login, so that one can log out."""
    return st.user.to_dict().get(LOGGED_IN) is True
