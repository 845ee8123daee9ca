"""What if: change an input and see the answer move. Hypothetical throughout; nothing is saved or exported."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from icicore.clinical.table import ECOG, LDH_ULN
from icicore.domain import CLINICAL, GENOMICS, MODALITIES
from icicore.errors import InputError
from icicore.ui import charts, session
from icicore.ui.backend import Asked, Backend
from icicore.ui.ghost import hypothetical_card
from icicore.ui.text import MODALITY_NAMES, number, plain
from icicore.ui.widgets import rerun_part
from icicore.workflows.cases import CaseResult
from icicore.workflows.whatif import Change, what_if_facts

_NOTE = (
    "The model's answer to a changed input, not a prognosis of what a treatment would do: inputs go together in "
    "patients and are changed alone here. A wild-type gene leaves TMB as measured. Nothing on this tab is saved, "
    "reported or exported."
)
_SAME_LDH = 5e-3


@dataclass(frozen=True)
class _Keys:
    """Keys of the widgets: of one result, so that another case starts with its own values."""

    stem: str

    def of(self, name: str) -> str:
        """Key of one widget."""
        return f"{session.WHAT_IF}_{name}_{self.stem}"


@st.fragment
def what_if_panel(_backend: Backend, result: CaseResult) -> None:
    """Inputs to change, and below them the changed answer over the real one. A fragment: only this runs again."""
    try:
        asked = _backend.what_if(result)
    except InputError as error:
        st.info(plain(str(error)), icon=":material/info:")
        _score_again(_backend, result.folder.parent.name)
        return
    attempt = session.get(session.WHAT_IF, 0)
    keys = _Keys(f"{result.folder.parent.name}_{result.bundle_digest[:8]}_{attempt}")
    change, slot = _inputs(asked, keys)
    card = hypothetical_card(result.prediction, what_if_facts(asked.ask(change)), words(change, asked))
    slot.html(f'<div class="i-what-if">{card}</div>')
    st.html(charts.note(_NOTE))


def _score_again(backend: Backend, case_key: str) -> None:
    if st.button("Score again", key=f"{session.WHAT_IF}_score", icon=":material/play_arrow:"):
        try:
            backend.submit(case_key)
        except InputError as error:
            session.put(session.NOTICE, str(error))
        st.rerun()


def _inputs(asked: Asked, keys: _Keys) -> tuple[Change, DeltaGenerator]:
    """The widgets and, between them, the room for the answer; the change is as far as they differ from the case."""
    present = asked.present()
    boxes = st.columns([1, 1, 1, 0.9], vertical_alignment="center")
    kept = {
        m: boxes[k].checkbox(
            MODALITY_NAMES[m] if present[m] else f"{MODALITY_NAMES[m]} (not given)",
            value=present[m],
            disabled=not present[m],
            key=keys.of(m),
        )
        for k, m in enumerate(MODALITIES)
    }
    if boxes[3].button("Reset", key=keys.of("reset"), icon=":material/undo:", width="stretch", help="Back to real"):
        session.put(session.WHAT_IF, session.get(session.WHAT_IF, 0) + 1)
        rerun_part()
    usable = asked.learnt() if kept[CLINICAL] or not present[CLINICAL] else frozenset()
    changed = _clinical(asked, keys, usable)
    slot = st.container()  # above the genes, of which there may be many
    mutated = _mutations(asked.mutated(), keys, enabled=kept[GENOMICS]) if present[GENOMICS] else ()
    gone = frozenset(m for m in MODALITIES if present[m] and not kept[m])
    change = Change(
        without=gone,
        wild_type=frozenset() if GENOMICS in gone else frozenset(asked.mutated()) - frozenset(mutated),
        clinical={} if CLINICAL in gone else changed,
    )
    return change, slot


def _clinical(asked: Asked, keys: _Keys, usable: Collection[str]) -> dict[str, float]:
    known, learnt = asked.clinical(), asked.learnt()
    left, right = st.columns([1.35, 1], vertical_alignment="top")
    grades = [int(g) for g in range(int(ECOG[0]), int(ECOG[1]) + 1)]
    real_ecog = None if "ecog" not in known else round(known["ecog"])
    ecog = left.segmented_control(
        f"ECOG performance status{_unknown('ecog', known, learnt)}",
        grades,
        default=real_ecog,
        required=real_ecog is not None,
        key=keys.of("ecog"),
        disabled="ecog" not in usable,
    )
    real_ldh = None if "ldh_uln" not in known else round(known["ldh_uln"], 2)
    ldh = right.number_input(
        "LDH, × upper limit of normal" if real_ldh is not None else f"LDH, × ULN{_unknown('ldh_uln', known, learnt)}",
        min_value=LDH_ULN[0],
        max_value=LDH_ULN[1],
        value=real_ldh,
        step=0.5,
        format="%.2f",
        key=keys.of("ldh"),
        disabled="ldh_uln" not in usable,
    )
    changed: dict[str, float] = {}
    if ecog is not None and ecog != real_ecog:
        changed["ecog"] = float(ecog)
    if ldh is not None and (real_ldh is None or abs(ldh - real_ldh) > _SAME_LDH):
        changed["ldh_uln"] = float(ldh)
    return changed


def _unknown(name: str, known: Collection[str], learnt: Collection[str]) -> str:
    """What to say behind the name of a value that the score does not rest on."""
    if name not in learnt:
        return " (not learnt)"
    return "" if name in known else " (not measured)"


def _mutations(mutated: Sequence[str], keys: _Keys, *, enabled: bool) -> Sequence[str]:
    """Mutated genes that stay mutated."""
    if not mutated:
        st.caption("No gene of the panel is mutated in this case.")
        return ()
    kept = st.pills(
        "Mutated genes; untick one to make it wild type",
        mutated,
        selection_mode="multi",
        default=mutated,
        format_func=plain,
        key=keys.of("genes"),
        disabled=not enabled,
    )
    return mutated if not enabled else list(kept)


def words(change: Change, asked: Asked) -> list[str]:
    """What is changed, one short phrase each; plain text."""
    known = asked.clinical()
    found = [f"{MODALITY_NAMES[m].lower()} left out" for m in MODALITIES if m in change.without]
    found += [f"{gene} wild type" for gene in sorted(change.wild_type)]
    if "ecog" in change.clinical:
        real = f" instead of {known['ecog']:.0f}" if "ecog" in known else ""
        found.append(f"ECOG {change.clinical['ecog']:.0f}{real}")
    if "ldh_uln" in change.clinical:
        real = f" instead of {number(known['ldh_uln'])}" if "ldh_uln" in known else ""
        found.append(f"LDH {number(change.clinical['ldh_uln'])} × ULN{real}")
    return found
