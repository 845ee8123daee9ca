"""Records in memory, for pages that do not write any."""

from dataclasses import dataclass, field
from typing import Any

from icicore.store.audit import AuditRow
from icicore.store.reviews import Draft, Review
from icicore.types import Json
from icicore.workflows.records import Difference


@dataclass
class FakeRecords:
    """Nothing signed, nothing written; remembers what was viewed."""

    author: str = "Ada"
    may_sign: bool = True
    views: list[str] = field(default_factory=list)
    rows: list[AuditRow] = field(default_factory=list)

    def viewed(self, case_key: str, prediction: Json) -> None:
        self.views.append(case_key)

    def reviews(self, case_key: str) -> list[Review]:
        return []

    def draft(self, case_key: str, parent: str) -> Draft:
        return Draft("d", case_key, self.author, parent)

    def save(self, draft: Draft) -> Draft:
        raise AssertionError("these records cannot be written")

    def aside(self, case_key: str, parent: str) -> Draft:
        return Draft("a", case_key, self.author, parent)

    def adopt_aside(self, signed: Review) -> bool:
        return False

    set_aside: Any = save
    settle: Any = save
    sign: Any = save
    continue_after: Any = save

    def difference(self, review: Review, prediction: Json) -> Difference:
        return Difference(())

    def changed_inputs(self, case_key: str, prediction: Json) -> tuple[str, ...]:
        return ()

    def timeline(self, case_key: str) -> list[AuditRow]:
        return self.rows
