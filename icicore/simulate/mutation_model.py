"""Somatic mutations of virtual patients: drivers by tumour group, planted losses, passengers driven by TMB."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from icicore.simulate.genes import DRIVERS, EXCLUSIVE, HOTSPOTS, RESISTANCE, coding_kb, locus, passenger_genes
from icicore.simulate.latents import Latents
from icicore.types import F64, Mask

EXOME_MB = 30.0
"""Callable coding exome: a patient has TMB x EXOME_MB non-synonymous mutations."""
PANEL_SHARE = 0.045
"""Share of an exome's mutations that fall into the 500 panel genes, by their coding length."""
SILENT_PER_NONSYNONYMOUS = 0.28
MAF_COLUMNS = (
    "Hugo_Symbol", "Chromosome", "Start_Position", "End_Position", "Variant_Classification", "Variant_Type",
    "Reference_Allele", "Tumor_Seq_Allele2", "HGVSp_Short", "t_ref_count", "t_alt_count",
)  # fmt: skip

_KINDS = ("Missense_Mutation", "Nonsense_Mutation", "Frame_Shift_Del", "Frame_Shift_Ins", "Splice_Site", "In_Frame_Del")
_KIND_RATES = (0.86, 0.055, 0.025, 0.012, 0.03, 0.018)
_LOSS_RATES = (0.0, 0.40, 0.30, 0.12, 0.18, 0.0)
_SILENT = "Silent"
_AMINO = np.array(list("ACDEFGHIKLMNPQRSTVWY"))
_BASES = "ACGT"
_SUBSTITUTIONS = tuple(f"{a}{b}" for a in _BASES for b in _BASES if a != b)
_SPECTRUM = (
    {"CT": 8.0, "GA": 8.0},  # ultraviolet light
    {"CA": 4.0, "GT": 4.0, "CT": 1.5, "GA": 1.5},  # tobacco smoke
    {"CT": 2.5, "GA": 2.5},  # ageing
)
"""Substitutions that are commoner than the others (weight 0.3) in each tumour group."""


@dataclass(frozen=True)
class _Universe:
    """Genes that can be hit, with the probability that a passenger hits each, their length and locus."""

    genes: npt.NDArray[np.object_]
    probability: F64
    kb: F64
    chrom: npt.NDArray[np.object_]
    start: npt.NDArray[np.int64]


@cache
def _universe(panel_genes: tuple[str, ...], other_genes: tuple[str, ...]) -> _Universe:
    panel = tuple(dict.fromkeys([*panel_genes, *RESISTANCE, *DRIVERS]))
    others = tuple(g for g in dict.fromkeys([*passenger_genes(), *other_genes]) if g not in set(panel))
    kb = coding_kb([*panel, *others])
    weight = kb.copy()
    # A passenger in a gene whose loss is planted would be taken for the planted loss.
    weight[[panel.index(g) for g in RESISTANCE]] *= 0.25
    inside = np.arange(len(kb)) < len(panel)
    probability = np.where(inside, PANEL_SHARE * weight / weight[inside].sum(), 0.0)
    probability += np.where(inside, 0.0, (1 - PANEL_SHARE) * weight / weight[~inside].sum())
    loci = [locus(g) for g in (*panel, *others)]
    return _Universe(
        genes=np.array([*panel, *others], dtype=object),
        probability=probability,
        kb=kb,
        chrom=np.array([chrom for chrom, _ in loci], dtype=object),
        start=np.array([start for _, start in loci]),
    )


@dataclass(frozen=True)
class _Events:
    """Mutations before they are spelled out: patient, gene and kind of each, and the hotspot used (-1 for none)."""

    patient: npt.NDArray[np.int64]
    gene: npt.NDArray[np.int64]
    kind: npt.NDArray[np.object_]
    hotspot: npt.NDArray[np.int64]


def draw_mutations(
    latents: Latents,
    rng: np.random.Generator,
    *,
    panel_genes: Sequence[str],
    other_genes: Sequence[str],
    purity: F64,
) -> list[pd.DataFrame]:
    """Draw the MAF rows (MAF_COLUMNS) of each patient, n frames, sorted by gene; never an empty one.

    The number of non-synonymous rows is Poisson(TMB x EXOME_MB), drivers included; silent ones come on top.
    """
    universe = _universe(tuple(panel_genes), tuple(other_genes))
    drivers = _driver_events(latents, rng, universe)
    n_drivers = np.bincount(drivers.patient, minlength=len(latents))
    passengers = _passenger_events(latents, rng, universe, n_drivers=n_drivers)
    events = _Events(*(np.concatenate([getattr(e, f) for e in (drivers, passengers)]) for f in _Events.__annotations__))
    table = _spell_out(events, rng, universe, group=latents.group[events.patient], purity=purity[events.patient])
    order = np.lexsort((table["Start_Position"], events.gene, events.patient))
    bounds = np.searchsorted(events.patient[order], np.arange(len(latents) + 1))
    sorted_table = table.iloc[order].reset_index(drop=True)
    return [sorted_table.iloc[a:b].reset_index(drop=True) for a, b in zip(bounds[:-1], bounds[1:], strict=True)]


def _driver_events(latents: Latents, rng: np.random.Generator, universe: _Universe) -> _Events:
    rates = np.array(list(DRIVERS.values())).T[latents.group]
    hit: Mask = rng.random(rates.shape) < rates
    names = list(DRIVERS)
    for first, second in EXCLUSIVE:
        hit[:, names.index(second)] &= ~hit[:, names.index(first)]
    everything = np.concatenate([hit, latents.losses], axis=1)
    patient, column = np.nonzero(everything)
    symbols = [*names, *RESISTANCE]
    index = {gene: k for k, gene in enumerate(universe.genes)}
    gene = np.array([index[s] for s in symbols])[column]
    kind = np.where(
        column < len(names),
        rng.choice(_KINDS, len(column), p=_KIND_RATES),
        rng.choice(_KINDS, len(column), p=_LOSS_RATES),
    ).astype(object)
    hotspot = np.full(len(column), -1)
    for name in dict.fromkeys(h.gene for h in HOTSPOTS):  # a set has another order in every process
        spots = [k for k, h in enumerate(HOTSPOTS) if h.gene == name]
        rows = np.flatnonzero(column == names.index(name))
        share = np.array([HOTSPOTS[k].share for k in spots])
        hotspot[rows] = rng.choice(spots, len(rows), p=share / share.sum())
    return _Events(patient, gene, kind, hotspot)


def _passenger_events(
    latents: Latents, rng: np.random.Generator, universe: _Universe, *, n_drivers: npt.NDArray[np.int64]
) -> _Events:
    altering = np.maximum(rng.poisson(latents.tmb * EXOME_MB) - n_drivers, 0)
    silent = 1 + rng.poisson(SILENT_PER_NONSYNONYMOUS * (altering + n_drivers))
    total = int(altering.sum() + silent.sum())
    patient = np.concatenate([np.repeat(np.arange(len(latents)), altering), np.repeat(np.arange(len(latents)), silent)])
    kind = np.full(total, _SILENT, dtype=object)
    kind[: altering.sum()] = rng.choice(np.array(_KINDS, dtype=object), int(altering.sum()), p=_KIND_RATES)
    gene = rng.choice(len(universe.genes), total, p=universe.probability)
    return _Events(patient, gene, kind, np.full(total, -1))


def _spell_out(
    events: _Events, rng: np.random.Generator, universe: _Universe, *, group: npt.NDArray[np.int64], purity: F64
) -> pd.DataFrame:
    """Give every event coordinates, alleles, a protein change and read counts."""
    n = len(events.gene)
    codon = 1 + (rng.random(n) * universe.kb[events.gene] * 1000 / 3).astype(np.int64)
    start = universe.start[events.gene] + 3 * codon
    ref, alt = _alleles(events.kind, group, rng)
    depth = 40 + rng.poisson(80, n)
    alt_count = np.maximum(rng.binomial(depth, np.clip(purity * rng.uniform(0.3, 0.55, n), 0.04, 0.9)), 3)
    table = {
        "Hugo_Symbol": universe.genes[events.gene],
        "Chromosome": universe.chrom[events.gene],
        "Start_Position": start,
        "Variant_Classification": events.kind.copy(),
        "Reference_Allele": ref,
        "Tumor_Seq_Allele2": alt,
        "HGVSp_Short": _protein_changes(events.kind, codon, rng),
        "t_ref_count": depth - alt_count,
        "t_alt_count": alt_count,
    }
    _apply_hotspots(table, events.hotspot)
    return _with_extent(table)


def _alleles(
    kind: npt.NDArray[np.object_], group: npt.NDArray[np.int64], rng: np.random.Generator
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]]:
    n = len(kind)
    pick = np.empty(n, dtype=np.int64)
    for k, common in enumerate(_SPECTRUM):
        weight = np.array([common.get(s, 0.3) for s in _SUBSTITUTIONS])
        rows = np.flatnonzero(group == k)
        pick[rows] = rng.choice(len(_SUBSTITUTIONS), len(rows), p=weight / weight.sum())
    ref = np.array([s[0] for s in _SUBSTITUTIONS], dtype=object)[pick]
    alt = np.array([s[1] for s in _SUBSTITUTIONS], dtype=object)[pick]
    triplets = np.array([a + b + c for a in _BASES for b in _BASES for c in _BASES], dtype=object)
    inserted, shortened, in_frame = (kind == k for k in ("Frame_Shift_Ins", "Frame_Shift_Del", "In_Frame_Del"))
    ref[in_frame] = triplets[rng.integers(0, 64, int(in_frame.sum()))]
    alt[in_frame | shortened] = "-"
    ref[inserted] = "-"
    return ref, alt


def _protein_changes(
    kind: npt.NDArray[np.object_], codon: npt.NDArray[np.int64], rng: np.random.Generator
) -> npt.NDArray[np.object_]:
    """HGVS protein change in one-letter code."""
    first = rng.integers(0, 20, len(kind))
    second = (first + rng.integers(1, 20, len(kind))) % 20
    ending = {
        "Nonsense_Mutation": "*", "Frame_Shift_Del": "fs*", "Frame_Shift_Ins": "fs*", "Splice_Site": "_splice",
        "In_Frame_Del": "del", _SILENT: "=",
    }  # fmt: skip
    a, b = _AMINO[first], _AMINO[second]
    return np.array(
        [
            f"p.{'X' if k == 'Splice_Site' else x}{c}{ending.get(k, y)}"
            + (str(7 + c % 30) if k.startswith("Frame") else "")
            for k, x, y, c in zip(kind, a, b, codon.tolist(), strict=True)
        ],
        dtype=object,
    )


def _apply_hotspots(table: dict[str, npt.NDArray[np.object_]], hotspot: npt.NDArray[np.int64]) -> None:
    for row in np.flatnonzero(hotspot >= 0):
        spot = HOTSPOTS[hotspot[row]]
        table["Start_Position"][row] = spot.position
        table["Reference_Allele"][row], table["Tumor_Seq_Allele2"][row] = spot.ref, spot.alt
        table["Variant_Classification"][row], table["HGVSp_Short"][row] = spot.consequence, spot.protein


def _with_extent(table: dict[str, npt.NDArray[np.object_]]) -> pd.DataFrame:
    """Add End_Position and Variant_Type and order the columns."""
    ref, alt = table["Reference_Allele"], table["Tumor_Seq_Allele2"]
    insertion, deletion = ref == "-", alt == "-"
    width = np.array([len(r) for r in ref])
    table["End_Position"] = table["Start_Position"] + np.where(insertion, 1, width - 1)
    kind = np.where(width == 1, "SNP", np.where(width == 2, "DNP", "ONP")).astype(object)
    kind[insertion], kind[deletion] = "INS", "DEL"
    table["Variant_Type"] = kind
    return pd.DataFrame({name: table[name] for name in MAF_COLUMNS})
