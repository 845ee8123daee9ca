"""What the pages ask for about records: reviews, their drafts, the timeline and the report of a case."""

from typing import Protocol

from icicore.store.audit import AuditRow
from icicore.store.reviews import Draft, Review
from icicore.types import Json
from icicore.workflows.records import Difference


class Records(Protocol):
    """Records as the person at this screen may read and write them."""

    @property
    def author(self) -> str:
        """Name of the person who signs here."""

    @property
    def may_sign(self) -> bool:
        """Whether the person may write and sign reviews."""

    def viewed(self, case_key: str, prediction: Json) -> None:
        """Log that a result was opened."""

    def reviews(self, case_key: str) -> list[Review]:
        """Everything signed on a case, oldest first."""

    def draft(self, case_key: str, parent: str) -> Draft:
        """The author's draft of a review (empty ``parent``) or of an addendum."""

    def save(self, draft: Draft) -> Draft:
        """Store a draft; raises ``DraftChanged`` or ``AlreadySigned``."""

    def sign(self, draft: Draft, prediction: Json) -> Review:
        """Sign a draft on a result; raises ``DraftChanged``, ``AlreadySigned`` or ``InputError``."""

    def aside(self, case_key: str, parent: str) -> Draft:
        """Words set aside for a draft; version 0 when there are none."""

    def set_aside(self, draft: Draft) -> None:
        """Keep words that another window's draft kept out."""

    def settle(self, case_key: str, parent: str) -> None:
        """Forget what was set aside."""

    def adopt_aside(self, signed: Review) -> bool:
        """Make what was set aside the draft of an addendum; tells whether there was anything."""

    def continue_after(self, draft: Draft, signed: Review) -> Draft:
        """Keep what was written too late as the draft of an addendum."""

    def difference(self, review: Review, prediction: Json) -> Difference:
        """What has changed between a signed result and the one shown."""

    def changed_inputs(self, case_key: str, prediction: Json) -> tuple[str, ...]:
        """Input files that on disk are no longer those of the result."""

    def timeline(self, case_key: str) -> list[AuditRow]:
        """Rows of the audit log on a case, newest first."""
