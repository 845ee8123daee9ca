"""Top right corner: who is at this screen, the way out, the tour and the presentation mode."""

import streamlit as st

from icicore.access import ROLE_MEANS, Person
from icicore.ui import session
from icicore.ui.login import has_login
from icicore.ui.places import CASE
from icicore.ui.text import plain
from icicore.ui.tour import TOUR

PRESENT = "present"
"""Query parameter of the presentation mode, so that a reload at the tumour board keeps it."""
_KEYS = "Alt+P"
_CSS = """
html { font-size: clamp(17px, 1.1vw, 26px); }
[data-testid="stButtonGroup"] button { padding-left: .55rem; padding-right: .55rem; }
@media (max-width: 1600px) {
  [data-testid="stButtonGroup"] button { padding-left: .3rem; padding-right: .3rem; min-width: 0; }
  [data-testid="stButtonGroup"] button p { font-size: .8rem; }
}
.i-ends { white-space: normal; align-items: end; line-height: 1.15; }
[data-testid="stHeader"], .st-key-account { display: none; }
:root { --icicore-type: 1.35; --icicore-tools: none; --icicore-off: none; }
@media (min-width: 1800px) { :root { --icicore-type: 1.6; } }
.stMainBlockContainer { padding-top: .6rem !important; padding-bottom: 1rem !important; }
"""


def account(person: Person) -> None:
    """Show the menu of the person, or in presentation mode the way back only."""
    if presenting():
        st.html(f"<style>{_CSS}</style>")
        with st.container(key="presenting"):
            st.button(
                "End presentation", key="present_end", type="tertiary", icon=":material/close_fullscreen:",
                on_click=_present, args=(False,), shortcut=_KEYS,
            )  # fmt: skip
        return
    with st.container(key="account", horizontal=True, gap="small"):
        st.button(
            "Present",
            key="present_start",
            type="tertiary",
            icon=":material/present_to_all:",
            on_click=_present,
            args=(True,),
            shortcut=_KEYS,
            help="Presentation mode: larger type, no menu, readable from two metres",
        )
        with st.popover(_short(person.name), icon=":material/person:", type="tertiary"):
            _menu(person)


def _menu(person: Person) -> None:
    st.markdown(f"**{plain(person.name)}**")
    st.caption(f"{person.role.word.capitalize()}: {ROLE_MEANS[person.role]}.")
    st.caption("All sites" if person.sites is None else f"Sites: {plain(', '.join(person.sites) or 'none')}")
    shown = session.get(session.LAST_CASE)
    if shown and st.button("Tour of the case page", key="tour_start", icon=":material/tour:", width="stretch"):
        st.switch_page(CASE, query_params={session.CASE: shown, TOUR: "1"})
    if has_login():
        st.button("Log out", key="log_out", icon=":material/logout:", width="stretch", on_click=st.logout)


def presenting() -> bool:
    """Whether this session is in presentation mode; it stays while pages change."""
    if PRESENT in st.query_params:
        session.put(PRESENT, st.query_params[PRESENT] == "1")
    return bool(session.get(PRESENT))


def _present(on: bool) -> None:  # noqa: FBT001 - a callback
    session.put(PRESENT, on)
    if on:
        st.query_params[PRESENT] = "1"
    else:
        st.query_params.pop(PRESENT, None)


def _short(name: str, longest: int = 28) -> str:
    """Name without the id in brackets, for the button."""
    shown = name.partition(" (")[0]
    return plain(shown if len(shown) <= longest else f"{shown[: longest - 1]}…")
