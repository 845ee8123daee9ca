"""Virtual studies: patients, the bags of their slides, and the cBioPortal folder that training reads."""

import dataclasses
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from icicore.embeddings.bag import Bag
from icicore.fingerprint import fingerprint
from icicore.genomics.panel import load_panel
from icicore.simulate.bank import ComposedBag, TileBank, compose_layout, plan_layout
from icicore.simulate.case_writer import write_case
from icicore.simulate.cohort import simulate_patients
from icicore.simulate.patients import VirtualPatient
from icicore.simulate.slide_specs import bank_specs
from icicore.simulate.spec import SlideSpec
from icicore.simulate.study import write_study
from icicore.simulate.truth import SlideTruth
from icicore.types import F16, Progress, no_progress
from icicore.workflows.pool import worker_pool
from icicore.workflows.services import Services
from icicore.workflows.tile_bank import BankPlace, bank_slides

BANK_SEED = 20_261_121
"""The bank does not depend on the study's seed, so that one bank serves many studies."""
TILES_PER_BAG = 256
"""A composed bag holds at most this many tiles, a random subset of the slide's."""


@dataclass(frozen=True)
class StudySpec:
    """What study to make.

    ``slides`` patients get a case folder with a whole rendered slide under ``cases/``; with ``bank_slides`` 0 the study
    has no bags.
    """

    patients: int
    seed: int
    slides: int = 0
    scenario: str = "reference"
    bank_slides: int = 48
    backbone: str = "efficientnet_lite0"


def draw_patients(n: int, *, seed: int, scenario: str = "reference") -> list[VirtualPatient]:
    """Virtual patients whose genes are those of the current panel."""
    panel = load_panel()
    return simulate_patients(
        n,
        seed=seed,
        panel_genes=panel.mutation_genes,
        expression_genes=panel.expression_genes,
        scenario=scenario,
    )


def simulate_study(services: Services, out: Path, spec: StudySpec, *, progress: Progress = no_progress) -> None:
    """Write a virtual study: cBioPortal files, slides.tsv, bags, some whole cases, and the truth in its own folder.

    The same spec gives the same files. Bags are composed of tiles of really rendered slides (see
    ``docs/virtual-cohort.md``); an interrupted run continues.
    """
    patients = draw_patients(spec.patients, seed=spec.seed, scenario=spec.scenario)
    if spec.bank_slides:
        _write_bags(services, patients, out, spec, progress)
    for number, patient in enumerate(patients[: spec.slides]):
        progress(number, spec.slides, "rendering whole cases")
        folder = out / "cases" / patient.patient_id
        if not (folder / "case.json").exists():
            write_case(patient, folder)
    write_study(patients, out, slides=None if spec.bank_slides else {}, progress=progress)


def _write_bags(
    services: Services, patients: Sequence[VirtualPatient], out: Path, spec: StudySpec, progress: Progress
) -> None:
    encoder = services.encoder(spec.backbone)
    place = BankPlace(
        folder=services.settings.home / "bank",
        backbone=spec.backbone,
        encoder_id=encoder.identifier,
        weights_dir=services.settings.weights_dir,
    )
    specs = bank_specs(spec.bank_slides, BANK_SEED)
    slides = bank_slides(place, specs, progress=progress)
    bank = TileBank.from_slides([truth for _, truth in slides], [bag.index for bag, _ in slides])
    tiles = np.concatenate([bag.embeddings for bag, _ in slides])
    with_slide = [p for p in patients if p.slide_spec is not None]
    missing = [p for p in with_slide if not _bag_path(out, p).exists()]
    for done, (patient, layout) in enumerate(zip(missing, _layouts(missing), strict=True)):
        progress(done, len(missing), "composing bags")
        rng = np.random.default_rng([spec.seed, *patient.patient_id.encode(), *b"bag"])
        composed = compose_layout(layout, bank, rng, n_tiles=TILES_PER_BAG)
        _as_bag(composed, tiles, like=slides[0][0], source=patient.slide_spec).save(_bag_path(out, patient))


def _bag_path(out: Path, patient: VirtualPatient) -> Path:
    return out / "bags" / f"{patient.patient_id}.safetensors"


def _layouts(patients: Sequence[VirtualPatient]) -> Iterator[SlideTruth]:
    """Lay out the patients' slides, one process per core: a third of a second each adds up over a cohort."""
    specs = [p.slide_spec for p in patients if p.slide_spec is not None]
    if specs:
        with worker_pool(os.cpu_count() or 1) as pool:
            yield from pool.map(plan_layout, specs, chunksize=4)


def _as_bag(composed: ComposedBag, tiles: F16, *, like: Bag, source: SlideSpec | None) -> Bag:
    """Turn bank indices into a bag; what describes a slide file is that of a bank slide, with the patient's grid."""
    rows, cols = composed.shape
    side = like.grid.tile_l0
    key = fingerprint("composed", source, like.encoder_id)
    return dataclasses.replace(
        like,
        embeddings=tiles[composed.tiles],
        coords_l0=composed.index[:, ::-1].astype(np.float64) * side,
        index=composed.index,
        slide_digest=key,
        grid=dataclasses.replace(like.grid, rows=rows, cols=cols),
        quality=dataclasses.replace(like.quality, n_tiles=len(composed.tiles), unreadable_tiles=0),
        spec_key=key,
    )
