"""Sections on tissue classes, real patients, and how the document was made."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import public_cohorts
from tile_classes import REAL_CLASSES

from icicore import __version__
from icicore.explain.histology import TIL_DENSITY, TUMOUR_STROMA
from icicore.models.tile_classes import TILE_CLASSES
from icicore.reports.numbers import number
from results.markdown import holds, table
from results.plan import Plan
from results.stages import Done, source_digest

PUBLIC_COMMAND = "make results COHORTS=FOLDER"
TILE_COMMAND = "make results TILES=FOLDER"
PACKAGES = ("torch", "lightning", "numpy", "scikit-learn")


def tiles(found: dict) -> str:
    """The shipped tile-class head on virtual slides, composed bags and real tiles."""
    card, bank = found["card"], found["bank"]
    counts = np.array(bank["confusion"], np.float64)
    rows = [
        [name, number(card["test_recall"].get(name)), _recall(counts, k), *_real(found, name)]
        for k, name in enumerate(TILE_CLASSES)
    ]
    head = ["class", "painted tiles, held out", f"{bank['slides']} whole virtual slides"]
    parts = [
        "The head was fitted on virtual tiles and on nothing else. Recall by class:",
        table([*head, *(["real tiles", "per slide", "tiles"] if "real" in found else [])], rows),
        table(("measure of a patient against what was planted", "n", "Spearman correlation", "bias"), _measures(found)),
    ]
    if "real" not in found:
        parts.append(f"Real tiles were not given: `{TILE_COMMAND}`, with a folder of `<class>/<slide>_<x>_<y>.png`.")
    return "\n\n".join(parts)


def _recall(counts: np.ndarray, k: int) -> str:
    total = counts[k].sum()
    return number(float(counts[k, k] / total)) if total else number(None)


def _real(found: dict, name: str) -> list[str]:
    if "real" not in found:
        return []
    own = [r for r in found["real"] if REAL_CLASSES[r["folder"]] == name]
    if not own:
        return [number(None), "", ""]
    n = sum(r["n"] for r in own)
    mean = sum(r["recall"] * r["n"] for r in own) / n
    return [number(mean), ", ".join(f"{r['slide']} {number(r['recall'])}" for r in own), str(n)]


def _measures(found: dict) -> list[list[str]]:
    rows = [(f"{name}, whole virtual slides", found["bank"][name]) for name in (TIL_DENSITY, TUMOUR_STROMA)]
    rows += [(f"{name} (composed bags)", agreed) for name, agreed in found["study"].items()]
    return [[name, str(a["n"]), number(a["spearman"]), number(a["bias"])] for name, a in rows]


def public(found: dict | None) -> str:
    """Real patients: tables of ``public_cohorts``."""
    if found is None:
        return (
            f"Not made in this run. `{PUBLIC_COMMAND}` imports every cBioPortal study of a folder, trains on the "
            "others, tests on each, and puts the tables here; [cohorts.md](cohorts.md) says how, and what was measured."
        )
    pairs = [pair for run in found["external"] for pair in run["pairs"]]
    settings = found["settings"]
    parts = [
        f"Members: {settings['members']}; epochs: {settings['epochs']}. Every split is external or a cross-validation "
        "within one cohort; the simple score to match is the best one on the very patients of the test.",
        _lines(public_cohorts.cohort_table(found["cohorts"])),
        "**Trained on the other cohorts, tested on this one.** " + _verdict(pairs),
        _lines(public_cohorts.external_table(found["external"])),
        "**Repeated cross-validation within one cohort**, AUC per fold:",
        _lines(public_cohorts.within_table(found["within"])),
        "**Normalisation of expression**, a linear model from each cohort to each other:",
        _lines(public_cohorts.normalisation_table(found["normalisation"]["mean"])),
    ]
    return "\n\n".join(parts)


def _lines(lines: list[str]) -> str:
    return "\n".join(lines)


def _verdict(pairs: list[dict]) -> str:
    if not pairs:
        return "No model could be trained: the other cohorts are too small."
    below = sum(not pair["matches"] for pair in pairs)
    above = sum(pair["interval95"][0] > 0 for pair in pairs)
    within = sum(holds(pair["interval95"], 0.0) for pair in pairs)
    return (
        f"Of {len(pairs)} differences to the best simple score {within} contain 0 in their interval, {above} lie "
        f"above it and {below} below."
    )


def made(plan: Plan, stages: list[list[Done]], command: str, training: Done) -> str:
    """Command, seed, versions, machine and durations; ``stages`` as ``chain.run`` returns them."""
    common, *lanes = ([s.seconds for s in one] for one in stages)
    total = sum(common) + max(sum(lane) for lane in lanes)
    rows = [
        [s.name, str(k), f"{s.seconds:.0f}", "continued after a stop" if s.resumed else ""]
        for k, one in enumerate([stages[0] + stages[1], *stages[2:]], start=1)
        for s in one
    ]
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return "\n\n".join(
        [
            f"    {command}",
            f"Seed {plan.seed} for the cohort, the training and the evaluation; {plan.patients:,} patients per study; "
            f"{plan.bank} slides in the bank of tiles. icicore {__version__} (source {source_digest(('.',))[:12]}), "
            f"Python {platform.python_version()}, {packages}. {machine()}. "
            f"{total / 60:.0f} minutes for all stages; most memory of the process up to the end of the main "
            f"training: {number(training.result['peak_gib'], 1)} GiB.",
            "Stages that are there already are not made again; a stage whose plan or source changed is. Rendering the "
            "bank of tiles counts for the first simulation, and only where it was not kept from an earlier study.",
            table(("stage", "process", "seconds", ""), rows),
        ]
    )


def machine() -> str:
    """Processor, cores and memory, in words."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{_processor()}, {cores} cores, {memory:.0f} GiB of memory, no GPU used"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
