"""The door: nobody without a role sees a page, and what a page asks for is checked again behind it."""

import streamlit as st

from icicore.access import Person, Role
from icicore.errors import InputError
from icicore.ui.login import NotLoggedIn, current_person, has_login
from icicore.ui.text import plain
from icicore.ui.widgets import empty, error_line, page_head


def gate() -> Person:
    """The person of this session; shows what to do and ends the run when there is none with a role."""
    try:
        person = current_person()
    except NotLoggedIn:
        _ask()
    except InputError as error:
        page_head("No access")
        error_line(str(error))
        st.stop()
    else:
        if person.may(Role.READER):
            return person
        _refuse(person)
    st.stop()


def _ask() -> None:
    page_head("Log in")
    empty("Log in to see the work list", "Your hospital's login opens in this window and leads back here.")
    st.button("Log in", type="primary", icon=":material/login:", on_click=st.login)


def _refuse(person: Person) -> None:
    page_head("No access")
    empty("You have no role here", "An administrator of icicore gives roles, in the file <code>people.toml</code>.")
    st.caption(f"Tell the administrator this id: {plain(person.name)}")
    if has_login():
        st.button("Log out", icon=":material/logout:", on_click=st.logout)
