"""Latent causal factors of virtual patients and their parts of the log-odds of response.

The equations, with the same symbols, are in docs/virtual-cohort.md.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from icicore.simulate.genes import RESISTANCE
from icicore.types import F64, Mask

PHENOTYPES = ("inflamed", "excluded", "desert")
PHENOTYPE_RATES = (0.34, 0.36, 0.30)
TIL_MEDIAN = (1600.0, 1250.0, 320.0)
"""Median lymphocytes per mm2 in the invasive margin, by phenotype."""
TIL_LOG_SD = 0.65
TIL_RANGE = (20.0, 4000.0)
INTERFERON_MEAN = (0.80, -0.05, -0.80)
INTERFERON_SD = 0.72

TUMOUR_GROUPS = ("melanoma", "nsclc smoker", "nsclc never-smoker")
GROUP_RATES = (0.50, 0.37, 0.13)
TMB_MEDIAN = (9.0, 7.5, 2.2)
"""Mutations per Mb, by tumour group."""
TMB_LOG_SD = (0.85, 0.75, 0.65)

HISTOLOGY_EFFECTS = {"til": 0.92, "inflamed": 0.85, "excluded": -0.70, "desert": 0.00, "tumour_share": 0.95}
GENOMIC_EFFECTS = {"interferon": 0.50, "antigen": 0.85, "ligand": 0.40, "chemokine": 0.30, "tmb_presented": 1.90}
RESISTANCE_EFFECTS = {"B2M": -1.0, "JAK1": -0.9, "JAK2": -0.9, "PTEN": -0.9, "STK11": -1.1, "KEAP1": -0.9}
CLINICAL_EFFECTS = {"log_ldh": -1.05, "ecog": -1.10, "age": 0.20}
ECOG_RATES = (0.45, 0.41, 0.14)


@dataclass(frozen=True)
class Latents:
    """Causal factors of n patients; every array has shape (n,) except ``losses`` (n, len(RESISTANCE)).

    ``phenotype`` and ``group`` index PHENOTYPES and TUMOUR_GROUPS. ``til`` is lymphocytes/mm2 at the margin, ``tmb``
    mutations/Mb, ``tumour_share`` tumour / (tumour + stroma) area, ``ldh`` a multiple of the upper limit of normal.
    ``interferon``, ``antigen``, ``ligand``, ``chemokine`` are factors of about unit scale.
    """

    phenotype: npt.NDArray[np.int64]
    group: npt.NDArray[np.int64]
    til: F64
    tumour_share: F64
    interferon: F64
    antigen: F64
    ligand: F64
    chemokine: F64
    tmb: F64
    losses: Mask
    age: F64
    female: Mask
    ecog: npt.NDArray[np.int64]
    ldh: F64

    def __len__(self) -> int:
        return len(self.phenotype)

    def at(self, rows: npt.NDArray[np.int64]) -> "Latents":
        """Factors of some patients."""
        return Latents(**{name: values[rows] for name, values in vars(self).items()})

    @property
    def tumour_type(self) -> list[str]:
        """Melanoma or nsclc of each patient."""
        return [TUMOUR_GROUPS[k].split()[0] for k in self.group]


def draw_latents(n: int, rng: np.random.Generator) -> Latents:
    """Draw the causal factors of n patients."""
    phenotype = rng.choice(3, n, p=PHENOTYPE_RATES)
    group = rng.choice(3, n, p=GROUP_RATES)
    losses = rng.random((n, len(RESISTANCE))) < np.array(list(RESISTANCE.values())).T[group]
    interferon = np.array(INTERFERON_MEAN)[phenotype] + INTERFERON_SD * rng.normal(size=n)
    til = np.array(TIL_MEDIAN)[phenotype] * np.exp(TIL_LOG_SD * rng.normal(size=n))
    ldh = 0.95 * np.exp(0.42 * rng.normal(size=n))
    return Latents(
        phenotype=phenotype,
        group=group,
        til=np.clip(til, *TIL_RANGE),
        tumour_share=1 / (1 + np.exp(-(0.2 + 0.7 * rng.normal(size=n)))),
        interferon=interferon,
        antigen=0.40 * interferon + 0.85 * rng.normal(size=n) - blocked(losses),
        ligand=0.50 * interferon + 0.85 * rng.normal(size=n),
        chemokine=0.65 * interferon + 0.75 * rng.normal(size=n),
        tmb=np.clip(np.array(TMB_MEDIAN)[group] * np.exp(np.array(TMB_LOG_SD)[group] * rng.normal(size=n)), 0.3, 90),
        losses=losses,
        age=np.clip(np.round(rng.normal(64, 11, n)), 22, 90),
        female=rng.random(n) < 0.41,
        ecog=rng.choice(3, n, p=ECOG_RATES),
        ldh=np.asarray(np.round(np.clip(ldh, 0.35, 6.0), 2), dtype=np.float64),
    )


def blocked(losses: Mask) -> F64:
    """How much antigen presentation (n,) the losses (n, len(RESISTANCE)) take away."""
    names = list(RESISTANCE)
    amount = np.array([{"B2M": 1.0, "JAK1": 0.5, "JAK2": 0.5}.get(name, 0.0) for name in names])
    return np.asarray(losses @ amount, dtype=np.float64)


def histology_part(latents: Latents) -> F64:
    """Log-odds (n,) from what a slide can show: TIL at the margin, phenotype, tumour-stroma ratio as barrier."""
    effects = HISTOLOGY_EFFECTS
    til = (np.log(latents.til) - 6.75) / 0.95
    share = (np.log(latents.tumour_share / (1 - latents.tumour_share)) - 0.2) / 0.7
    phenotype = np.array([effects[name] for name in PHENOTYPES])[latents.phenotype]
    logit = effects["til"] * til + phenotype + effects["tumour_share"] * share
    return np.asarray(logit, dtype=np.float64)


def genomics_part(latents: Latents) -> F64:
    """Log-odds (n,) from genes: interferon, antigen presentation, CD274, CXCL9, losses, TMB where it is presented."""
    return expression_part(latents) + mutation_part(latents, latents.antigen)


def expression_part(latents: Latents) -> F64:
    """The part (n,) of ``genomics_part`` that expression shows alone."""
    effects = GENOMIC_EFFECTS
    logit = (
        effects["interferon"] * latents.interferon
        + effects["antigen"] * latents.antigen
        + effects["ligand"] * latents.ligand
        + effects["chemokine"] * latents.chemokine
    )
    return np.asarray(logit, dtype=np.float64)


def mutation_part(latents: Latents, antigen: F64) -> F64:
    """The part of ``genomics_part`` from TMB and losses; ``antigen`` (n,) or (n, m) decides what is presented.

    Returns the shape of ``antigen``.
    """
    column = (slice(None), *[None] * (antigen.ndim - 1))
    tmb = (np.log(latents.tmb) - np.log(7.0)) / 0.95
    losses = latents.losses @ np.array([RESISTANCE_EFFECTS[gene] for gene in RESISTANCE])
    presented = 1 / (1 + np.exp(-1.5 * (antigen + 0.5)))
    return np.asarray(GENOMIC_EFFECTS["tmb_presented"] * tmb[column] * presented + losses[column], dtype=np.float64)


def clinical_part(latents: Latents) -> F64:
    """Log-odds (n,) from LDH, ECOG and, weakly, age."""
    effects = CLINICAL_EFFECTS
    ldh = np.log(latents.ldh / 0.95) / 0.42
    logit = effects["log_ldh"] * ldh + effects["ecog"] * latents.ecog + effects["age"] * (latents.age - 64) / 11
    return np.asarray(logit, dtype=np.float64)


def phenotype_posterior(interferon: F64) -> F64:
    """P(phenotype | interferon), (n, 3): all that genes say about it, as the other factors depend on it only there."""
    z = (interferon[:, None] - np.array(INTERFERON_MEAN)) / INTERFERON_SD
    weight = np.array(PHENOTYPE_RATES) * np.exp(-0.5 * z**2)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True), dtype=np.float64)
