"""A desk of models in memory; records what the page asked for."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from icicore.access import Person
from icicore.errors import BundleError, InputError
from icicore.store.cases import CaseRow
from icicore.store.jobs import JobRow
from icicore.store.registry import BundleRow, Promotion
from icicore.workflows.registry_entries import Listed
from icicore.workflows.services import BundleRef
from icicore.workflows.studies import StudyPlace
from tests.pages.fake_results import case_row, job_row

CHAMPION, CHALLENGER = "old-virtual", "new-virtual"


def estimate(value: float, low: float, high: float, **more: Any) -> dict[str, Any]:
    return {"value": value, "interval95": [low, high], **more}


def listed(name: str, state: str, **changes: Any) -> Listed:
    """A model with its bundle."""
    spec = {
        "virtual": True,
        "model": {"kind": "multimodal"},
        "members": 2,
        "cohort": {"study": "virtual_c1", "n": {"train": 700, "test": 200}, "responders": {"train": 250, "test": 70}},
        "metrics": {"models": {"multimodal": {"n": 200, "threshold": 0.3, "auc_roc": estimate(0.81, 0.75, 0.87)}}},
    }
    digest = (name[0] * 64)[:64]
    row = BundleRow(digest, name, state, None, "virtual_c1", None, "39a87690", {"epochs": 5}, None,
                    datetime(2026, 5, 4, tzinfo=UTC), "Ada", "because")  # fmt: skip
    ref = BundleRef(name, Path("/nowhere") / name, digest, spec)
    return replace(Listed(row, ref, "", state == "promoted", 0), **changes)


def comparison(*, passed: bool = True) -> dict[str, Any]:
    """What a comparison leaves, with every part."""
    metrics = {m: estimate(0.8, 0.7, 0.9) for m in ("auc_roc", "auc_pr", "sensitivity", "specificity", "brier", "ece")}
    curve = {"x": [0, 0.2, 1], "y": [0, 0.8, 1], "grid": [0, 0.5, 1], "low": [0, 0.6, 1], "high": [0.2, 0.9, 1]}
    fit = {"slope": 1.1, "intercept": 0.1, "brier": 0.16, "ece": 0.05, "n": 120, "bins": [
        {"low": 0.4, "high": 0.5, "n": 120, "predicted": 0.44, "observed": 0.4, "interval95": [0.3, 0.5]}]}  # fmt: skip
    loss = {"grouping": "sex", "group": "female <b>x</b>", "n": 44, "responders": 12, "auc_difference": -0.07,
            "interval95": [-0.12, -0.02]}  # fmt: skip
    checks = [
        {"code": "enough", "text": "120 held-out patients", "passed": True},
        {"code": "leak", "text": "trained on 3 test patients of the champion: P1, P2, P3", "passed": passed},
    ]
    return {
        "at": "2026-05-04T10:00:00+00:00", "study": "virtual_c1", "virtual_study": True, "n": 120, "responders": 44,
        "left_out": 7, "bootstrap": 1000, "main": "challenger", "checks": checks,
        "challenger": {"name": CHALLENGER}, "champion": {"name": CHAMPION},
        "models": [{"name": role, "kind": "model", "n": 120, **metrics} for role in ("challenger", "champion")],
        "curves": {role: {"roc": curve} for role in ("challenger", "champion")},
        "calibration": {role: fit for role in ("challenger", "champion")},
        "pair": {"auc_difference": 0.013, "interval95": [-0.02, 0.05], "delong_p": 0.41},
        "calibration_difference": estimate(0.002, -0.01, 0.02),
        "subgroup_losses": [loss], "worst_loss": loss,
        "faithfulness": {role: {"genes": estimate(0.5, 0.3, 0.7, n=16)} for role in ("challenger", "champion")},
    }  # fmt: skip


def drift(*, moved: bool) -> dict[str, Any]:
    """A report of one site."""
    shift = {"site": "Clinic <i>A</i>", "measure": "slide axis 2", "n": 9, "shift": 1.4, "interval95": [0.7, 2.1]}
    site = {"site": "Clinic <i>A</i>", "n": 9, "distance": 1.31, "n_distance": 9, "judged": True, "fewest": 5,
            "moved": [shift] if moved else [], "largest": {"slides": shift, "expression": None}}  # fmt: skip
    months = [{"month": m, "site": "Clinic <i>A</i>", "n": 3, "distance": 1.2} for m in ("2026-04", "2026-05")]
    return {"n": 9, "unseen": 2, "reference": {"slide axis 2": 420}, "sites": [site], "months": months}


@dataclass
class FakeModels:
    """See `icicore.ui.models_desk.ModelsDesk`."""

    rows: list[Listed] = field(default_factory=lambda: [listed(CHAMPION, "promoted"), listed(CHALLENGER, "candidate")])
    moves: list[Promotion] = field(default_factory=list)
    found: dict[str, Any] | None = None
    drifted: dict[str, Any] | None = None
    jobs: list[JobRow] = field(default_factory=list)
    refuses: str = ""
    text: str = "# card\n\n![x](https://example.org/x.png) <script>alert(1)</script>"
    keeps: str = ""
    calls: list[tuple[str, ...]] = field(default_factory=list)

    def for_person(self, person: Person) -> "FakeModels":
        return self

    def models(self) -> list[Listed]:
        return list(self.rows)

    def history(self) -> list[Promotion]:
        return list(self.moves)

    def previous(self) -> BundleRow | None:
        return self.rows[1].row if self.moves else None

    def card(self, model: Listed) -> str:
        return self.text

    def comparison(self, model: Listed) -> dict[str, Any] | None:
        return self.found

    def differences(self, model: Listed) -> tuple[str, list[tuple[str, str, str]]]:
        return CHAMPION, [("epochs", "5", "<15>")]

    def cases(self, model: Listed) -> list[CaseRow]:
        return [case_row("a" * 16)] if model.row.state == "promoted" else []

    def older_results(self, model: Listed) -> int:
        return 3

    def studies(self) -> list[StudyPlace]:
        return [StudyPlace("virtual_c1", Path("/studies/virtual_c1"), imported=True)]

    def why_kept(self, model: Listed) -> str:
        return self.keeps

    def drift(self, model: Listed) -> dict[str, Any] | None:
        return self.drifted

    def _do(self, *call: str) -> None:
        if self.refuses:
            raise BundleError(call[1], self.refuses)
        self.calls.append(call)

    def promote(self, name: str, reason: str) -> None:
        if not reason.strip():
            raise InputError("reason", "is empty", remedy="give a reason")
        self._do("promote", name, reason)

    def roll_back(self) -> None:
        self._do("roll back", "")

    def retire(self, name: str, reason: str) -> None:
        self._do("retire", name, reason)

    def remove(self, name: str) -> None:
        self._do("remove", name)

    def export(self, name: str) -> bytes:
        return b"zip"

    def bring_in(self, file: Path, name: str | None) -> BundleRow:
        self._do("import", str(name))
        return self.rows[0].row

    def compare(self, name: str, study: str | None) -> JobRow:
        self._do("compare", name, str(study))
        job = job_row("cmp", kind="evaluate", state="queued", done=0, total=0)
        self.jobs.append(replace(job, parameters={"bundle": name}))
        return self.jobs[-1]

    def comparing(self) -> list[JobRow]:
        return list(self.jobs)

    def failure(self, name: str) -> str:
        return ""

    def cancel(self, job_id: str) -> None:
        self.calls.append(("cancel", job_id))
