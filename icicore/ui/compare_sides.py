"""What stands side by side: results of two to four cases, or of one case under several bundles."""

from dataclasses import dataclass

import streamlit as st

from icicore.store.case_query import CaseFilter, CaseOrder
from icicore.store.cases import CaseRow
from icicore.types import Json
from icicore.ui import session
from icicore.ui.backend import Backend
from icicore.workflows.cases import CaseResult

MOST = 4
OFFERED = 200
"""How many of the newest results the fields offer; others are chosen in the work list."""


@dataclass(frozen=True)
class Side:
    """One column of the comparison; ``letter`` is A, B, C or D."""

    letter: str
    row: CaseRow
    result: CaseResult

    @property
    def prediction(self) -> Json:
        """Content of prediction.json."""
        return self.result.prediction

    @property
    def bundle(self) -> str:
        """Name of the bundle."""
        return str((self.prediction.get("bundle") or {}).get("name") or "?")


@dataclass(frozen=True)
class Asked:
    """What the address asks for: keys of cases, and for a single case the bundles (first 16 digits of the digest)."""

    cases: tuple[str, ...] = ()
    bundles: tuple[str, ...] = ()


def asked() -> Asked:
    """Read the address; a visit without one shows again what this session compared last."""
    cases, bundles = (_listed(name) for name in (session.CASES, session.BUNDLES))
    found = Asked(cases, bundles if len(cases) == 1 else ())
    last = session.get(session.COMPARED)
    if not cases and isinstance(last, Asked):
        put(last)
        return last
    session.put(session.COMPARED, found)
    return found


def put(wanted: Asked) -> None:
    """Put a choice into the address, so that it can be kept and sent."""
    session.put(session.COMPARED, wanted)
    for name, values in ((session.CASES, wanted.cases), (session.BUNDLES, wanted.bundles)):
        if values:
            st.query_params[name] = ",".join(values)
        else:
            st.query_params.pop(name, None)


def _listed(name: str) -> tuple[str, ...]:
    parts = [part.strip() for part in str(st.query_params.get(name, "")).split(",")]
    return tuple(dict.fromkeys(p for p in parts if p))[:MOST]


def sides(backend: Backend, wanted: Asked) -> tuple[list[Side], list[str]]:
    """The columns, and a line for each thing that was asked for and is not there."""
    found: list[tuple[CaseRow, CaseResult]] = []
    missing: list[str] = []
    for key in wanted.cases:
        row = backend.case(key)
        if row is None:
            continue  # said by `unknown`
        if wanted.bundles:
            found += [
                (row, result) for result in backend.work.results(key) if result.bundle_digest[:16] in wanted.bundles
            ]
        elif (result := backend.result(key)) is None:
            missing.append(f"{row.case_id} has no result yet: score it first.")
        else:
            found.append((row, result))
    if wanted.bundles and len(found) < len(wanted.bundles):
        missing.append("One of the results is not stored any more.")
    return [Side("ABCD"[i], *pair) for i, pair in enumerate(found[:MOST])], missing


def candidates(backend: Backend, chosen: tuple[str, ...]) -> dict[str, str]:
    """Case ids by key to choose from: what is chosen, then the newest results."""
    page = backend.work.page(
        CaseFilter(states=("scored", "limited")), CaseOrder("updated", descending=True), offset=0, limit=OFFERED
    )
    offered = {row.case_key: row.case_id for row in page.rows}
    return {**backend.work.names(chosen), **offered}


def unknown(backend: Backend, wanted: Asked) -> list[str]:
    """A line for each case of the address that is not on the work list."""
    return [f"There is no case {key[:16]}." for key in wanted.cases if backend.case(key) is None]
