"""Records of a case: what was seen, scored, signed and exported, by whom and on which hashes."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from icicore.addresses import installation_secret
from icicore.errors import InputError
from icicore.fingerprint import file_digest, fingerprint
from icicore.people import Person, local_person
from icicore.store.audit import AuditLog, AuditRow, Entry, HeadFile
from icicore.store.reviews import Draft, Review, ReviewStore
from icicore.types import Json
from icicore.workflows.services import Services

LIKELY, UNLIKELY, CANNOT_SAY = JUDGEMENTS = ("likely", "unlikely", "cannot_say")
VIEW, SCORE, EXPORT = "view", "score", "export"
LONGEST_TEXT = 8000
_OF_THE_RUN = ("seconds", "scored_at")
"""Parts of prediction.json that differ from run to run of the same score."""


@dataclass(frozen=True)
class Difference:
    """What differs between a signed result and the one shown now; empty when it is the same result."""

    parts: tuple[str, ...]

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.parts)


def audit_log(services: Services) -> AuditLog:
    """The audit log of this installation; its head lies in the home folder, apart from the database."""
    home = services.settings.home
    return AuditLog(services.database, HeadFile(home / "audit.head", installation_secret(home)))


def review_store(services: Services) -> ReviewStore:
    """Drafts and signed reviews."""
    return ReviewStore(services.database)


def result_digest(prediction: Json) -> str:
    """Digest of a result: all of prediction.json but the times, so that the same score again has the same digest."""
    lasting = {k: v for k, v in prediction.items() if k not in _OF_THE_RUN}
    # Straight from JSON: `fingerprint` walks the 2,400 genes in Python, which a page that compares would feel.
    return hashlib.sha256(json.dumps(lasting, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def evidence_of(services: Services, prediction: Json) -> Json:
    """Hashes of slides, inputs, bundle and settings under which a result was made, for a signature."""
    bundle = prediction.get("bundle") or {}
    settings = {
        "device": services.settings.device,
        "precision": services.settings.precision,
        "versions": prediction.get("versions") or {},
    }
    return {
        "result": result_digest(prediction),
        "scored_at": prediction.get("scored_at"),
        "probability": prediction.get("probability"),
        "slides": {str(s["path"]): str(s["digest"]) for s in prediction.get("slides") or []},
        "inputs": {str(name): str(digest) for name, digest in (prediction.get("files") or {}).items()},
        "bundle": {"name": str(bundle.get("name", "")), "digest": str(bundle.get("digest", ""))},
        "settings": {"digest": fingerprint(settings), **settings},
    }


def hashes_of(prediction: Json) -> dict[str, str]:
    """Hashes of a result for the audit log; names of files stay out of it."""
    slides = [str(s["digest"]) for s in prediction.get("slides") or []]
    return {
        "result": result_digest(prediction),
        "bundle": str((prediction.get("bundle") or {}).get("digest", "")),
        "inputs": fingerprint(sorted((prediction.get("files") or {}).items())),
        **{f"slide {number}": digest for number, digest in enumerate(slides, start=1)},
    }


def record(
    services: Services, action: str, *, case_key: str, hashes: dict[str, str], by: Person | None = None
) -> AuditRow:
    """Log an action; without ``by`` it is that of the local user."""
    actor = (by or local_person(services.settings)).name
    return audit_log(services).record(Entry(actor, action, case_key, hashes))


def record_score(services: Services, case_key: str, prediction: Json, *, by: Person | None = None) -> AuditRow:
    """Log that a case was scored."""
    return record(services, SCORE, case_key=case_key, hashes=hashes_of(prediction), by=by)


def difference(review: Review, shown: Json) -> Difference:
    """What has changed between the signed result and the shown one.

    Parameters
    ----------
    review : a signed review
    shown : prediction.json of the result on the screen
    """
    if review.result_digest == result_digest(shown):
        return Difference(())
    signed = review.evidence_map()
    bundle = (signed.get("bundle") or {}).get("digest")
    versions = (signed.get("settings") or {}).get("versions")
    now_slides = sorted(str(s["digest"]) for s in shown.get("slides") or [])
    pairs: Sequence[tuple[str, object, object]] = (
        ("slides", sorted((signed.get("slides") or {}).values()), now_slides),
        ("input files", signed.get("inputs") or {}, shown.get("files") or {}),
        ("model", bundle, (shown.get("bundle") or {}).get("digest")),
        ("software versions", versions or {}, shown.get("versions") or {}),
    )
    return Difference(tuple(name for name, then, now in pairs if then != now) or ("numbers",))


def changed_inputs(services: Services, case_key: str, prediction: Json) -> tuple[str, ...]:
    """Names of input files that on disk are no longer those of the result; a missing folder names nothing.

    Slides are compared by the digest that is remembered for their size and time of change; a slide that changed is
    not read again here, it is simply no longer known.
    """
    from icicore.workflows.cases import load_case

    try:
        case = load_case(services, case_key)
    except InputError:
        return ()
    files = {p.name: p for p in (case.folder / "case.json", case.mutations, case.expression) if p is not None}
    scored = {str(k): str(v) for k, v in (prediction.get("files") or {}).items()}
    changed = [n for n, d in scored.items() if n not in files or _digest(files[n]) != d]
    slides = {p.name: p for p in case.slides}
    for slide in prediction.get("slides") or []:
        known = services.slides.find(str(slide["digest"])[:16])
        path = slides.get(str(slide["path"]))
        if path is None or known is None:
            changed.append(str(slide["path"]))
    return tuple(sorted(changed))


def _digest(path: Path) -> str:
    try:
        return file_digest(path)
    except OSError:
        return ""


def save_draft(services: Services, draft: Draft) -> Draft:
    """Store a draft, its text cleaned. Raises ``DraftChanged`` or ``AlreadySigned``, see `ReviewStore.save`."""
    return review_store(services).save(_checked(draft))


def sign_review(services: Services, draft: Draft, prediction: Json) -> Review:
    """Sign a saved draft on the result that is shown.

    Raises
    ------
    InputError
        A review without judgement, or an addendum that says nothing.
    AlreadySigned, DraftChanged
        Another window was faster; see `ReviewStore.sign`.
    """
    draft = _checked(draft)
    if not draft.parent and draft.judgement is None:
        raise InputError("review", "no judgement was chosen", expected="likely, unlikely or cannot say")
    if draft.parent and draft.judgement is None and not draft.text:
        raise InputError("addendum", "is empty", expected="a text or a judgement", remedy="write what is to be added")
    return review_store(services).sign(
        draft,
        evidence=evidence_of(services, prediction),
        result_digest=result_digest(prediction),
        audit=audit_log(services),
    )


def aside_of(parent: str) -> str:
    """Where words wait that another window's draft kept out: a draft of its own beside that of ``parent``."""
    return f"aside {parent[:24]}"


def set_aside(services: Services, draft: Draft) -> Draft:
    """Store words that could not be saved as the draft, so that they survive a reload until they are settled."""
    draft, store = _checked(draft), review_store(services)
    aside = store.draft(draft.case_key, draft.author, aside_of(draft.parent))
    return store.save(replace(aside, judgement=draft.judgement, text=draft.text))


def adopt_aside(services: Services, signed: Review, author: str) -> bool:
    """Turn words set aside into the draft of an addendum when meanwhile the review was signed; tells whether any."""
    store = review_store(services)
    aside = store.draft(signed.case_key, author, aside_of(""))
    if aside.version == 0:
        return False
    kept = continue_after(services, aside, signed)
    store.discard(aside)
    return kept.version > 0


def continue_after(services: Services, draft: Draft, signed: Review) -> Draft:
    """Keep what the second of two signers wrote: it becomes a draft of an addendum to what was signed.

    Text that is already in the signed review is not kept twice; neither is a judgement equal to the signed one.
    """
    draft = _checked(draft)
    judgement = None if draft.judgement == signed.judgement else draft.judgement
    text = "" if draft.text == signed.text else draft.text
    store = review_store(services)
    parent = signed.parent or signed.review_id
    kept = store.draft(draft.case_key, draft.author, parent)
    if judgement is None and not text:
        return kept
    both = "\n\n".join(dict.fromkeys(t for t in (kept.text, text) if t))
    return store.save(replace(kept, judgement=judgement or kept.judgement, text=both[:LONGEST_TEXT]))


def _checked(draft: Draft) -> Draft:
    if draft.judgement not in (None, *JUDGEMENTS):
        raise InputError("judgement", f"{draft.judgement!r} is not known", expected="likely, unlikely or cannot say")
    return replace(draft, text=clean_text(draft.text))


def clean_text(text: str) -> str:
    """Free text with line ends as LF and without control characters, which databases and printers refuse."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(c for c in text if c in "\n\t" or not (ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or _surrogate(c)))
    return kept.strip()[:LONGEST_TEXT]


def _surrogate(character: str) -> bool:
    return 0xD800 <= ord(character) <= 0xDFFF
