"""Result folders and a backend for page tests: virtual data, no model, no database, no worker."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

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
from tests.pages.fake_records import FakeRecords

BUNDLE = "b" * 64
TILE_L0 = 512.0
MPP = 0.25
N_MUTATION, N_EXPRESSION = 500, 1100
TIL = "TIL density at the margin"
PATHWAYS = (
    "Interferon gamma",
    "Antigen presentation",
    "T-cell inflamed",
    "DNA repair",
    "WNT signalling",
    "Hypoxia",
    "Cell cycle",
)
NAMED = {
    ("TMB", "tmb"): 0.42, ("CXCL9", "expression"): 0.37, ("CD274", "expression"): 0.31, ("STK11", "mutation"): -0.28,
    ("GZMB", "expression"): 0.22, ("TGFB1", "expression"): -0.19, ("B2M", "mutation"): -0.17,
    ("IFNG", "expression"): 0.15, ("CTNNB1", "mutation"): -0.12, ("HLA-DRA", "expression"): 0.11,
    ("VEGFA", "expression"): -0.10, ("POLE", "mutation"): 0.09,
}  # fmt: skip


def slide_digest(number: int) -> str:
    return f"{number:x}" * 64


def write_result(folder: Path, *, slides: int = 2, tiles: int = 300, **changes: Any) -> CaseResult:
    """Write a whole result folder; ``changes`` replace entries of prediction.json."""
    layers = [_write_slide(folder, number=i + 1, tiles=tiles) for i in range(slides)]
    prediction = prediction_json(layers) | changes
    write_json(folder / "features.json", features_json(prediction))
    write_json(folder / "prediction.json", prediction)
    return CaseResult(prediction=prediction, folder=folder, slides=tuple(layers), bundle_digest=BUNDLE)


def read_result(folder: Path) -> CaseResult:
    """Read what `write_result` wrote."""
    layers = [json.loads(p.read_text()) for p in sorted(folder.glob("slides/*/layers.json"))]
    prediction = json.loads((folder / "prediction.json").read_text())
    return CaseResult(prediction=prediction, folder=folder, slides=tuple(layers), bundle_digest=BUNDLE)


def prediction_json(layers: Sequence[dict[str, Any]], *, seed: int = 3) -> dict[str, Any]:
    """A prediction as in the contract; the contributions add up to the probability."""
    base, parts = -0.49, {"histology": 0.58, "genomics": 0.61, "clinical": -0.17}
    if not layers:
        parts["histology"] = None
    logit = base + sum(v for v in parts.values() if v is not None)
    probability = 1 / (1 + np.exp(-logit))
    weights = {"histology": 0.46, "genomics": 0.41, "clinical": 0.13}
    if not layers:
        weights = {"histology": None, "genomics": 0.76, "clinical": 0.24}
    return {
        "schema": 1,
        "case_id": "DEMO-001",
        "status": "scored",
        "reasons": [],
        "probability": float(probability),
        "interval95": [0.47, 0.76],
        "calibrated": True,
        "threshold": 0.35,
        "base_logit": base,
        "modality_subsets": _subsets(base, parts),
        "call": "likely responder",
        "modality_weights": weights,
        "modality_contributions": parts,
        "tumour_type": "melanoma",
        "training": {"study": "s", "n": 868, "responders": 315, "prevalence": 0.38, "virtual": True, "reference": True},
        "clinical": [
            {"name": "age", "value": 63.0, "unit": "years", "percentile": 48.0, "n": 826},
            {"name": "sex", "value": "F", "unit": "", "percentile": None, "n": 829, "share": 0.39},
            {"name": "ecog", "value": 1, "unit": "of 4", "percentile": 63.0, "n": 831},
        ],
        "measures": [
            {"name": TIL, "value": 1840.0, "unit": "lymphocytes/mm2", "percentile": 91.2, "n": 835},
        ],
        "comparators": {"tmb": 14.2, "pdl1": None, "loris": 0.41},
        "comparator_places": {"tmb": {"percentile": 78.0, "n": 853, "rate": 0.47}, "pdl1": None, "loris": None},
        "genes": _genes(np.random.default_rng(seed)),
        "slides": [_slide_entry(layer) for layer in layers],
        "bundle": {
            "name": "demo-virtual-lite0",
            "digest": BUNDLE,
            "backbone": "efficientnet_lite0",
            "backbone_digest": "c" * 64,
        },
        "versions": {"icicore": "0.1.0", "torch": "2.13.0", "openslide": "4.0.1"},
        "seconds": {"histology": 21.4, "genomics": 0.3, "model": 0.8},
    }


def _subsets(base: float, parts: dict[str, float | None]) -> dict[str, float]:
    used = [m for m, v in parts.items() if v is not None]
    picks = [[m for i, m in enumerate(used) if bits >> i & 1] for bits in range(1 << len(used))]
    return {"+".join(pick) or "none": base + sum(parts[m] or 0.0 for m in pick) for pick in picks}


def features_json(prediction: dict[str, Any]) -> list[dict[str, Any]]:
    """The ranked list over all modalities."""
    items = [
        ("histology", TIL, 0.71),
        ("histology", "tiles against response", -0.13),
        ("clinical", "ecog", -0.11),
    ]
    items += [
        ("genomics", f"{g['symbol']} {g['kind']}", g["attribution"]) for g in prediction["genes"] if g["measured"]
    ]
    items.sort(key=lambda item: -abs(item[2]))
    return [
        {
            "rank": i,
            "modality": m,
            "name": n.removesuffix(" tmb"),
            "value": 1.0,
            "importance": v,
            "direction": "for response" if v > 0 else "against response",
        }
        for i, (m, n, v) in enumerate(items, start=1)
    ]


def _slide_entry(layer: dict[str, Any]) -> dict[str, Any]:
    qc = {
        "tissue_mm2": 41.7, "blur_fraction": 0.021, "pen_fraction": 0.0, "fold_fraction": 0.008, "stain_kind": "H&E",
        "n_tiles": 300, "unreadable_tiles": 0, "stain_method": "macenko", "upsampling": 1.0,
    }  # fmt: skip
    return {"path": layer["path_name"], "digest": layer["digest"], "mpp": MPP, "n_tiles": 300, "qc": qc}


def _genes(rng: np.random.Generator) -> list[dict[str, Any]]:
    symbols = [(f"MUT{i}", "mutation") for i in range(N_MUTATION)] + [
        (f"GEX{i}", "expression") for i in range(N_EXPRESSION)
    ]
    for place, name in enumerate(NAMED):
        symbols[place * 131 % len(symbols)] = name
    genes = []
    for symbol, kind in symbols:
        measured = bool(rng.random() > 0.06) or (symbol, kind) in NAMED
        value = float(rng.random() < 0.03) if kind == "mutation" else float(rng.normal(5, 2))
        if (symbol, kind) in NAMED and kind != "expression":
            value = 14.2 if symbol == "TMB" else 1.0
        attribution = NAMED.get((symbol, kind), float(rng.normal(0, 0.01)))
        genes.append(
            {
                "symbol": symbol,
                "kind": kind,
                "value": value if measured else None,
                "measured": measured,
                "attention": float(rng.gamma(0.5, 1 / 800)) if measured else 0.0,
                "attribution": attribution if measured else None,
                "attention_range": [0.0001, 0.0042],
                "percentile": 91.0 if kind == "expression" and measured else None,
                "share": 0.12 if kind == "mutation" else None,
                "n": 843,
                **_changes(symbol, kind),
            }  # fmt: skip
        )
    return genes


def _changes(symbol: str, kind: str) -> dict[str, Any]:
    if kind != "mutation" or symbol not in {s for s, k in NAMED if k == "mutation"}:
        return {}
    return {"changes": [{"protein": "p.F354L", "class": "Missense_Mutation", "vaf": 0.31}]}


def proof_json() -> dict[str, Any]:
    """A proof as ``workflows.proof`` makes it: the model beats TMB and does not beat LORIS."""

    def row(name: str, kind: str, auc: float) -> dict[str, Any]:
        metric = {"value": auc, "interval95": [auc - 0.05, auc + 0.05]}
        rest = dict.fromkeys(("sensitivity", "specificity"), metric)
        return {"name": name, "kind": kind, "n": 248, "responders": 90, "threshold": 0.35, "auc_roc": metric, **rest}

    def against(difference: float, low: float) -> dict[str, Any]:
        bounds = [low, 2 * difference - low]
        return {"n": 240, "auc_difference": difference, "interval95": bounds, "delong_p": 0.01}

    def group(grouping: str, name: str, n: int) -> dict[str, Any]:
        auc = {"value": 0.87, "interval95": [0.79, 0.92]}
        head = {"grouping": grouping, "group": name, "n": n, "responders": n // 3}
        return {**head, "auc_roc": auc, "why_no_auc": None, "worst": name == "female"}

    grid = [0.0, 0.5, 1.0]
    bins = [
        {"low": k / 10, "high": (k + 1) / 10, "n": 20 + k, "predicted": k / 10 + 0.05, "observed": k / 10 + 0.04,
         "interval95": [k / 10, k / 10 + 0.09]}
        for k in range(10)
    ]  # fmt: skip
    return {
        "schema": 1, "bundle": "demo-virtual-lite0", "bundle_digest": BUNDLE, "study": "demo-cohort",
        "virtual_study": True, "virtual": True, "external": False, "endpoint": "objective response", "n": 248,
        "responders": 90, "prevalence": 0.36, "bootstrap": 1000, "main": "multimodal",
        "models": [row("multimodal", "model", 0.88), row("TMB", "comparator", 0.66), row("LORIS", "comparator", 0.86)],
        "against": {"TMB": against(0.22, 0.14), "LORIS": against(0.02, -0.05)},
        "curves": {"multimodal": {"roc": {"x": grid, "y": grid, "grid": grid, "low": grid, "high": grid}}},
        "calibration": {
            "multimodal": {"n": 245, "bins": bins, "slope": 1.1, "intercept": 0.0, "brier": 0.14, "ece": 0.043}
        },
        "subgroups": [group("tumour type", "melanoma", 119), group("tumour type", "nsclc", 129),
                      group("sex", "female", 89), group("age", "50 to 64", 108)],
    }  # fmt: skip


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


def _write_slide(folder: Path, *, number: int, tiles: int, cols: int = 30) -> dict[str, Any]:
    rng = np.random.default_rng(number)
    rows = 24
    digest = slide_digest(number)
    out = folder / "slides" / digest[:16]
    out.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[0:rows, 0:cols]
    distance = np.hypot((x - cols / 2) / cols, (y - rows / 2) / rows)
    order = np.argsort(distance, axis=None)[:tiles]
    cell = np.sort(order)
    row, col = cell // cols, cell % cols
    hot = np.exp(-((np.hypot(col - cols * 0.62, row - rows * 0.4) / 4) ** 2)) + 0.1 * rng.random(len(cell))
    attention = hot / hot.sum()
    contribution = (hot - hot.mean()) * 0.004
    cam = np.full((rows * 8, cols * 8), np.nan, np.float32)
    for r, c, h in zip(row, col, hot, strict=True):
        cam[r * 8 : r * 8 + 8, c * 8 : c * 8 + 8] = h * np.clip(rng.normal(0.4, 0.3, (8, 8)), 0, None)
    grids = {"attention": attention, "contribution": contribution, "tissue": np.ones(len(cell))}
    for name, values in grids.items():
        grid = np.full((rows, cols), np.nan, np.float32)
        grid[row, col] = values
        np.save(out / f"{name}.f32.npy", grid)
    np.save(out / "gradcam.f32.npy", cam)
    layers = _layers(number, digest, rows, cols, attention, contribution, float(np.nanmax(cam)))
    write_json(out / "layers.json", layers)
    _write_tiles(out, row, col, attention, contribution)
    _write_sheet(out, hot)
    return layers


def _layers(
    number: int, digest: str, rows: int, cols: int, attention: Any, contribution: Any, cam: float
) -> dict[str, Any]:
    limit = float(np.abs(contribution).max())
    listed = [
        ("attention", 1, "share of the slide embedding", [0.0, float(attention.max())], False),
        ("contribution", 1, "push on the logit", [-limit, limit], True),
        ("gradcam", 8, "Grad-CAM", [0.0, cam], False),
        ("tissue", 1, "share of tissue", [0.0, 1.0], False),
    ]
    return {
        "id": digest[:16], "digest": digest, "path_name": f"slide-{number}.tif", "width_l0": int(cols * TILE_L0),
        "height_l0": int(rows * TILE_L0), "mpp": MPP, "bounds_l0": [0, 0, int(cols * TILE_L0), int(rows * TILE_L0)],
        "origin_l0": [0.0, 0.0], "tile_l0": TILE_L0, "rows": rows, "cols": cols,
        "layers": [
            dict(id=i, file=f"{i}.f32.npy", cells_per_tile=n, meaning=m, scale="raw", range=r, signed=s)
            for i, n, m, r, s in listed
        ],
    }  # fmt: skip


def _write_tiles(out: Path, row: Any, col: Any, attention: Any, contribution: Any) -> None:
    def rank(values: Any) -> list[int]:
        return [int(r) + 1 for r in np.argsort(np.argsort(-values, kind="stable"), kind="stable")]

    columns = {
        "n": len(row), "row": row.tolist(), "col": col.tolist(), "x_l0": (col * TILE_L0).tolist(),
        "y_l0": (row * TILE_L0).tolist(), "attention": attention.tolist(), "contribution": contribution.tolist(),
        "attention_rank": rank(attention), "contribution_rank": rank(contribution),
    }  # fmt: skip
    write_json(out / "tiles.json", columns)


def _write_sheet(out: Path, hot: Any, px: int = 64) -> None:
    pages = []
    for number in range(-(-len(hot) // 256)):
        part = hot[number * 256 : (number + 1) * 256]
        page = np.full((16 * px, 16 * px, 3), 255, np.uint8)
        for i, h in enumerate(part):
            y, x = i // 16 * px, i % 16 * px
            page[y : y + px, x : x + px] = (230 - 60 * min(h, 1), 170 - 70 * min(h, 1), 205)
        buffer = io.BytesIO()
        Image.fromarray(page).save(buffer, format="JPEG", quality=85)
        (out / f"sheet_{number:03d}.jpg").write_bytes(buffer.getvalue())
        pages.append(f"sheet_{number:03d}.jpg")
    info = {"tile_px": px, "per_row": 16, "per_page": 256, "pages": pages, "n": len(hot)}
    (out / "sheet.json").write_text(json.dumps(info))


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
        return Likeness(tiles, 299, (("tumour", 0.8), ("stroma", 0.15), ("fat", 0.01)), StainFit(), "e" * 64)

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
