"""Mutation calls and expression as one token vector with a mask of what was measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from icicore.genomics.panel import N_MUTATION_GENES, GenePanel, resolve_symbol
from icicore.genomics.records import Expression, MutationCalls
from icicore.scaling import scaler_arrays, scaler_json
from icicore.types import F32, Json, Mask

Z_LIMIT = 10.0
"""Scaled values are cut to this many standard deviations, so that one odd gene cannot dominate a case."""


@dataclass(frozen=True)
class GeneFeatures:
    """Unscaled genomic features of one case, in panel order, M mutation genes and G expression genes.

    A gene that the assay did not cover is not measured: its value is 0 and its mask False. That is not the
    same as wild type (value 0, mask True).

    Attributes
    ----------
    mutation : float32 (M,), 1 where a non-synonymous mutation was found
    mutation_measured : bool (M,)
    tmb : non-synonymous mutations per megabase, None when unknown
    expression : float32 (G,), log2 of upper-quartile-normalised expression
    expression_measured : bool (G,)
    """

    mutation: F32
    mutation_measured: Mask
    tmb: float | None
    expression: F32
    expression_measured: Mask

    @property
    def values(self) -> F32:
        """Raw token values, float32 (T,); TMB as log2(1 + TMB), 0 where not measured."""
        tmb = np.float32(0 if self.tmb is None else np.log2(1 + self.tmb))
        return np.concatenate([self.mutation, [tmb], self.expression]).astype(np.float32)

    @property
    def measured(self) -> Mask:
        """Which tokens were measured, bool (T,)."""
        return np.concatenate([self.mutation_measured, [self.tmb is not None], self.expression_measured])


def encode(panel: GenePanel, *, mutations: MutationCalls | None, expression: Expression | None) -> GeneFeatures:
    """Put the genes of one case in panel order. None means that the assay was not done."""
    mutation, mutation_measured = _encode_mutations(panel, mutations)
    values, expression_measured = _encode_expression(panel, expression)
    tmb = None if mutations is None else mutations.tmb
    return GeneFeatures(mutation, mutation_measured, tmb, values, expression_measured)


def _encode_mutations(panel: GenePanel, calls: MutationCalls | None) -> tuple[F32, Mask]:
    n = len(panel.mutation_genes)
    if calls is None:
        return np.zeros(n, np.float32), np.zeros(n, np.bool_)
    mutated = {resolve_symbol(mutation.gene) for mutation in calls.mutations}
    values = np.array([gene in mutated for gene in panel.mutation_genes], np.float32)
    if calls.covered_genes is None:
        return values, np.ones(n, np.bool_)
    covered = {resolve_symbol(gene) for gene in calls.covered_genes}
    return values, np.array([gene in covered or gene in mutated for gene in panel.mutation_genes], np.bool_)


def _encode_expression(panel: GenePanel, expression: Expression | None) -> tuple[F32, Mask]:
    found = {} if expression is None else dict(zip(expression.genes, expression.values, strict=True))
    values = np.array([found.get(gene, np.nan) for gene in panel.expression_genes], np.float32)
    measured = np.isfinite(values)
    return np.where(measured, values, np.float32(0)), measured


@dataclass(frozen=True)
class TokenScaler:
    """Centre and spread of every token, fitted on training cases only.

    Mutation tokens keep 0 and 1 (mean 0, scale 1), so that 0 stays "wild type". TMB and expression are z-scored
    over the cases in which they were measured.

    A token that no training case had measured was never learnt: what a model does with it is as it was drawn before
    training. Such a token is treated as not measured, also where a later case has it.

    Attributes
    ----------
    mean, scale : float32 (T,)
    seen : bool (T,), tokens that some training case had measured
    """

    mean: F32
    scale: F32
    seen: Mask

    @classmethod
    def fit(cls, values: F32, measured: Mask, *, n_binary: int = N_MUTATION_GENES) -> "TokenScaler":
        """Fit on ``values`` and ``measured``, both (N, T); the first ``n_binary`` tokens are left as they are."""
        known = np.where(measured, values, np.nan).astype(np.float64)
        count = measured.sum(axis=0)
        safe = np.maximum(count, 1)
        mean = np.nansum(known, axis=0) / safe
        scale = np.sqrt(np.nansum((known - mean) ** 2, axis=0) / safe)
        # A token seen in fewer than two cases, or never varying, says nothing about spread.
        scale[(count < 2) | (scale < 1e-3)] = 1.0
        mean[:n_binary], scale[:n_binary] = 0.0, 1.0
        return cls(mean.astype(np.float32), scale.astype(np.float32), np.asarray(count > 0))

    def transform(self, values: F32, measured: Mask) -> tuple[F32, Mask]:
        """Scaled ``values`` (..., T), float32, 0 where they cannot be used, and which can: measured and ever learnt."""
        usable = measured & self.seen
        scaled = np.clip((values - self.mean) / self.scale, -Z_LIMIT, Z_LIMIT)
        return np.where(usable, scaled, 0).astype(np.float32), usable

    def to_json(self) -> Json:
        """As stored in a bundle."""
        return scaler_json(self.mean, self.scale, self.seen)

    @classmethod
    def from_json(cls, stored: Mapping[str, Sequence[float]]) -> "TokenScaler":
        """Inverse of :meth:`to_json`, exact."""
        return cls(*scaler_arrays(stored))
