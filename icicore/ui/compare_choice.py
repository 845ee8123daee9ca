"""The line that chooses what to compare."""

import streamlit as st

from icicore.errors import InputError
from icicore.ui import session
from icicore.ui.backend import Backend
from icicore.ui.compare_sides import MOST, Asked, candidates
from icicore.ui.text import short_digest
from icicore.ui.widgets import error_line
from icicore.ui.work_desk import BatchQueue
from icicore.workflows.cases import CaseResult

SEVERAL, ONE = "Cases", "Models of one case"


def choice(backend: Backend, queue: BatchQueue, wanted: Asked) -> Asked:
    """Draw the fields; returns what they say."""
    names = candidates(backend, wanted.cases)
    kind, fields, more = st.columns([1.5, 3.4, 2.8], gap="small")
    default = ONE if wanted.bundles or (len(wanted.cases) == 1) else SEVERAL
    how = kind.segmented_control("Compare", [SEVERAL, ONE], default=default, required=True, key=session.COMPARE_KIND)
    if how == SEVERAL:
        keys = fields.multiselect(
            "Cases", list(names), default=[k for k in wanted.cases if k in names], max_selections=MOST,
            format_func=lambda k: names.get(k, k), placeholder="Two to four cases",
            help="The newest results; tick others in the work list and press Compare there",
        )  # fmt: skip
        return Asked(tuple(keys))
    first = wanted.cases[0] if wanted.cases else None
    options = list(names)
    key = fields.selectbox(
        "Case", options, index=options.index(first) if first in names else None,
        format_func=lambda k: names.get(k, k), placeholder="One case",
    )  # fmt: skip
    if key is None:
        return Asked()
    return Asked((key,), _models(backend, queue, key, wanted, more))


def _models(
    backend: Backend, queue: BatchQueue, key: str, wanted: Asked, place: "st.delta_generator.DeltaGenerator"
) -> tuple[str, ...]:
    stored = backend.work.results(key)
    labels = {r.bundle_digest[:16]: bundle_label(r) for r in stored}
    kept = [b for b in wanted.bundles if b in labels] if wanted.cases == (key,) else []
    with place:
        chosen = st.multiselect(
            "Models", list(labels), default=kept or list(labels)[:2], max_selections=MOST,
            format_func=lambda b: labels[b], placeholder="Two models",
        )  # fmt: skip
    known = {str((r.prediction.get("bundle") or {}).get("name")) for r in stored}
    others = [name for name in backend.work.bundles() if name not in known]
    if others:
        _score_under(backend, queue, key, others)
    elif len(labels) < 2:
        st.caption("There is only one model in the checkpoints folder; train or copy a second one to compare with.")
    return tuple(chosen)


def bundle_label(result: CaseResult) -> str:
    """Name and the beginning of the digest: two states of one bundle are two results."""
    return f"{(result.prediction.get('bundle') or {}).get('name', '?')} {short_digest(result.bundle_digest)[:8]}"


def _score_under(backend: Backend, queue: BatchQueue, key: str, names: list[str]) -> None:
    line = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    name = line.selectbox("Score this case under another model", names, width=360)
    if line.button("Score", key="score_with", icon=":material/play_arrow:") and name:
        try:
            backend.work.submit_score_with(queue, key, name)
        except InputError as error:
            session.put(session.WORK_ERROR, str(error))
        st.rerun()
    if message := session.take(session.WORK_ERROR):
        error_line(message)
