"""The draft under the clinician's hands: saved at every change, never overwritten by another window in silence."""

from dataclasses import dataclass, replace

import streamlit as st

from icicore.errors import InputError, StorageError
from icicore.store.reviews import AlreadySigned, Draft, DraftChanged
from icicore.types import Json
from icicore.ui import session
from icicore.ui.records import Records
from icicore.ui.signed import judgement_word, when

MESSAGE = "_review_message"
"""What happened to the last save or signature: (``error`` or ``info``, one line), shown once."""


@dataclass(frozen=True)
class Conflict:
    """Two versions of one draft: what this window holds, and what another one saved."""

    mine: Draft
    stored: Draft


class DraftDesk:
    """One draft in one session: what is stored, what the fields hold, and the way between.

    ``parent`` is empty for a review and the id of the review for an addendum.
    """

    def __init__(self, records: Records, case_key: str, parent: str) -> None:
        self._records, self._case_key, self._parent = records, case_key, parent
        suffix = f"{case_key}_{parent[:8]}"
        self.judgement_key, self.text_key = f"review_judgement_{suffix}", f"review_text_{suffix}"
        self._draft_key, self._conflict_key = f"_draft_{suffix}", f"_conflict_{suffix}"
        self._asked_key = f"_signing_{suffix}"

    @property
    def draft(self) -> Draft:
        """The draft as this window last saw it stored."""
        found: Draft | None = session.get(self._draft_key)
        return found or self._load()

    @property
    def conflict(self) -> Conflict | None:
        """Set while two windows hold different text."""
        found: Conflict | None = session.get(self._conflict_key)
        return found

    @property
    def asked(self) -> bool:
        """Whether the clinician pressed Sign once and is asked to confirm."""
        return bool(session.get(self._asked_key))

    def refresh(self) -> Draft:
        """Take up what another window saved, when this one has nothing of its own; fill the fields."""
        known, stored = session.get(self._draft_key), self._records.draft(self._case_key, self._parent)
        moved = known is None or ((stored.version or known.version) and _seen(known) != _seen(stored))
        if moved and self.conflict is None:
            self._show(stored)
        if known is None:
            self._take_up_aside(stored)
        for key, value in ((self.judgement_key, self.draft.judgement), (self.text_key, self.draft.text)):
            if key not in st.session_state:  # the fields forget their values while another panel is open
                st.session_state[key] = value
        return self.draft

    def changed(self) -> None:
        """A field changed."""
        self.save()

    def save(self) -> bool:
        """Store what the fields hold; tells whether it is stored now."""
        written = self._written()
        if self.conflict is not None:
            self._dispute(written, self.conflict.stored)
            return False
        if (written.judgement, written.text.strip()) == (self.draft.judgement, self.draft.text):
            return True
        return self._store(written)

    def keep_mine(self) -> None:
        """Settle a conflict: this window's text replaces what the other one saved."""
        if self.conflict is not None:
            stored, mine = self.conflict.stored, self._written()
            self._settle()
            self._store(replace(mine, draft_id=stored.draft_id, version=stored.version))

    def take_other(self) -> None:
        """Settle a conflict: the other window's text comes into the fields."""
        if self.conflict is not None:
            stored = self.conflict.stored
            self._settle()
            self._show(stored)

    def ask(self) -> None:
        """Sign was pressed: ask once more."""
        session.put(self._asked_key, self.save())

    def back(self) -> None:
        """Not yet."""
        session.put(self._asked_key, None)

    def sign(self, prediction: Json) -> None:
        """Sign what is stored, on the result that is shown."""
        session.put(self._asked_key, None)
        if not self.save():
            return
        try:
            self._records.sign(self.draft, prediction)
        except AlreadySigned as error:
            self._too_late(error)
        except DraftChanged as error:
            self._dispute(self.draft, error.stored)
        except InputError as error:
            session.put(MESSAGE, ("error", str(error)))
        else:
            self._forget()

    def _store(self, draft: Draft) -> bool:
        try:
            session.put(self._draft_key, self._records.save(draft))
        except DraftChanged as error:
            self._dispute(draft, error.stored)
            return False
        except AlreadySigned as error:
            self._too_late(error)
            return False
        except StorageError as error:
            session.put(MESSAGE, ("error", f"Not saved yet, what you wrote stands above: {error}"))
            return False
        return True

    def _dispute(self, mine: Draft, stored: Draft) -> None:
        """Hold both versions until the clinician settles it; a reload must not lose this window's."""
        session.put(self._conflict_key, Conflict(mine, stored))
        self._records.set_aside(mine)

    def _settle(self) -> None:
        session.put(self._conflict_key, None)
        self._records.settle(self._case_key, self._parent)

    def _take_up_aside(self, stored: Draft) -> None:
        """In a window that has just been opened: words set aside before a reload come back into the fields."""
        aside = self._records.aside(self._case_key, self._parent)
        if aside.version and (aside.judgement, aside.text) != (stored.judgement, stored.text):
            mine = replace(stored, judgement=aside.judgement, text=aside.text)
            self._show(mine)
            session.put(self._conflict_key, Conflict(mine, stored))

    def _too_late(self, error: AlreadySigned) -> None:
        signed = error.review
        kept = self._records.continue_after(self._written(), signed)
        said = judgement_word(signed.judgement)
        line = f"Signed already, in another window: {said}, by {signed.author}, {when(signed.signed)}."
        if kept.version:
            line += " What you wrote is kept as the draft of an addendum below."
        session.put(MESSAGE, ("info", line))
        self._forget()

    def _written(self) -> Draft:
        """The draft with what the fields hold; without fields on the screen, as it is."""
        state = st.session_state
        return replace(
            self.draft,
            judgement=state.get(self.judgement_key, self.draft.judgement),
            text=state.get(self.text_key, self.draft.text) or "",
        )

    def _load(self) -> Draft:
        draft = self._records.draft(self._case_key, self._parent)
        session.put(self._draft_key, draft)
        return draft

    def _show(self, draft: Draft) -> None:
        session.put(self._draft_key, draft)
        st.session_state[self.judgement_key], st.session_state[self.text_key] = draft.judgement, draft.text

    def _forget(self) -> None:
        for key in (self._draft_key, self._conflict_key, self._asked_key, self.judgement_key, self.text_key):
            session.take(key)


def _seen(draft: Draft) -> tuple[str, int]:
    return draft.draft_id, draft.version
