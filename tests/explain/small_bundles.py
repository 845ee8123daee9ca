"""An untrained but complete bundle and a case for it: explanations obey their laws for any weights."""

from pathlib import Path

import numpy as np
import torch

from icicore.clinical.features import ClinicalScaler
from icicore.genomics.features import TokenScaler
from icicore.models.bundle import ModelBundle
from icicore.models.inputs import CaseInputs
from icicore.models.pathways import GeneSets
from icicore.models.spec import BundleSpec, Calibration
from icicore.models.zoo import Ensemble, ModelConfig, build

GENE_KINDS = (6, 1, 8)
SYMBOLS = ("TP53", "KRAS", "BRAF", "NRAS", "STK11", "JAK1", "TMB", "CD274", "CXCL9", "CD8A", "IFNG", "JAK1", "B2M")
TOKENS = (*SYMBOLS, "MKI67", "VIM")
KINDS = ("mutation",) * 6 + ("tmb",) + ("expression",) * 8
GENE_SETS = torch.eye(5).repeat_interleave(torch.tensor([4, 2, 1, 5, 3]), dim=0)
"""Two sets of mutations, TMB, two of expression: 0/1 (tokens, sets)."""


def small_bundle(*, kind: str = "multimodal", members: int = 3, tile_dim: int = 16, seed: int = 0) -> ModelBundle:
    """Bundle with random weights, large enough that every part of the input matters."""
    torch.manual_seed(seed)
    config = ModelConfig(
        kind=kind,
        tile_dim=tile_dim,
        gene_kinds=GENE_KINDS,
        gene_pathways=GENE_SETS.shape[1],
        histology_dim=12,
        attention_dim=8,
        gene_dim=16,
        gene_heads=2,
        gene_layers=1,
        clinical_dim=8,
        fusion_dim=10,
    )
    model = Ensemble([build(config) for _ in range(members)]).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.mul_(1.5)
    for member in model.members:
        n_sets = GENE_SETS.shape[1]
        member.set_gene_sets(GeneSets(GENE_SETS, torch.zeros(n_sets, dtype=torch.bool), torch.ones(n_sets)))
    spec = BundleSpec(
        name="small",
        virtual=True,
        model=config,
        members=members,
        panel="small 1",
        tokens=TOKENS,
        token_kinds=KINDS,
        token_scaler=TokenScaler(np.zeros(15, np.float32), np.ones(15, np.float32), np.ones(15, np.bool_)),
        clinical_scaler=ClinicalScaler(np.zeros(4, np.float32), np.ones(4, np.float32), np.ones(4, np.bool_)),
        backbone="fake",
        backbone_digest="0",
        calibration=Calibration(slope=1.3, intercept=-0.4),
        base_logit=-0.55,
    )
    baseline = torch.randn(members, config.histology_dim) * 0.1
    return ModelBundle("small", Path("small"), model, spec, "d" * 64, baseline)


def small_case(*, n_tiles: int = 20, tile_dim: int = 16, seed: int = 1) -> CaseInputs:
    """Case with all modalities; three genes and one clinical value are not measured."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(15, generator=generator)
    values[:6] = (torch.rand(6, generator=generator) < 0.5).float()
    measured = torch.ones(15, dtype=torch.bool)
    measured[[2, 9, 14]] = False
    return CaseInputs(
        case_id="case-1",
        tiles=torch.randn(n_tiles, tile_dim, generator=generator).half().float(),
        gene_values=values,
        gene_measured=measured,
        clinical_values=torch.randn(4, generator=generator),
        clinical_measured=torch.tensor([True, True, False, True]),
    )
