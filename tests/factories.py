"""Small synthetic cases, models, bundles and studies; everything is drawn from a generator that the test names."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from icicore.clinical.features import ClinicalScaler
from icicore.domain import ClinicalValues
from icicore.embeddings.bag import Bag, BagGrid
from icicore.genomics.features import TokenScaler
from icicore.models.bundle import ModelBundle, save_bundle
from icicore.models.inputs import CaseInputs
from icicore.models.pathways import GeneSets
from icicore.models.reference import Reference
from icicore.models.spec import BundleSpec, Calibration
from icicore.models.zoo import Ensemble, ModelConfig, MultimodalModel, build
from icicore.slides.quality import QualityReport
from icicore.slides.stain import StainFit
from icicore.training.dataset import StudyData

CONFIG = ModelConfig(tile_dim=16, gene_kinds=(6, 1, 9), gene_pathways=3, histology_dim=24, attention_dim=8, gene_dim=16)
"""A model small enough for any test: 16-wide tiles, 16 gene tokens."""


def make_case(
    rng: np.random.Generator, case_id: str = "case", *, n_tiles: int = 7, config: ModelConfig = CONFIG
) -> CaseInputs:
    """A case with all three modalities, some genes and one clinical value unmeasured."""
    measured = rng.random(config.n_tokens) < 0.8
    measured[0] = True
    return CaseInputs(
        case_id=case_id,
        tiles=_tensor(rng.normal(size=(n_tiles, config.tile_dim))),
        gene_values=_tensor(rng.normal(size=config.n_tokens) * measured),
        gene_measured=torch.from_numpy(measured),
        clinical_values=_tensor(rng.normal(size=config.n_clinical)),
        clinical_measured=torch.tensor([True, True, True, False]),
    )


def make_model(seed: int = 0, config: ModelConfig = CONFIG) -> MultimodalModel:
    """An untrained model in eval mode, with pathways."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build(config)
        membership = (torch.rand(config.n_tokens, config.gene_pathways) < 0.5).float()
        published = torch.arange(config.gene_pathways) == 0
        model.set_gene_sets(GeneSets(membership, published, torch.ones(config.gene_pathways)))
    return model.eval()


def make_bundle(
    folder: Path,
    *,
    members: int = 3,
    config: ModelConfig = CONFIG,
    name: str = "tiny-virtual",
    reference: Reference | None = None,
) -> ModelBundle:
    """A saved and loaded bundle of untrained members."""
    kinds = tuple(
        k for k, n in zip(("mutation", "tmb", "expression"), config.gene_kinds, strict=True) for _ in range(n)
    )
    spec = BundleSpec(
        name=name,
        virtual=True,
        model=config,
        members=members,
        panel="icicore/test",
        tokens=tuple(f"G{i}" for i in range(config.n_tokens)),
        token_kinds=kinds,
        token_scaler=TokenScaler(
            np.zeros(config.n_tokens, np.float32),
            np.ones(config.n_tokens, np.float32),
            np.ones(config.n_tokens, np.bool_),
        ),
        clinical_scaler=ClinicalScaler(
            np.array([60, 0.5, 1, 0.3], np.float32), np.array([10, 0.5, 1, 0.7], np.float32), np.ones(4, np.bool_)
        ),
        backbone="fake",
        backbone_digest="0123456789ab",
        grid={"tile_px": 256, "mpp": 0.5, "min_tissue": 0.5},
        calibration=Calibration(slope=1.7, intercept=-0.4),
        threshold=0.37,
        base_logit=-0.8,
    )
    ensemble = Ensemble([make_model(seed, config) for seed in range(members)])
    baseline = torch.zeros(members, config.histology_dim)
    return save_bundle(folder, ensemble, spec, "# tiny\n", baseline_slide=baseline, reference=reference)


def make_bag(rng: np.random.Generator, embeddings: np.ndarray, *, encoder_id: str = "fake@0123456789ab") -> Bag:
    """A bag of one row of tiles with these embeddings."""
    n = len(embeddings)
    index = np.stack([np.zeros(n), np.arange(n)], axis=1).astype(np.int32)
    return Bag(
        embeddings=embeddings.astype(np.float16),
        coords_l0=index[:, ::-1] * 512.0,
        index=index,
        slide_digest=rng.bytes(32).hex(),
        grid=BagGrid((0.0, 0.0), 512.0, 1, n, tile_px=256, mpp=0.5, native_mpp=0.25, min_tissue=0.5, upsampling=1.0),
        encoder_id=encoder_id,
        stain=StainFit((1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0), "identity", ""),
        quality=QualityReport(tissue_mm2=5.0, blur_fraction=0.0, pen_fraction=0.0, fold_fraction=0.0, stain_kind="H&E"),
        spec_key="0" * 64,
    )


def make_study(n: int = 120, *, seed: int = 0, strength: float = 3.0, dim: int = 16) -> StudyData:
    """A study in memory in which each modality carries a part of the planted signal.

    ``strength`` 0 leaves labels that nothing in the data explains.
    """
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(3, n))
    chance = 1 / (1 + np.exp(-(strength * hidden.sum(axis=0) / np.sqrt(3) - 0.4)))
    responder = rng.random(n) < chance
    grades = 2 * responder + (np.random.default_rng([seed, 1]).random(n) < chance)
    sizes = rng.integers(6, 15, n)
    direction = np.random.default_rng(1).normal(size=dim)  # the same in every study, or nothing could be learnt
    tiles = [rng.normal(size=(m, dim)) + 1.2 * h * direction for m, h in zip(sizes, hidden[0], strict=True)]
    kinds = ("mutation",) * 6 + ("tmb",) + ("expression",) * 9
    genes = rng.normal(size=(n, 16))
    genes[:, :6] = rng.random((n, 6)) < 0.2
    genes[:, 7:11] += 1.5 * hidden[1][:, None]
    measured = rng.random((n, 16)) < 0.95
    clinical = [
        ClinicalValues(float(np.clip(60 + 10 * rng.normal(), 20, 95)), "F", None, float(np.exp(0.6 * h)))
        for h in hidden[2]
    ]
    return StudyData(
        name="planted",
        virtual=True,
        patients=tuple(f"P{i:03d}" for i in range(n)),
        tumour_types=tuple(rng.choice(["melanoma", "nsclc"], n)),
        sites=("site0",) * n,
        responder=responder,
        grades=grades.astype(np.int8),
        tiles=np.concatenate(tiles).astype(np.float16),
        tile_index=np.concatenate([np.stack(divmod(np.arange(m), 4), axis=1) for m in sizes]).astype(np.int32),
        offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        gene_values=np.where(measured, genes, 0).astype(np.float32),
        gene_measured=measured,
        clinical=tuple(clinical),
        panel="icicore/test",
        tokens=tuple(f"G{i}" for i in range(16)),
        token_kinds=kinds,
        token_pathways=tuple(("immune",) if 7 <= i < 11 else ("other",) for i in range(16)),
        backbone="fake",
        backbone_digest="0123456789ab",
    )


def shuffled(study: StudyData, seed: int = 0) -> StudyData:
    """The same study with labels dealt out at random."""
    order = np.random.default_rng(seed).permutation(len(study))
    return replace(study, responder=study.responder[order], grades=study.grades[order])


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))
