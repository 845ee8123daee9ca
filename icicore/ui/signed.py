"""Signed reviews and the timeline as HTML; all text that people wrote is escaped."""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from icicore.store.audit import MOST_EVENTS, AuditRow
from icicore.store.reviews import Review
from icicore.ui import charts
from icicore.ui.text import count, esc, percent
from icicore.ui.widgets import badge
from icicore.workflows.records import Difference

JUDGEMENTS: Mapping[str, str] = {"likely": "Likely", "unlikely": "Unlikely", "cannot_say": "Cannot say"}
"""The clinician's own judgement on objective response."""
ACTIONS: Mapping[str, str] = {
    "view": "Viewed",
    "score": "Scored",
    "review signed": "Review signed",
    "addendum signed": "Addendum signed",
    "export": "Exported",
    "case unassigned": "Assignment taken back",
}

_DIGITS = 8


def judgement_word(judgement: str | None) -> str:
    """The judgement in words."""
    return JUDGEMENTS.get(str(judgement), "judgement unchanged")


def when(moment: str | datetime) -> str:
    """A moment in the time zone of the browser, UTC where that is not known."""
    parsed = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    zone = _zone()
    local = parsed.astimezone(zone) if zone is not None else parsed
    return f"{local:%d %b %Y, %H:%M}" + ("" if zone is not None else " UTC")


def _zone() -> tzinfo | None:
    name = st.context.timezone
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None


def signed_card(review: Review, addenda: Sequence[Review], changed: Difference) -> str:
    """A signed review with its addenda below it, and whether the result shown is the one it was signed on."""
    parts = [_entry(review), _standing(review, changed)]
    parts += [f'<div class="i-addendum">{_entry(a)}</div>' for a in addenda]
    return charts.card("", '<div class="i-signed">', *parts, _hashes(review, addenda), "</div>")


def _entry(review: Review) -> str:
    word = "" if review.judgement is None else badge(judgement_word(review.judgement))
    kind = "Addendum" if review.is_addendum else "Signed review"
    shown = esc(when(review.signed))
    line = (
        f'<span class="i-signed-by">{kind} · <b>{esc(review.author)}</b> · '
        f'<span title="{esc(review.signed)} UTC">{shown}</span></span>'
    )
    words = f'<p class="i-signed-text">{esc(review.text)}</p>' if review.text else ""
    return f'<div class="i-signed-head">{word}{line}</div>{words}'


def _standing(review: Review, changed: Difference) -> str:
    if not changed:
        return '<p class="i-standing ok">✓ Signed on the result shown here.</p>'
    signed = review.evidence_map()
    then = signed.get("probability")
    number = f" It was signed at {percent(then)}." if isinstance(then, float) else ""
    if changed.parts == ("numbers",):
        what = "the same inputs gave other numbers"
    else:
        what = f"changed since: {', '.join(changed.parts)}"
    return f'<p class="i-standing warn">! Not the result shown here; {esc(what)}.{esc(number)}</p>'


def _hashes(review: Review, addenda: Sequence[Review]) -> str:
    rows = [row for r in (review, *addenda) for row in _hash_rows(r)]
    return (
        f'<details class="i-hashes"><summary>Hashes at the signature</summary>{charts.facts(rows, mono=True)}</details>'
    )


def _hash_rows(review: Review) -> list[tuple[str, str]]:
    signed = review.evidence_map()
    bundle, settings = signed.get("bundle") or {}, signed.get("settings") or {}
    files = {**(signed.get("slides") or {}), **(signed.get("inputs") or {})}
    return [
        ("Addendum" if review.is_addendum else "Review", review.digest),
        ("Result", review.result_digest),
        *((name, str(digest)) for name, digest in files.items()),
        (f"Model {bundle.get('name', '')}", str(bundle.get("digest", ""))),
        ("Settings", str(settings.get("digest", ""))),
    ]


def timeline_card(rows: Sequence[AuditRow]) -> str:
    """Who did what on this case, newest first."""
    lines = "".join(_line(row) for row in rows)
    body = f'<ol class="i-timeline">{lines}</ol>' if rows else charts.note("Nothing is logged on this case yet.")
    means = (
        "A view is logged once a visit. The log holds hashes, no values and no text; rows cannot be changed, and "
        "<code>icicore audit verify</code> finds what was altered all the same."
    )
    return charts.card("History", body, charts.note(means), detail=_extent(len(rows)))


def _extent(n: int) -> str:
    return f"newest {n} events" if n >= MOST_EVENTS else count(n, "event")


def _line(row: AuditRow) -> str:
    hashes = row.hash_map()
    what = ACTIONS.get(row.action, row.action.capitalize())
    if row.action == "export":
        what = f"{hashes.get('format', '').upper()} {what.lower()}"
    if row.action == "case assigned":
        what = f"Assigned to {hashes.get('person', '')}"
    named = f"{row.actor}\n" + "\n".join(f"{name}: {value}" for name, value in hashes.items())
    return (
        f'<li title="{esc(named)}"><span class="i-at">{esc(when(row.at))}</span><b>{esc(what)}</b>'
        f"<span>{esc(row.actor)}</span><code>{row.seq}:{row.digest[:_DIGITS]}</code></li>"
    )
