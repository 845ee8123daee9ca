"""Response from the latent log-odds with an exact quota, and the best possible score from each set of modalities."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from icicore.domain import CLINICAL, GENOMICS, HISTOLOGY, MODALITIES
from icicore.simulate.latents import (
    GENOMIC_EFFECTS,
    PHENOTYPES,
    Latents,
    blocked,
    clinical_part,
    expression_part,
    genomics_part,
    histology_part,
    mutation_part,
    phenotype_posterior,
)
from icicore.types import F64, Mask

Rows: TypeAlias = npt.NDArray[np.int64]
MUTATIONS, EXPRESSION = "mutations", "expression"
SOURCES = (HISTOLOGY, MUTATIONS, EXPRESSION, CLINICAL)
"""What may be readable or not, one by one."""

RESPONDER_SHARE = 450 / 1240
POOL = 1500
"""At most this many patients stand in for the unknown parts of another patient."""


@dataclass(frozen=True)
class Oracle:
    """Truth about response. ``parts`` (n, 3) log-odds in the order of MODALITIES, ``intercept`` added to their sum.

    ``responder`` (n,) is the drawn label, ``propensity`` (n,) the latent score whose largest values respond.
    Without ``signal`` the log-odds are zero for everybody.
    """

    latents: Latents
    parts: F64
    intercept: float
    responder: Mask
    propensity: F64
    signal: bool = True

    @property
    def probability(self) -> F64:
        """P(response) of each patient given everything, (n,)."""
        return _sigmoid(self.intercept + self.parts.sum(axis=1))

    def given(self, known: Mask) -> F64:
        """P(response) of each patient given the causal factors of the ``known`` modalities, (n,).

        ``known`` (3,) or (n, 3) bool; see ``attainable`` for what is done about the others.
        """
        rows = np.broadcast_to(known, self.parts.shape)
        return self.attainable(rows[:, [0, 1, 1, 2]])

    def attainable(self, readable: Mask) -> F64:
        """P(response) of each patient given the causal factors that its data show, (n,): the best possible score.

        ``readable`` bool (n, 4) in the order of SOURCES. What cannot be read is integrated over the cohort's own
        patients, weighted by what the rest says about the immune phenotype: a slide shows it, expression hints at it
        through interferon. Mutations and expression are read apart, as TMB helps only where antigen is presented.
        """
        result = np.empty(len(self.parts))
        for pattern in np.unique(readable, axis=0):
            chosen = np.flatnonzero((readable == pattern).all(axis=1))
            result[chosen] = self._given_pattern(dict(zip(SOURCES, pattern.tolist(), strict=True)), chosen)
        return result

    def _given_pattern(self, known: dict[str, bool], patients: Rows) -> F64:
        """P(response), (len(patients),), of patients of whom the same sources are known."""
        pool = np.arange(min(POOL, len(self.parts)))
        whole = {HISTOLOGY: known[HISTOLOGY], CLINICAL: known[CLINICAL]}
        logit = self.intercept + self._genomics(known, patients, pool)
        for name, seen in whole.items():
            part = self.parts[:, MODALITIES.index(name)]
            logit = logit + (part[patients][:, None] if seen else part[pool][None, :])
        phenotype = self.latents.phenotype[pool]
        weight = self._phenotype_belief(known, patients)[:, phenotype] / np.bincount(phenotype, minlength=3)[phenotype]
        return np.asarray((_sigmoid(logit) * weight).sum(axis=1) / weight.sum(axis=1), dtype=np.float64)

    def _genomics(self, known: dict[str, bool], patients: Rows, pool: Rows) -> F64:
        """Log-odds from genes, (n, pool): a patient's own factors where they are known, else those of the pool."""
        part, everyone = self.parts[:, MODALITIES.index(GENOMICS)], self.latents
        if known[MUTATIONS] == known[EXPRESSION] or not self.signal:
            return part[patients][:, None] if known[MUTATIONS] else part[pool][None, :]
        own, others = everyone.at(patients), everyone.at(pool)
        if known[EXPRESSION]:
            antigen = np.broadcast_to(own.antigen, (len(pool), len(patients)))
            return expression_part(own)[:, None] + mutation_part(others, antigen).T
        gained = blocked(others.losses)[None, :] - blocked(own.losses)[:, None]  # by having one's own losses
        expression = expression_part(others)[None, :] + GENOMIC_EFFECTS["antigen"] * gained
        return expression + mutation_part(own, others.antigen[None, :] + gained)

    def _phenotype_belief(self, known: dict[str, bool], patients: Rows) -> F64:
        if known[HISTOLOGY]:
            return np.asarray(np.eye(len(PHENOTYPES))[self.latents.phenotype[patients]], dtype=np.float64)
        if known[EXPRESSION]:
            return phenotype_posterior(self.latents.interferon[patients])
        rates = np.bincount(self.latents.phenotype, minlength=3) / len(self.parts)
        return np.broadcast_to(rates, (len(patients), 3))


def draw_response(latents: Latents, rng: np.random.Generator, *, signal: bool = True) -> Oracle:
    """Draw responders: exactly round(n * 450 / 1240) of them.

    A patient responds when log-odds plus standard logistic noise exceeds a threshold, which is the same as a
    Bernoulli draw from sigmoid(log-odds - threshold); putting the threshold at the quota's order statistic makes the
    count exact and turns it into the intercept. Without ``signal`` the log-odds are zero for everybody.
    """
    part_of = {HISTOLOGY: histology_part, GENOMICS: genomics_part, CLINICAL: clinical_part}
    parts = np.stack([part_of[name](latents) for name in MODALITIES], axis=1) * (1.0 if signal else 0.0)
    propensity = parts.sum(axis=1) + rng.logistic(size=len(latents))
    quota = responder_quota(len(latents))
    order = np.argsort(-propensity, kind="stable")
    responder = np.zeros(len(latents), dtype=bool)
    responder[order[:quota]] = True
    ranked = propensity[order]
    threshold = (ranked[quota - 1] + ranked[quota]) / 2 if 0 < quota < len(ranked) else float(np.median(ranked))
    return Oracle(latents, parts, -float(threshold), responder, propensity, signal)


def responder_quota(n: int) -> int:
    """Number of responders among n patients: 450 of 1240."""
    return round(n * RESPONDER_SHARE)


def _sigmoid(x: F64) -> F64:
    return np.asarray(1 / (1 + np.exp(-x)), dtype=np.float64)
