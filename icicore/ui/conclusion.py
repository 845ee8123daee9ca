"""The clinician's own conclusion on the case page: signed reviews, the draft, and the report to take away."""

import streamlit as st

from icicore.errors import StorageError
from icicore.store.cases import CaseRow
from icicore.store.reviews import NO_PARENT, Review
from icicore.types import Json
from icicore.ui import session
from icicore.ui.drafts import MESSAGE, DraftDesk
from icicore.ui.exports import report_card
from icicore.ui.records import Records
from icicore.ui.signed import JUDGEMENTS, judgement_word, signed_card, timeline_card, when
from icicore.ui.text import count, plain
from icicore.ui.widgets import error_line
from icicore.workflows.cases import CaseResult
from icicore.workflows.records import LONGEST_TEXT

VIEWED = "_viewed"
"""The case and result that this visit was logged for."""
ADDENDUM, REVIEW = "Addendum", "New review of the result shown"
ADOPTED = "What another window held, unsaved, is kept as the draft of an addendum."
_TEXT_HEIGHT = 150


def log_view(records: Records, row: CaseRow, result: CaseResult | None) -> None:
    """Log the visit: once until another case or another result is opened in this session."""
    if result is None:
        return
    visit = (row.case_key, str(result.folder), str(result.prediction.get("scored_at")))
    if session.get(VIEWED) != visit:
        try:
            records.viewed(row.case_key, result.prediction)
        except StorageError as error:
            error_line(f"This visit could not be logged: {error}")
            return
        session.put(VIEWED, visit)


def conclusion_panel(records: Records, row: CaseRow, result: CaseResult, *, secret: str) -> None:
    """Signed reviews first, then what is being written, then the report; ``secret`` signs its address."""
    everything = records.reviews(row.case_key)
    reviews = [r for r in everything if not r.is_addendum]
    for review in reviews:
        addenda = [a for a in everything if a.parent == review.review_id]
        st.html(signed_card(review, addenda, records.difference(review, result.prediction)))
    changed = records.changed_inputs(row.case_key, result.prediction)
    if changed:
        st.warning(plain(f"Changed on disk since the score: {', '.join(changed)}. Score the case again to use it."))
    if not records.may_sign:
        st.caption("Writing and signing a review needs the role reviewer.")
        st.html(report_card(row, records.author, secret))
        return
    parent = _target(records, reviews, result.prediction)
    if parent and records.adopt_aside(reviews[-1]):
        session.put(MESSAGE, ("info", ADOPTED))
    _form(DraftDesk(records, row.case_key, parent), records.author, result.prediction, addendum=bool(parent))
    st.html(report_card(row, records.author, secret))


def history(records: Records, row: CaseRow) -> None:
    """The timeline of the case."""
    st.html(timeline_card(records.timeline(row.case_key)))


def _target(records: Records, reviews: list[Review], shown: Json) -> str:
    """What the clinician writes now: a review of the result shown, or an addendum to the newest review."""
    if not reviews:
        return NO_PARENT
    newest = reviews[-1].review_id
    mine = [r for r in reviews if r.author == records.author]
    if any(not records.difference(r, shown) for r in mine):
        return newest
    chosen = st.segmented_control(
        "What to write",
        [REVIEW, ADDENDUM],
        default=REVIEW,
        required=True,
        key=f"review_target_{newest[:8]}",
        label_visibility="collapsed",
    )
    return newest if chosen == ADDENDUM else NO_PARENT


def _form(desk: DraftDesk, author: str, prediction: Json, *, addendum: bool) -> None:
    desk.refresh()
    with st.container(border=True, key="review_form"):
        label = "Judgement, if it changes" if addendum else "In your judgement, an objective response is"
        st.segmented_control(
            label,
            list(JUDGEMENTS),
            format_func=lambda j: JUDGEMENTS[j],
            key=desk.judgement_key,
            on_change=desk.changed,
            width="stretch",
            disabled=desk.asked,
        )
        st.text_area(
            "Addendum" if addendum else "Reasons and remarks",
            key=desk.text_key,
            height=_TEXT_HEIGHT,
            max_chars=LONGEST_TEXT,
            on_change=desk.changed,
            placeholder="What is to be added" if addendum else "What you saw, and why you agree or disagree",
            disabled=desk.asked,
        )
        if desk.conflict is not None:
            _settle(desk)
        else:
            _sign_row(desk, author, prediction, addendum=addendum)
        _message()


def _sign_row(desk: DraftDesk, author: str, prediction: Json, *, addendum: bool) -> None:
    draft = desk.draft
    words = count(len(draft.text.split()), "word")
    state = (
        f"Draft saved {when(draft.updated)}, {words}; a reload keeps it." if draft.updated else "Nothing written yet."
    )
    later = "" if addendum else "; an addendum can be added"
    st.caption(
        f"{plain(state)} You sign as **{plain(author)}**, on the result shown above. What is signed cannot be "
        f"changed{later}."
    )
    line = st.container(horizontal=True, vertical_alignment="center", gap="small")
    if desk.asked:
        line.button("Sign for good", type="primary", key="sign_confirm", on_click=desk.sign, args=(prediction,))
        line.button("Back", key="sign_back", on_click=desk.back)
        return
    ready = bool(draft.text or draft.judgement) if addendum else draft.judgement is not None
    missing = "Write the addendum first" if addendum else "Choose a judgement first"
    line.button(
        f"Sign {'addendum' if addendum else 'review'} …",
        type="primary",
        key="sign",
        disabled=not ready,
        on_click=desk.ask,
        help=None if ready else missing,
    )


def _settle(desk: DraftDesk) -> None:
    """Two windows hold different text: show both, lose none."""
    conflict = desk.conflict
    if conflict is None:
        return
    other = conflict.stored
    at = f" at {when(other.updated)}" if other.updated else ""
    said = " · ".join(filter(None, (judgement_word(other.judgement) if other.judgement else "", other.text)))
    st.warning(plain(f"Another window saved this draft{at}: “{said or 'nothing'}”. Yours stands above."))
    line = st.container(horizontal=True, gap="small")
    line.button("Keep mine", key="keep_mine", on_click=desk.keep_mine)
    line.button("Take the other", key="take_other", on_click=desk.take_other)


def _message() -> None:
    kind, line = session.take(MESSAGE) or ("", "")
    if kind == "error":
        error_line(line)
    elif kind:
        st.info(plain(line))
