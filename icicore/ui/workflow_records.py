"""The real records behind the pages: the workflows, in the name of one person."""

from icicore.access import NotPermitted, Person, Role, require, require_site
from icicore.people import local_person
from icicore.store.audit import AuditRow
from icicore.store.reviews import Draft, Review
from icicore.types import Json
from icicore.workflows import records
from icicore.workflows.records import Difference
from icicore.workflows.services import Services


class WorkflowRecords:
    """See `icicore.ui.records.Records`. Without a person it is the local one.

    Reading needs a case in sight; writing needs a reviewer, in the reviewer's own name.
    """

    def __init__(self, services: Services, person: Person | None = None) -> None:
        self._services = services
        self._person = person or local_person(services.settings)

    @property
    def author(self) -> str:
        """Name of the person who signs here."""
        return self._person.name

    @property
    def may_sign(self) -> bool:
        """Whether the person may write and sign reviews."""
        return self._person.may(Role.REVIEWER)

    def viewed(self, case_key: str, prediction: Json) -> None:
        """Log that a result was opened."""
        self._see(case_key)
        hashes = records.hashes_of(prediction)
        records.record(self._services, records.VIEW, case_key=case_key, hashes=hashes, by=self._person)

    def reviews(self, case_key: str) -> list[Review]:
        """Everything signed on a case, oldest first."""
        self._see(case_key)
        return records.review_store(self._services).of_case(case_key)

    def draft(self, case_key: str, parent: str) -> Draft:
        """The author's draft of a review or addendum."""
        return records.review_store(self._services).draft(case_key, self.author, parent)

    def save(self, draft: Draft) -> Draft:
        """Store a draft."""
        self._write(draft, "write a review")
        return records.save_draft(self._services, draft)

    def sign(self, draft: Draft, prediction: Json) -> Review:
        """Sign a draft on a result."""
        self._write(draft, "sign a review")
        return records.sign_review(self._services, draft, prediction)

    def aside(self, case_key: str, parent: str) -> Draft:
        """Words set aside for a draft; version 0 when there are none."""
        return self.draft(case_key, records.aside_of(parent))

    def set_aside(self, draft: Draft) -> None:
        """Keep words that another window's draft kept out."""
        self._write(draft, "write a review")
        records.set_aside(self._services, draft)

    def settle(self, case_key: str, parent: str) -> None:
        """Forget what was set aside."""
        records.review_store(self._services).discard(self.aside(case_key, parent))

    def adopt_aside(self, signed: Review) -> bool:
        """Make what was set aside the draft of an addendum; tells whether there was anything."""
        if not self.may_sign:
            return False
        return records.adopt_aside(self._services, signed, self.author)

    def continue_after(self, draft: Draft, signed: Review) -> Draft:
        """Keep what was written too late as the draft of an addendum."""
        self._write(draft, "write a review")
        return records.continue_after(self._services, draft, signed)

    def difference(self, review: Review, prediction: Json) -> Difference:
        """What has changed between a signed result and the one shown."""
        return records.difference(review, prediction)

    def changed_inputs(self, case_key: str, prediction: Json) -> tuple[str, ...]:
        """Input files that on disk are no longer those of the result."""
        return records.changed_inputs(self._services, case_key, prediction)

    def timeline(self, case_key: str) -> list[AuditRow]:
        """Rows of the audit log on a case, newest first."""
        self._see(case_key)
        return records.audit_log(self._services).of_case(case_key)

    def _see(self, case_key: str) -> None:
        row = self._services.cases.get(case_key)
        require_site(self._person, None if row is None else row.site, "this case")

    def _write(self, draft: Draft, to: str) -> None:
        self._see(draft.case_key)
        require(self._person, Role.REVIEWER, to)
        if draft.author != self._person.name:
            raise NotPermitted(self._person.name, f"cannot write the draft of {draft.author}", remedy="write your own")
