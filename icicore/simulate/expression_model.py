"""RNA expression of virtual patients: planted factors under purity, proliferation, lineage and site batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from icicore.simulate.genes import (
    ANTIGEN_GENES,
    CHEMOKINE_GENE,
    FEMALE_GENES,
    IFNG_GENES,
    INFLAMED_GENES,
    LEUKOCYTE_GENES,
    LIGAND_GENE,
    LUNG_GENES,
    MALE_GENES,
    MELANOCYTE_GENES,
    PROCESSING_GENES,
    PROLIFERATION_GENES,
    STROMA_GENES,
    gene_rng,
)
from icicore.simulate.latents import Latents
from icicore.simulate.scenarios import N_SITES
from icicore.types import F32, F64, Mask

PLANTED = ("interferon", "antigen", "ligand", "chemokine")
NUISANCE = ("leukocyte", "proliferation", "stroma", "purity", "melanocyte", "lung", "female")
N_PROGRAMMES = 8
"""Anonymous co-expression programmes that fill the rest of the transcriptome."""
FACTORS = (*PLANTED, *NUISANCE, *(f"programme{k}" for k in range(N_PROGRAMMES)))
BATCH_SD = 0.30
"""Spread of a site's shift of one gene, log2."""
POOR_ATTENUATION, POOR_NOISE = 0.35, 0.8
"""In low-purity RNA the planted factors shrink to this share and this much log2 noise is added."""
DETECTION_TPM = 0.05


@dataclass(frozen=True)
class GeneModel:
    """Fixed properties of G genes: mean (G,), spread (G,) in log2 TPM, loadings (G, FACTORS), batch (sites, G)."""

    genes: tuple[str, ...]
    mean: F64
    spread: F64
    loadings: F64
    batch: F64


def causal_expression(genes: Sequence[str]) -> tuple[str, ...]:
    """Genes of the list that carry a planted factor, the two with their own effect first."""
    planted = (LIGAND_GENE, CHEMOKINE_GENE, *IFNG_GENES, *ANTIGEN_GENES)
    return tuple(g for g in planted if g in set(genes))


def gene_model(genes: Sequence[str]) -> GeneModel:
    """Build the fixed properties of each gene; they depend on its symbol only, so all cohorts share them."""
    rngs = [gene_rng(g, "expression") for g in genes]
    mean = np.array([np.clip(rng.normal(4.0, 1.8), 0.0, 9.5) for rng in rngs])
    spread = np.array([rng.uniform(0.6, 1.2) for rng in rngs])
    batch = np.stack([rng.normal(0.0, BATCH_SD, N_SITES) for rng in rngs], axis=1)
    loadings = np.stack([_loadings(gene, rng) for gene, rng in zip(genes, rngs, strict=True)])
    return GeneModel(tuple(genes), mean, spread, loadings, batch)


def _loadings(gene: str, rng: np.random.Generator) -> F64:
    """Correlation of one gene with each factor; planted genes keep room for noise so that none tells all."""
    row = dict.fromkeys(FACTORS, 0.0)
    strength = rng.uniform(0.62, 0.70)
    if gene in (LIGAND_GENE, CHEMOKINE_GENE):
        row["ligand" if gene == LIGAND_GENE else "chemokine"] = 0.93
    elif gene in IFNG_GENES:
        row |= {"interferon": strength + 0.06, "leukocyte": 0.20, "purity": -0.15}
    elif gene in ANTIGEN_GENES:
        row |= {"antigen": strength + 0.20, "purity": -0.15}
    elif gene in INFLAMED_GENES:
        row |= {"interferon": strength - 0.06, "leukocyte": strength - 0.36, "purity": -0.25}
    elif gene in PROCESSING_GENES:
        row["antigen"] = strength + 0.05
    elif gene in LEUKOCYTE_GENES:
        row |= {"leukocyte": strength, "purity": -0.45, "interferon": 0.10}
    elif gene in PROLIFERATION_GENES:
        row["proliferation"] = strength + 0.1
    elif gene in STROMA_GENES:
        row |= {"stroma": strength, "purity": -0.40}
    elif gene in (*MELANOCYTE_GENES, *LUNG_GENES):
        row |= {"melanocyte" if gene in MELANOCYTE_GENES else "lung": 2.5, "purity": 0.25}
    elif gene in (*FEMALE_GENES, *MALE_GENES):
        row["female"] = 3.0 if gene in FEMALE_GENES else -3.0
    else:
        first, second = rng.choice(N_PROGRAMMES, 2, replace=False)
        row |= {f"programme{first}": rng.uniform(-0.7, 0.7), f"programme{second}": rng.uniform(-0.4, 0.4)}
        row |= {"purity": rng.normal(0.0, 0.2), "proliferation": rng.normal(0.0, 0.12)}
    return np.array([row[name] for name in FACTORS])


def draw_expression(
    latents: Latents,
    model: GeneModel,
    rng: np.random.Generator,
    *,
    batch: npt.NDArray[np.int64],
    purity: F64,
    poor: Mask,
) -> F32:
    """Draw TPM, (n, G), each row summing to 1e6.

    ``batch`` (n,) site whose laboratory processed the sample, ``purity`` (n,) 0-1, ``poor`` (n,) low-purity RNA.
    """
    n, g = len(latents), len(model.genes)
    factors = _factor_values(latents, rng, purity=purity)
    factors[:, : len(PLANTED)] *= np.where(poor, POOR_ATTENUATION, 1.0)[:, None]
    bounded = np.minimum(np.sum(model.loadings**2, axis=1), 0.9)
    value = factors @ model.loadings.T
    value += np.sqrt(1.0 - bounded) * rng.standard_normal((n, g), dtype=np.float32)
    value *= model.spread
    value += model.mean + model.batch[batch]
    value += np.where(poor, POOR_NOISE, 0.0)[:, None] * rng.standard_normal((n, g), dtype=np.float32)
    tpm = np.exp2(value)
    tpm[tpm < DETECTION_TPM] = 0.0
    tpm *= 1e6 / tpm.sum(axis=1, keepdims=True)
    return np.asarray(tpm, dtype=np.float32)


def _factor_values(latents: Latents, rng: np.random.Generator, *, purity: F64) -> F64:
    """Standardised value of every factor, (n, len(FACTORS))."""
    n = len(latents)
    noise = rng.normal(size=(n, len(FACTORS)))
    column = dict(zip(FACTORS, noise.T, strict=True))
    column |= {name: getattr(latents, name) for name in PLANTED}
    column["leukocyte"] = 0.30 * latents.interferon + 0.95 * column["leukocyte"]
    column["purity"] = (purity - 0.5) / 0.2
    melanoma = (latents.group == 0).astype(np.float64)
    column |= {"melanocyte": melanoma, "lung": 1.0 - melanoma, "female": latents.female - 0.5}
    return np.stack([column[name] for name in FACTORS], axis=1)
