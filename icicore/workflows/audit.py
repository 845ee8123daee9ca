"""Check the audit log, and what was signed, against all that is known of them."""

from icicore.errors import InputError
from icicore.store.audit import SIGNED, AuditRow, Head, chain_faults
from icicore.store.registry import RegistryStore, history_faults
from icicore.store.reviews import Review
from icicore.types import Json
from icicore.workflows.records import audit_log, review_store
from icicore.workflows.services import Services

_FEWEST_DIGITS = 8


def verify_audit(services: Services, *, expect: str | None = None) -> Json:
    """Verify chain, head and signed reviews.

    Parameters
    ----------
    expect : ``NUMBER:DIGEST`` of a row that was noted elsewhere, at least the first 8 digits of the digest

    Returns
    -------
    ``ok``, ``rows``, ``reviews``, ``head`` (``NUMBER:DIGEST`` of the newest row, to be noted elsewhere), ``faults``
    and ``notes``, one line each

    Raises
    ------
    InputError
        ``expect`` cannot be read.
    """
    log = audit_log(services)
    rows, reviews = log.all(), review_store(services).all()
    faults, notes = chain_faults(rows), []
    try:
        head = log.head.read()
    except ValueError as error:
        head = None
        faults.append(f"{log.head.path.name} {error}; whether rows were cut off at the end cannot be told")
    else:
        faults += head_faults(rows, head)
        if head is not None and head.since > 1:
            notes.append(f"{log.head.path.name} began at row {head.since}: it knows nothing of what was cut before")
    faults += review_faults(rows, reviews)
    faults += history_faults(RegistryStore(services.database).history(), rows)
    if expect is not None:
        faults += _expected(rows, expect)
    newest = f"{rows[-1].seq}:{rows[-1].digest}" if rows else None
    return {
        "ok": not faults,
        "rows": len(rows),
        "reviews": len(reviews),
        "head": newest,
        "faults": faults,
        "notes": notes,
    }


def head_faults(rows: list[AuditRow], head: Head | None) -> list[str]:
    """What the head, kept apart, tells of the end of the log."""
    if head is None:
        if not rows:
            return []
        return ["audit.head is missing; whether rows were cut off at the end cannot be told"]
    found = next((r for r in rows if r.seq == head.seq), None)
    if found is None:
        last = rows[-1].seq if rows else 0
        return [f"the log ends at row {last} but had {head.seq} rows: {head.seq - last} were cut off at the end"]
    if found.digest != head.digest:
        return [f"row {head.seq} is not the one that audit.head knows: the log was cut and written anew"]
    return []


def review_faults(rows: list[AuditRow], reviews: list[Review]) -> list[str]:
    """Signed reviews that were changed, removed or slipped in, by the rows of their signatures."""
    faults = [f"review {r.review_id[:12]} was changed after it was signed" for r in reviews if r.computed() != r.digest]
    signed = {r.hash_map().get("review"): r for r in rows if r.action.endswith(SIGNED)}
    held = {r.digest for r in reviews}
    faults += [
        f"row {row.seq} tells of a signed review that is missing or was replaced"
        for digest, row in signed.items()
        if digest not in held
    ]
    strays = [r for r in reviews if r.digest not in signed]
    return faults + [f"review {r.review_id[:12]} has no row of its signature in the log" for r in strays]


def _expected(rows: list[AuditRow], expect: str) -> list[str]:
    number, _, digest = expect.strip().partition(":")
    digits = digest.lower()
    if not number.isdecimal() or len(digits) < _FEWEST_DIGITS or set(digits) - set("0123456789abcdef"):
        raise InputError(
            "--expect", f"{expect[:80]!r} cannot be read", expected="NUMBER:DIGEST", remedy="copy it from a report"
        )
    found = next((r for r in rows if r.seq == int(number)), None)
    if found is None:
        return [f"row {number} was noted elsewhere and is missing"]
    if not found.digest.startswith(digits):
        return [f"row {number} is not the one that was noted elsewhere: the history was written anew"]
    return []
