"""The drift watch: where scored cases lie among the training patients of their bundle, by site and month."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from icicore.domain import Case
from icicore.evaluation.drift import FEWEST_CASES, SiteCase, site_shifts
from icicore.models.drift import DISTANCE, expression_measures, read_drift, slide_measures, write_drift
from icicore.store.drift import DriftRow, DriftStore
from icicore.types import Json, Progress, no_progress
from icicore.workflows.registry_entries import find_registered
from icicore.workflows.services import BundleRef, Services

if TYPE_CHECKING:
    from icicore.workflows.inference import Scored

_KINDS = {"slides": "slide", "expression": "expression"}
"""Beginnings of the names of the measures."""
SEED = 9
"""Of the halves into which the training patients are divided."""


def site_of(case: Case) -> str:
    """Site that case.json states, else the folder that the case folder lies in."""
    return case.site or case.folder.resolve().parent.name[:64] or "unknown"


def record_drift(services: Services, case_key: str, scored: "Scored", ref: BundleRef) -> None:
    """Keep the measures of a case that was just scored; nothing where the bundle has no drift reference."""
    reference = read_drift(ref.folder, ref.digest)
    if reference is None:
        return
    evidence, raw = scored.evidence, dict[str, float]()
    bags = [slide.bag.embeddings for slide in evidence.slides]
    if bags and reference.slides is not None:
        mean = np.concatenate(bags).mean(axis=0, dtype=np.float64).astype(np.float32)
        raw |= slide_measures(reference.slides, mean)
    if evidence.genes is not None and reference.genes is not None:
        chosen = np.array([kind == "expression" for kind in scored.bundle.spec.token_kinds], np.bool_)
        raw |= expression_measures(reference.genes, evidence.genes.values[chosen], evidence.genes.measured[chosen])
    row = DriftRow(case_key, ref.digest, site_of(evidence.case), datetime.now(UTC), reference.place(raw))
    DriftStore(services.database).put(row)


def drift_report(services: Services, ref: BundleRef, *, sites: Sequence[str] | None = None) -> Json | None:
    """Sites and months of the cases that a bundle scored; None where the bundle has no drift reference.

    With ``sites`` only those are looked at.

    Returns
    -------
    ``n`` cases, ``unseen`` cases of the work list that the bundle scored before the watch began, ``reference``
    (training patients by measure), ``shifts`` (see ``site_shifts``), ``sites`` and ``months`` (rows)
    """
    reference = read_drift(ref.folder, ref.digest)
    if reference is None:
        return None
    rows = [r for r in DriftStore(services.database).of_bundle(ref.digest) if sites is None or r.site in sites]
    seen = {row.case_key for row in rows}
    scored = [row for row in services.cases.all(sites=sites) if row.bundle_digest == ref.digest]
    counts = {name: reference.n(name) for name in reference.measures}
    cases = [SiteCase(r.site, {k: float(v["score"]) for k, v in r.measures.items()}) for r in rows]
    shifts = site_shifts(cases, counts)
    return {
        "bundle": ref.name,
        "n": len(rows),
        "unseen": sum(row.case_key not in seen for row in scored),
        "reference": counts,
        "shifts": shifts,
        "sites": [_site(site, rows, shifts) for site in sorted({r.site for r in rows})],
        "months": _months(rows),
    }


def make_drift_reference(services: Services, name: str, study: Path, progress: Progress = no_progress) -> int:
    """Give a bundle that was trained without one its drift reference; returns the number of training patients.

    Raises
    ------
    InputError
        the bundle or the study cannot be used, or the study does not hold the bundle's training patients
    """
    from icicore.errors import BundleError
    from icicore.genomics.panel import load_panel
    from icicore.training.drift import training_drift
    from icicore.training.leakage import part_of
    from icicore.training.study import log_left_out, read_study
    from icicore.workflows.inference import embed_default

    ref = find_registered(services, name).ref
    if ref is None:
        raise BundleError(name, "cannot be read", remedy="copy it back")
    panel = load_panel(str(ref.spec["panel"]).rpartition("/")[2])
    data = read_study(study, embed=lambda slide: embed_default(services, slide), panel=panel, progress=progress)
    log_left_out(data)
    cohort = ref.spec.get("cohort") or {}
    parts = part_of(cohort, data.patients) if cohort.get("case_hashes") else []
    rows = np.array([i for i, part in enumerate(parts) if part == "train"], np.int32)
    if not len(rows) or len(rows) < len(cohort["case_hashes"]["train"]):
        expected = f"all {len((cohort.get('case_hashes') or {}).get('train', ()))} training patients of the bundle"
        raise BundleError(name, f"{data.name} holds {len(rows)} of them", expected=expected, remedy="name its study")
    found = training_drift(data, rows, rng=np.random.default_rng(SEED))
    write_drift(ref.folder, ref.digest, found)
    return len(rows)


def _site(site: str, rows: list[DriftRow], shifts: list[Json]) -> Json:
    own = [row for row in rows if row.site == site]
    distances = [row.measures[DISTANCE]["value"] for row in own if DISTANCE in row.measures]
    tested = [shift for shift in shifts if shift["site"] == site]
    moved = [shift for shift in tested if shift["moved"]]
    return {
        "site": site,
        "n": len(own),
        "distance": float(np.median(distances)) if distances else None,
        "n_distance": len(distances),
        "judged": bool(tested),
        "fewest": FEWEST_CASES,
        "moved": moved,
        "largest": {kind: _largest(tested, prefix) for kind, prefix in _KINDS.items()},
    }


def _largest(tested: list[Json], prefix: str) -> Json | None:
    own = [shift for shift in tested if shift["measure"].startswith(prefix)]
    return max(own, key=lambda shift: abs(float(shift["shift"]))) if own else None


def _months(rows: list[DriftRow]) -> list[Json]:
    """Median distance by site and month of scoring, in order of time."""
    cells: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in rows:
        if DISTANCE in row.measures:
            cells[row.at.strftime("%Y-%m"), row.site].append(float(row.measures[DISTANCE]["value"]))
    return [
        {"month": month, "site": site, "n": len(found), "distance": float(np.median(found))}
        for (month, site), found in sorted(cells.items())
    ]
