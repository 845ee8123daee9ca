"""From latent factors to slide requests: one per patient, and the bank from which bags are composed."""

import itertools

import numpy as np
import numpy.typing as npt

from icicore.simulate.latents import PHENOTYPE_RATES, PHENOTYPES, TIL_LOG_SD, TIL_MEDIAN, TIL_RANGE, Latents
from icicore.simulate.scenarios import N_SITES
from icicore.simulate.spec import ARTEFACTS, TUMOUR_TYPES, SlideSpec
from icicore.types import Mask

WIDTH_UM, HEIGHT_UM = (2100.0, 2600.0), (1750.0, 2150.0)
"""Slide sizes that hold about 150-250 tissue tiles of 128 um."""
SHARE_RANGE = (0.08, 0.88)
POOR_NECROSIS = (0.40, 0.60)
GOOD_NECROSIS = (0.0, 0.12)
GOOD_ARTEFACT_RATE = 0.12

_TIL_LEVELS = (0.45, 1.0, 2.2)
"""Multiples of the phenotype's median density that the bank covers."""
BANK_POOR_SHARE = 0.15


def patient_specs(
    latents: Latents, rng: np.random.Generator, *, site: npt.NDArray[np.int64], poor: Mask
) -> list[SlideSpec]:
    """Give the slide request of each patient.

    A ``poor`` slide comes from an unrepresentative block: it is necrotic and damaged, and its phenotype, TIL density
    and tumour share are drawn anew from the population, so that it says nothing about the patient.
    """
    n = len(latents)
    stray = rng.choice(3, n, p=PHENOTYPE_RATES)
    stray_til = np.array(TIL_MEDIAN)[stray] * np.exp(TIL_LOG_SD * rng.normal(size=n))
    stray_share = 1 / (1 + np.exp(-(0.2 + 0.7 * rng.normal(size=n))))
    phenotype = np.where(poor, stray, latents.phenotype)
    til = np.clip(np.where(poor, stray_til, latents.til), *TIL_RANGE)
    share = np.clip(np.where(poor, stray_share, latents.tumour_share), *SHARE_RANGE)
    necrosis = np.where(poor, rng.uniform(*POOR_NECROSIS, n), rng.uniform(*GOOD_NECROSIS, n))
    seeds = rng.integers(0, 2**31, n)
    return [
        SlideSpec(
            seed=int(seeds[i]),
            tumour_type=latents.tumour_type[i],
            phenotype=PHENOTYPES[phenotype[i]],
            til_density=round(float(til[i]), 1),
            tumour_fraction=round(float(share[i]), 4),
            necrosis=round(float(necrosis[i]), 4),
            site=int(site[i]),
            artefacts=_artefacts(rng, poor=bool(poor[i])),
            size_um=_size(rng),
        )
        for i in range(n)
    ]


def _artefacts(rng: np.random.Generator, *, poor: bool) -> tuple[str, ...]:
    count = int(rng.integers(1, 3)) if poor else int(rng.random() < GOOD_ARTEFACT_RATE)
    return tuple(sorted(rng.choice(ARTEFACTS, count, replace=False).tolist()))


def _size(rng: np.random.Generator) -> tuple[float, float]:
    return float(np.round(rng.uniform(*WIDTH_UM))), float(np.round(rng.uniform(*HEIGHT_UM)))


def bank_specs(n_slides: int, seed: int) -> list[SlideSpec]:
    """Slide requests for a tile bank that covers what patients can have.

    Slides go round sites x tumour types (12 cells); from round to round each cell steps through phenotypes x TIL
    levels, so that any ``n_slides`` spreads evenly and 108 cover every combination once. Tumour share alternates
    between low and high, and about every eighth slide is of poor quality (necrosis, artefacts).
    """
    rng = np.random.default_rng([seed, *b"bank"])
    cells = list(itertools.product(range(N_SITES), TUMOUR_TYPES))
    return [_bank_spec(rng, cells[i % len(cells)], step=i // len(cells) + i % len(cells)) for i in range(n_slides)]


def _bank_spec(rng: np.random.Generator, cell: tuple[int, str], *, step: int) -> SlideSpec:
    site, tumour_type = cell
    phenotype = step % len(PHENOTYPES)
    level = _TIL_LEVELS[(step // len(PHENOTYPES) + phenotype) % len(_TIL_LEVELS)]
    poor = bool(rng.random() < BANK_POOR_SHARE)
    share = rng.uniform(0.15, 0.5) if step % 2 else rng.uniform(0.5, 0.85)
    til = TIL_MEDIAN[phenotype] * level * np.exp(rng.normal(0.0, 0.15))
    return SlideSpec(
        seed=int(rng.integers(0, 2**31)),
        tumour_type=tumour_type,
        phenotype=PHENOTYPES[phenotype],
        til_density=round(float(np.clip(til, *TIL_RANGE)), 1),
        tumour_fraction=round(float(share), 4),
        necrosis=round(float(rng.uniform(*(POOR_NECROSIS if poor else GOOD_NECROSIS))), 4),
        site=site,
        artefacts=_artefacts(rng, poor=poor),
        size_um=_size(rng),
    )
