"""A backend for page tests over made-up result folders: no model, no database, no worker."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from icicore.access import Person, Role
from icicore.domain import ClinicalValues
from icicore.errors import CaseError, NotAllowed
from icicore.fingerprint import write_json
from icicore.models.light import LightScore
from icicore.slides.stain import StainFit
from icicore.store.cases import CaseRow
from icicore.store.jobs import JobRow
from icicore.ui.backend import Pathways
from icicore.workflows.cases import CaseResult
from icicore.workflows.tile_neighbours import Likeness, Neighbour
from icicore.workflows.whatif import Change
from tests.pages.fake_prediction import BUNDLE, features_json, prediction_json, proof_json
from tests.pages.fake_records import FakeRecords
from tests.pages.fake_slides import write_slide

PATHWAYS = (
    "Interferon gamma",
    "Antigen presentation",
    "T-cell inflamed",
    "DNA repair",
    "WNT signalling",
    "Hypoxia",
    "Cell cycle",
)


def write_result(folder: Path, *, slides: int = 2, tiles: int = 300, **changes: Any) -> CaseResult:
    """Write a whole result folder; ``changes`` replace entries of prediction.json."""
    layers = [write_slide(folder, number=i + 1, tiles=tiles) for i in range(slides)]
    prediction = prediction_json(layers) | changes
    write_json(folder / "features.json", features_json(prediction))
    write_json(folder / "prediction.json", prediction)
    return CaseResult(prediction=prediction, folder=folder, slides=tuple(layers), bundle_digest=BUNDLE)


def read_result(folder: Path) -> CaseResult:
    """Read what `write_result` wrote."""
    layers = [json.loads(p.read_text()) for p in sorted(folder.glob("slides/*/layers.json"))]
    prediction = json.loads((folder / "prediction.json").read_text())
    return CaseResult(prediction=prediction, folder=folder, slides=tuple(layers), bundle_digest=BUNDLE)


class FakeAsked:
    """A case that loses ten points with every change."""

    def ask(self, change: Change) -> LightScore:
        steps = len(change.without) + len(change.wild_type) + len(change.clinical)
        p = 0.629 - 0.1 * steps
        weights: dict[str, float | None] = {"histology": 0.46, "genomics": 0.41, "clinical": 0.13}
        weights |= dict.fromkeys(change.without)
        return LightScore(0.0, p, (p - 0.15, p + 0.13), (0.0,), weights)

    def present(self) -> dict[str, bool]:
        return dict.fromkeys(("histology", "genomics", "clinical"), True)

    def mutated(self) -> tuple[str, ...]:
        return ("STK11", "B2M")

    def clinical(self) -> dict[str, float]:
        return {"age": 63.0, "sex": 0.0, "ecog": 1.0}

    def learnt(self) -> frozenset[str]:
        return frozenset({"age", "sex", "ecog", "ldh_uln"})


def case_row(key: str = "0123456789abcdef", **changes: Any) -> CaseRow:
    """A scored case of the work list."""
    row = CaseRow(
        case_key=key, case_id="DEMO-001", tumour_type="melanoma", folder=f"/demo/{key}", state="scored",
        probability=0.629, interval95=(0.47, 0.76), call="likely responder", bundle="demo-virtual-lite0",
        bundle_digest=BUNDLE, n_slides=2, modalities=("histology", "genomics", "clinical"), virtual=True,
        updated=datetime.now(UTC) - timedelta(minutes=7),
    )  # fmt: skip
    return replace(row, **changes)


def job_row(job_id: str = "job1", **changes: Any) -> JobRow:
    """A running job."""
    row = JobRow(
        job_id=job_id, kind="score", case_key=None, parameters={}, state="running", done=120, total=300,
        message="slide 1 of 2: embedding tiles", error=None, attempts=1, cancel=False, created=datetime.now(UTC),
        started=datetime.now(UTC), finished=None,
    )  # fmt: skip
    return replace(row, **changes)


@dataclass
class FakeBackend:
    """A backend in memory; records what the pages asked for."""

    home: Path
    rows: list[CaseRow] = field(default_factory=list)
    results: dict[str, CaseResult] = field(default_factory=dict)
    jobs: dict[str, JobRow] = field(default_factory=dict)
    found: list[Path] = field(default_factory=list)
    values: ClinicalValues | None = ClinicalValues(age=63.0, sex="F", ecog=1, ldh_uln=None)
    calls: list[tuple[str, str]] = field(default_factory=list)
    secret: str = "not a secret"
    proved: dict[str, Any] | None = field(default_factory=proof_json)
    refuses_questions: str = ""
    refuses_tiles: str = ""
    no_embeddings: bool = False
    reference_tiles: Any = None
    records: Any = field(default_factory=FakeRecords)
    person: Person = Person("Ada", Role.ADMIN)

    def for_person(self, person: Person) -> "FakeBackend":
        return self

    champion: tuple[str, str] | None = ("demo-virtual-lite0", BUNDLE)

    @property
    def roots(self) -> Sequence[Path]:
        return (self.home / "demo",)

    @property
    def results_dir(self) -> Path:
        return self.home / "results"

    def cases(self) -> list[CaseRow]:
        return list(self.rows)

    def proof(self, prediction: dict[str, Any]) -> dict[str, Any] | None:
        return self.proved

    def what_if(self, result: CaseResult) -> FakeAsked:
        if self.refuses_questions:
            raise CaseError("DEMO-001", self.refuses_questions, remedy="score the case again")
        return FakeAsked()

    def case(self, case_key: str) -> CaseRow | None:
        return next((r for r in self.rows if r.case_key == case_key), None)

    def folders(self) -> list[Path]:
        return list(self.found)

    def open_case(self, folder: Path) -> CaseRow:
        self.calls.append(("open", str(folder)))
        if folder in self.found:
            self.found.remove(folder)
            self.rows.append(
                case_row(f"{len(self.rows):016x}", case_id=folder.name, state="new", probability=None, call=None)
            )
            return self.rows[-1]
        if self.roots[0] not in folder.parents:
            raise NotAllowed(str(folder), "lies outside the folders that may be opened", remedy="move it")
        raise CaseError(folder, "has no case.json", expected="a case folder", remedy="write one")

    def result(self, case_key: str) -> CaseResult | None:
        return self.results.get(case_key)

    def clinical(self, case_key: str) -> ClinicalValues | None:
        return self.values

    def submit(self, case_key: str) -> JobRow:
        self.calls.append(("submit", case_key))
        job = job_row(f"job-{case_key}", case_key=case_key, state="queued", message="waiting", done=0, total=0)
        self.jobs[job.job_id] = job
        self._change(case_key, state="queued", job_id=job.job_id)
        return job

    def likeness(self, result: CaseResult, slide: str, tile: int) -> Likeness:
        if self.no_embeddings:
            raise CaseError("embeddings", "of this slide are not kept any more", remedy="score the case again")
        tiles = tuple(Neighbour(slide, i, 0.9 - i / 10) for i in range(3))
        classes = (("tumour", 0.8), ("stroma", 0.15), ("fat", 0.01))
        return Likeness(tiles, 299, classes, StainFit(), "e" * 64, self.reference_tiles)

    def submit_demo(self) -> JobRow:
        self.calls.append(("demo", ""))
        return self.jobs.setdefault("demo", job_row("demo", kind="demo"))

    def submit_tile_cam(self, case_key: str, *, slide: str, tile: int) -> JobRow:
        if self.refuses_tiles:
            raise CaseError(case_key, self.refuses_tiles)
        self.calls.append(("tile", f"{slide} {tile}"))
        job = job_row(f"tile-{tile}", kind="tile_cam", case_key=case_key, state="queued", done=0, total=0)
        self.jobs[job.job_id] = job
        return job

    def job(self, job_id: str) -> JobRow | None:
        return self.jobs.get(job_id)

    def active_jobs(self) -> list[JobRow]:
        return [j for j in self.jobs.values() if j.active]

    def idle(self) -> bool:
        return False

    def cancel(self, job_id: str) -> None:
        self.calls.append(("cancel", job_id))
        self.jobs[job_id] = replace(self.jobs[job_id], cancel=True)

    def pathways(self, prediction: Any) -> Pathways:
        genes = [(g["symbol"], g["kind"]) for g in prediction["genes"]]
        return {gene: (PATHWAYS[i // 131 * 3 % len(PATHWAYS)],) for i, gene in enumerate(genes)}

    def cards(self) -> list[tuple[str, str]]:
        return [
            (
                "demo-virtual-lite0",
                "# demo-virtual-lite0\n\nTrained on **virtual** data.\n\n![x](https://example.org/x.png)",
            )
        ]

    def faithfulness(self, result: CaseResult) -> dict[str, Any]:
        return {"attention": {"value": 0.21, "interval95": [0.12, 0.3], "n": 24}}

    def promoted(self) -> tuple[str, str] | None:
        return self.champion

    def doctor(self) -> dict[str, Any]:
        return {"problems": [], "warnings": ["only 1.2 GiB are free"], "versions": {"torch": "2.13.0"}, "cores": 2}

    def _change(self, case_key: str, **changes: Any) -> None:
        self.rows = [replace(r, **changes) if r.case_key == case_key else r for r in self.rows]


def _scored(letter: str, probability: float, interval95: tuple[float, float], **changes: Any) -> CaseRow:
    return case_row(letter * 16, probability=probability, interval95=interval95, **changes)


def demo_backend(home: Path, *, write: bool = True) -> FakeBackend:
    """A work list with one case in each state; ``write=False`` reads the result folders of an earlier call."""
    desk = FakeBackend(home, found=[home / "demo" / "CASE-X1", home / "demo" / "CASE-X2"])
    limits = (
        {
            "code": "virtual_training",
            "message": "the model was trained on virtual data; the result says nothing about a real patient",
            "modality": None,
        },
        {"code": "pen", "message": "12 % of the tissue is covered by pen", "modality": "histology"},
    )
    refused = (
        {
            "code": "input_error",
            "message": "slide-1.svs: the pixel size is missing; expected 0.1-5 um/px; state it in case.json",
            "modality": "histology",
        },
    )
    unscored: dict[str, Any] = {"probability": None, "interval95": None, "call": None, "bundle": None, "virtual": False}
    desk.rows = [
        case_row("a" * 16),
        _scored(
            "b", 0.12, (0.05, 0.24), case_id="DEMO-002", tumour_type="nsclc", call="unlikely responder", n_slides=1
        ),
        _scored("c", 0.33, (0.18, 0.52), case_id="LUSC-17", state="limited", reasons=limits, call=None, virtual=False),
        _scored("d", 0.71, (0.5, 0.86), case_id="DEMO-004", modalities=("genomics", "clinical"), n_slides=0),
        case_row("e" * 16, case_id="LUSC-21", state="not_scored", reasons=refused, **unscored),
        case_row("f" * 16, case_id="CASE-NEW", state="new", **unscored),
    ]
    for row, slides in (("a", 2), ("b", 1), ("c", 2), ("d", 0)):
        key = row * 16
        entry = desk.case(key)
        assert entry is not None
        changes: dict[str, Any] = {
            "case_id": entry.case_id,
            "status": entry.state,
            "reasons": list(entry.reasons),
            "call": entry.call,
        }
        if row != "a":
            changes |= {"probability": entry.probability, "interval95": list(entry.interval95 or ())}
        folder = home / "results" / key / BUNDLE[:16]
        desk.results[key] = write_result(folder, slides=slides, **changes) if write else read_result(folder)
    return desk
