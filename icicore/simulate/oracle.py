"""Response from the latent log-odds with an exact quota, and the best possible score from each set of modalities."""

from dataclasses import dataclass

import numpy as np

from icicore.domain import CLINICAL, GENOMICS, HISTOLOGY, MODALITIES
from icicore.simulate.latents import (
    PHENOTYPES,
    Latents,
    clinical_part,
    genomics_part,
    histology_part,
    phenotype_posterior,
)
from icicore.types import F64, Mask

RESPONDER_SHARE = 450 / 1240
POOL = 1500
"""At most this many patients stand in for the unknown parts of another patient."""


@dataclass(frozen=True)
class Oracle:
    """Truth about response. ``parts`` (n, 3) log-odds in the order of MODALITIES, ``intercept`` added to their sum.

    ``responder`` (n,) is the drawn label, ``propensity`` (n,) the latent score whose largest values respond.
    """

    latents: Latents
    parts: F64
    intercept: float
    responder: Mask
    propensity: F64

    @property
    def probability(self) -> F64:
        """P(response) of each patient given everything, (n,)."""
        return _sigmoid(self.intercept + self.parts.sum(axis=1))

    def given(self, known: Mask) -> F64:
        """P(response) of each patient given the causal factors of the ``known`` modalities, (n,).

        ``known`` (3,) or (n, 3) bool. The unknown parts are integrated over the cohort's own patients, weighted by
        what the known ones say about the immune phenotype: a slide shows it, genes hint at it through interferon.
        """
        rows = np.broadcast_to(known, self.parts.shape)
        result = np.empty(len(self.parts))
        for pattern in np.unique(rows, axis=0):
            chosen = (rows == pattern).all(axis=1)
            result[chosen] = self._given_pattern(pattern, np.flatnonzero(chosen))
        return result

    def _given_pattern(self, known: Mask, patients: np.ndarray) -> F64:
        seen = self.parts[patients][:, known].sum(axis=1)
        pool = np.arange(min(POOL, len(self.parts)))
        unseen = self.parts[pool][:, ~known].sum(axis=1)
        probability = _sigmoid(self.intercept + seen[:, None] + unseen[None, :])
        weight = self._phenotype_belief(known, patients)[:, self.latents.phenotype[pool]]
        counts = np.bincount(self.latents.phenotype[pool], minlength=3)
        weight = weight / counts[self.latents.phenotype[pool]]
        return np.asarray((probability * weight).sum(axis=1) / weight.sum(axis=1), dtype=np.float64)

    def _phenotype_belief(self, known: Mask, patients: np.ndarray) -> F64:
        if known[MODALITIES.index(HISTOLOGY)]:
            return np.asarray(np.eye(len(PHENOTYPES))[self.latents.phenotype[patients]], dtype=np.float64)
        if known[MODALITIES.index(GENOMICS)]:
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
    return Oracle(latents, parts, -float(threshold), responder, propensity)


def responder_quota(n: int) -> int:
    """Number of responders among n patients: 450 of 1240."""
    return round(n * RESPONDER_SHARE)


def _sigmoid(x: F64) -> F64:
    return np.asarray(1 / (1 + np.exp(-x)), dtype=np.float64)
