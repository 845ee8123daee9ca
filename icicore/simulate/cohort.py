"""Draw a cohort of virtual patients: truth first, then response, then what each modality shows of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from icicore.domain import MODALITIES, ClinicalValues, Recist, TumourType
from icicore.errors import InputError
from icicore.simulate.expression_model import causal_expression, draw_expression, gene_model
from icicore.simulate.genes import RESISTANCE
from icicore.simulate.latents import PHENOTYPES, TUMOUR_GROUPS, Latents, draw_latents
from icicore.simulate.mutation_model import draw_mutations
from icicore.simulate.oracle import Oracle, draw_response
from icicore.simulate.patients import PatientTruth, VirtualPatient
from icicore.simulate.scenarios import N_SITES, SHORTCUT_ODDS, SITE_WEIGHTS, Scenario, scenario_named
from icicore.simulate.slide_specs import patient_specs
from icicore.simulate.spec import SlideSpec
from icicore.types import F32, F64, Mask

MIN_EXPRESSION_GENES = 50


@dataclass(frozen=True)
class _Availability:
    """Which data each patient has, and which of them are reliable; every array (n,) bool except ``values`` (n, 4)."""

    histology: Mask
    mutations: Mask
    expression: Mask
    clinical: Mask
    values: Mask
    poor_histology: Mask
    poor_rna: Mask

    @property
    def informative(self) -> Mask:
        """(n, 3) in the order of MODALITIES: present and fully readable."""
        genomics = self.mutations & self.expression & ~self.poor_rna
        clinical = self.clinical & self.values[:, 2:].all(axis=1)
        return np.stack([self.histology & ~self.poor_histology, genomics, clinical], axis=1)

    @property
    def readable(self) -> Mask:
        """(n, 4) in the order of SOURCES: mutations and expression apart."""
        histology, _, clinical = self.informative.T
        return np.stack([histology, self.mutations, self.expression & ~self.poor_rna, clinical], axis=1)


@dataclass(frozen=True)
class _Cohort:
    """Everything drawn for n patients, before it is cut into single patients."""

    oracle: Oracle
    available: _Availability
    site: npt.NDArray[np.int64]
    purity: F64
    specs: list[SlideSpec]
    mutations: list[pd.DataFrame]
    expression: F32
    expression_genes: tuple[str, ...]
    panel_genes: tuple[str, ...]


def simulate_patients(
    n: int,
    *,
    seed: int,
    panel_genes: Sequence[str],
    expression_genes: Sequence[str],
    scenario: str = "reference",
) -> list[VirtualPatient]:
    """Draw n virtual patients, exactly round(n x 450 / 1240) of them responders.

    Parameters
    ----------
    n : number of patients, at least 2
    seed : equal seeds, genes and scenario give equal patients
    panel_genes : genes of the mutation panel; they get their exome share of the passenger mutations
    expression_genes : genes of the expression table, in its order
    scenario : "reference", "no-signal", "shortcut" or "missing"

    Raises
    ------
    InputError
        An unknown scenario, too few patients or genes, or no planted gene among ``expression_genes``.
    """
    rules = scenario_named(scenario)
    _check(n, seed, expression_genes)
    oracle = draw_response(draw_latents(n, _rng(seed, "latents")), _rng(seed, "response"), signal=rules.signal)
    cohort = _observe(
        oracle, rules, seed=seed, panel_genes=tuple(panel_genes), expression_genes=tuple(expression_genes)
    )
    truths = _truths(cohort)
    return [_patient(cohort, i, truth, seed=seed, scenario=scenario) for i, truth in enumerate(truths)]


def _check(n: int, seed: int, expression_genes: Sequence[str]) -> None:
    if n < 2:
        raise InputError("number of patients", f"{n} is too small", expected="at least 2")
    if seed < 0:
        raise InputError("seed", f"{seed} is negative", expected="0 or more")
    if len(expression_genes) < MIN_EXPRESSION_GENES or not causal_expression(expression_genes):
        raise InputError(
            "expression genes",
            f"{len(expression_genes)} genes, {len(causal_expression(expression_genes))} of them planted",
            expected=f"at least {MIN_EXPRESSION_GENES} genes that include CD274, CXCL9 or their partners",
        )


def _rng(seed: int, topic: str) -> np.random.Generator:
    """Return one stream per topic, so that a change in one leaves the others alone."""
    return np.random.default_rng([seed, *topic.encode()])


def _observe(
    oracle: Oracle, rules: Scenario, *, seed: int, panel_genes: tuple[str, ...], expression_genes: tuple[str, ...]
) -> _Cohort:
    n = len(oracle.latents)
    site = _sites(oracle, rules, _rng(seed, "site"))
    # In the shortcut scenario the stain alone gives the label away: RNA laboratories stay unrelated to response.
    batch = _rng(seed, "batch").choice(N_SITES, n, p=SITE_WEIGHTS) if rules.shortcut else site
    purity = np.clip(_rng(seed, "purity").beta(4.0, 3.0, n), 0.1, 0.95)
    available = _availability(n, rules, _rng(seed, "missing"), purity=purity)
    return _Cohort(
        oracle=oracle,
        available=available,
        site=site,
        purity=purity,
        specs=patient_specs(oracle.latents, _rng(seed, "slides"), site=site, poor=available.poor_histology),
        mutations=draw_mutations(
            oracle.latents,
            _rng(seed, "mutations"),
            panel_genes=panel_genes,
            other_genes=expression_genes,
            purity=purity,
        ),
        expression=draw_expression(
            oracle.latents,
            gene_model(expression_genes),
            _rng(seed, "expression"),
            batch=batch,
            purity=purity,
            poor=available.poor_rna,
        ),
        expression_genes=expression_genes,
        panel_genes=panel_genes,
    )


def _sites(oracle: Oracle, rules: Scenario, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    weight = np.tile(np.array(SITE_WEIGHTS), (len(oracle.latents), 1))
    if rules.shortcut:
        weight[oracle.responder] *= np.array(SHORTCUT_ODDS)
    weight /= weight.sum(axis=1, keepdims=True)
    chosen = (rng.random(len(weight))[:, None] > weight.cumsum(axis=1)).sum(axis=1)
    return np.asarray(np.minimum(chosen, N_SITES - 1), dtype=np.int64)


def _availability(n: int, rules: Scenario, rng: np.random.Generator, *, purity: F64) -> _Availability:
    draws = rng.random((n, 9))
    values = draws[:, 5:9] >= rules.missing_values
    histology, mutations, expression, clinical = (
        draws[:, k] >= rate
        for k, rate in enumerate(
            (rules.missing_histology, rules.missing_mutations, rules.missing_expression, rules.missing_clinical)
        )
    )
    # A patient without any data would not be in a cohort.
    histology |= ~(mutations | expression | (clinical & values.any(axis=1)))
    poor_rna = purity < np.quantile(purity, rules.poor_rna)
    return _Availability(
        histology=histology,
        mutations=mutations,
        expression=expression,
        clinical=clinical,
        values=values,
        poor_histology=draws[:, 4] < rules.poor_histology,
        poor_rna=poor_rna,
    )


def _truths(cohort: _Cohort) -> list[PatientTruth]:
    oracle, latents = cohort.oracle, cohort.oracle.latents
    single = {name: oracle.given(np.array([m == name for m in MODALITIES])) for name in MODALITIES}
    informative = cohort.available.informative
    attainable = oracle.attainable(cohort.available.readable)
    planted = causal_expression(cohort.expression_genes)
    losses = list(RESISTANCE)
    in_panel = set(cohort.panel_genes)
    return [
        PatientTruth(
            factors=_factors(latents, i),
            parts={m: float(oracle.parts[i, k]) for k, m in enumerate(MODALITIES)},
            intercept=oracle.intercept,
            oracle_probability=float(oracle.probability[i]),
            oracle={m: float(single[m][i]) for m in MODALITIES},
            oracle_attainable=float(attainable[i]),
            informative={m: bool(informative[i, k]) for k, m in enumerate(MODALITIES)},
            purity=float(cohort.purity[i]),
            causal_mutations=tuple(g for g in losses if g in in_panel),
            causal_expression=planted,
            lost_genes=tuple(g for k, g in enumerate(losses) if latents.losses[i, k]),
        )
        for i in range(len(latents))
    ]


def _factors(latents: Latents, i: int) -> dict[str, float | str]:
    numbers = ("til", "tumour_share", "interferon", "antigen", "ligand", "chemokine", "tmb", "age", "ecog", "ldh")
    words: dict[str, float | str] = {
        "phenotype": PHENOTYPES[latents.phenotype[i]],
        "group": TUMOUR_GROUPS[latents.group[i]],
    }
    return words | {name: float(getattr(latents, name)[i]) for name in numbers}


def _patient(cohort: _Cohort, i: int, truth: PatientTruth, *, seed: int, scenario: str) -> VirtualPatient:
    available = cohort.available
    return VirtualPatient(
        patient_id=f"VP{seed}-{i + 1:04d}",
        tumour_type=TumourType(cohort.oracle.latents.tumour_type[i]),
        site=int(cohort.site[i]),
        response=_recist(cohort.oracle, i),
        clinical=_clinical(cohort, i),
        slide_spec=cohort.specs[i] if available.histology[i] else None,
        mutations=cohort.mutations[i] if available.mutations[i] else None,
        expression=cohort.expression[i] if available.expression[i] else None,
        expression_genes=cohort.expression_genes,
        scenario=scenario,
        truth=truth,
    )


def _recist(oracle: Oracle, i: int) -> Recist:
    """Split responders and non-responders by how far the patient lies beyond the threshold."""
    margin = oracle.propensity[i] + oracle.intercept
    if oracle.responder[i]:
        return Recist.CR if margin > 3.0 else Recist.PR
    return Recist.SD if margin > -2.6 else Recist.PD


def _clinical(cohort: _Cohort, i: int) -> ClinicalValues:
    if not cohort.available.clinical[i]:
        return ClinicalValues()
    latents, known = cohort.oracle.latents, cohort.available.values[i]
    return ClinicalValues(
        age=float(latents.age[i]) if known[0] else None,
        sex=("F" if latents.female[i] else "M") if known[1] else None,
        ecog=int(latents.ecog[i]) if known[2] else None,
        ldh_uln=float(latents.ldh[i]) if known[3] else None,
    )
