"""A result of a model that is no longer the promoted one: it stays as it is, and says so."""

import streamlit as st

from icicore.errors import InputError
from icicore.store.cases import CaseRow
from icicore.ui import session
from icicore.ui.backend import Backend
from icicore.ui.text import esc, short_digest
from icicore.workflows.cases import CaseResult


def older_html(result: CaseResult, promoted: tuple[str, str]) -> str:
    """Which model made the result, and which one is promoted now; both with their digests."""
    made = str((result.prediction.get("bundle") or {}).get("name") or "unknown")
    name, digest = promoted
    return (
        '<div class="i-reasons calm" role="note"><b>Earlier model.</b><span>This result is that of '
        f"{esc(made)} ({short_digest(result.bundle_digest)}) and stays on record. Cases are scored with {esc(name)} "
        f"({short_digest(digest)}) now.</span></div>"
    )


def older_notice(backend: Backend, row: CaseRow, result: CaseResult | None, *, active: bool) -> None:
    """Tell that the result is an earlier model's, and offer to score the case again."""
    promoted = backend.promoted()
    if result is None or promoted is None or promoted[1] == result.bundle_digest:
        return
    words, button = st.columns([8, 1], vertical_alignment="center")
    words.html(older_html(result, promoted))
    if button.button("Re-score", disabled=active, key="rescore", icon=":material/refresh:", width="stretch"):
        try:
            backend.submit(row.case_key)
        except InputError as error:
            session.put(session.NOTICE, str(error))
        st.rerun()
