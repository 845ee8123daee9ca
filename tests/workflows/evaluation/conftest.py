"""A tiny study on disk and untrained bundles that know a part of it; an evaluation needs no trained model."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from icicore.fingerprint import fingerprint
from icicore.genomics.panel import load_panel
from icicore.models.bundle import ModelBundle, load_bundle, save_bundle
from icicore.models.multimodal import ModelConfig
from icicore.models.spec import BundleSpec, Calibration
from icicore.models.zoo import Ensemble, build
from icicore.simulate.cohort import simulate_patients
from icicore.simulate.study import write_study
from icicore.training.config import TrainConfig
from icicore.training.dataset import ScaledStudy, Scalers, StudyData
from icicore.training.fit import model_config
from icicore.training.splits import Split, split_patients
from icicore.training.study import read_study
from tests.factories import make_bag

N = 160


@dataclass(frozen=True)
class World:
    """A virtual study on disk, its split and a folder of bundles by kind."""

    folder: Path
    study: StudyData
    split: Split
    bundles: dict[str, Path]


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> World:
    root = tmp_path_factory.mktemp("evaluation")
    folder = virtual_study(root / "study")
    study = read_study(folder)
    split = split_patients(study.patients, study.strata, rng=np.random.default_rng(0), fractions=(0.4, 0.2, 0.4))
    kinds = ("multimodal", "concat", "clinical", "image")
    bundles = {kind: untrained(root / f"tiny-virtual-{kind}", study, split, kind=kind).folder for kind in kinds}
    return World(folder, study, split, bundles)


def virtual_study(folder: Path) -> Path:
    """Patients of the simulator with made-up bags that show the planted lymphocytes."""
    panel = load_panel()
    patients = simulate_patients(N, seed=5, panel_genes=panel.mutation_genes, expression_genes=panel.expression_genes)
    write_study(patients, folder)
    rng = np.random.default_rng(0)
    for patient in patients:
        if patient.slide_spec is not None:
            tiles = rng.normal(size=(12, 8)) + patient.truth.parts["histology"]
            make_bag(rng, tiles).save(folder / "bags" / f"{patient.patient_id}.safetensors")
    return folder


def untrained(place: Path, study: StudyData, split: Split, *, kind: str, name: str = "") -> ModelBundle:
    """A bundle of two untrained members that was 'trained' on the study's training part."""
    scalers = Scalers.fit(study, split.train)
    scaled = ScaledStudy(study, scalers)
    config = small(model_config(scaled, TrainConfig(), kind))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        members = [build(config) for _ in range(2)]
        for member in members:
            member.set_gene_sets(scaled.study.gene_sets())
    salt = fingerprint(study.digest(), "case hashes")[:16]
    parts = {"train": split.train, "val": split.val, "test": split.test}
    spec = BundleSpec(
        name=name or place.name,
        virtual=study.virtual,
        model=config,
        members=2,
        panel=study.panel,
        tokens=study.tokens,
        token_kinds=study.token_kinds,
        token_scaler=scalers.tokens,
        clinical_scaler=scalers.clinical,
        backbone=study.backbone,
        backbone_digest=study.backbone_digest,
        grid=study.grid,
        calibration=Calibration(2.0, -0.5),
        threshold=0.3,
        base_logit=-0.6,
        cohort={
            "study": study.name,
            "n": {part: len(rows) for part, rows in parts.items()},
            "salt": salt,
            "case_hashes": {p: [fingerprint(salt, study.patients[i])[:16] for i in rows] for p, rows in parts.items()},
        },
    )
    baseline = torch.zeros(2, config.histology_dim)
    return save_bundle(place, Ensemble(members).eval(), spec, "# tiny\n", baseline_slide=baseline)


def small(config: ModelConfig) -> ModelConfig:
    return replace(config, histology_dim=16, attention_dim=8, gene_dim=16, clinical_dim=8, fusion_dim=16, dropout=0.0)


@pytest.fixture(scope="session")
def multimodal(world) -> ModelBundle:
    return load_bundle(world.bundles["multimodal"])
