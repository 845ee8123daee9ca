"""Which genes move the score: integrated gradients and attention per gene token, summed by pathway."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from captum.attr import IntegratedGradients
from torch import Tensor

from icicore.domain import GENOMICS
from icicore.explain.target import Target
from icicore.models.bundle import ModelBundle
from icicore.models.inputs import CaseInputs
from icicore.types import F32, Json, Mask

STEPS, BATCH = 64, 64
NO_PATHWAY = "other"


@dataclass(frozen=True, eq=False)
class GeneExplanation:
    """Explanation of the gene tokens of a case, in panel order.

    Attributes
    ----------
    symbols, kinds : of each token; kind is ``mutation``, ``tmb`` or ``expression``
    value : (T,) scaled as the model sees it: mutations 0 or 1, the rest in training standard deviations
    measured : (T,) bool
    attention : (T,), exactly 0 where not measured, sums to 1; mean over the members
    attention_low, attention_high : (T,), least and greatest attention that any member gives the token
    attribution : (T,) in logit against wild type and mean expression, exactly 0 where not measured
    logit, baseline_logit : calibrated, of the case and of the same case with baseline genes
    delta : ``sum(attribution) - (logit - baseline_logit)``, the error of the integral
    """

    symbols: tuple[str, ...]
    kinds: tuple[str, ...]
    value: F32
    measured: Mask
    attention: F32
    attention_low: F32
    attention_high: F32
    attribution: F32
    logit: float
    baseline_logit: float
    delta: float

    def rows(self, values: F32 | None = None) -> list[Json]:
        """One row per token, measured or not; ``values`` (T,) replaces the scaled values, null where not measured."""
        shown = self.value if values is None else values
        return [
            {
                "symbol": self.symbols[i],
                "kind": self.kinds[i],
                "value": float(shown[i]) if self.measured[i] else None,
                "measured": bool(self.measured[i]),
                "attention": float(self.attention[i]),
                "attribution": float(self.attribution[i]),
            }
            for i in range(len(self.symbols))
        ]


@dataclass(frozen=True)
class PathwayRow:
    """A pathway's share. A gene that belongs to several pathways counts in each of them."""

    pathway: str
    attribution: float
    attention: float
    n_measured: int
    top_genes: tuple[str, ...]

    def to_json(self) -> Json:
        """Plain values."""
        return {**vars(self), "top_genes": list(self.top_genes)}


def explain_genes(bundle: ModelBundle, inputs: CaseInputs, *, steps: int = STEPS) -> GeneExplanation:
    """Integrated gradients over token values (Sundararajan et al. 2017); what was measured stays as it is.

    The baseline is 0: no mutation, training-mean TMB and expression. Slide and clinical embeddings are fixed.
    ``steps`` points of the integral; a dozen do for means over many patients.

    Raises
    ------
    ValueError : the score does not rest on genomics.
    """
    target = Target(bundle, inputs)
    target.require(GENOMICS)
    states = target.states()
    measured = target.batch.gene_measured

    def logit_of(values: Tensor) -> Tensor:
        known = measured.expand(len(values), -1)
        embedded = ((state, state.member.encode_genomics(values, known)[0]) for state in states)
        return target.calibrated([target.fuse(state, GENOMICS, e) for state, e in embedded])

    values = target.batch.gene_values.masked_fill(~measured, 0.0)
    attribution = IntegratedGradients(logit_of).attribute(
        values.clone().requires_grad_(True),  # noqa: FBT003 (torch's own signature)
        baselines=0.0,
        n_steps=steps,
        internal_batch_size=BATCH,
    )
    with torch.no_grad():
        logit, baseline = (float(v) for v in logit_of(torch.cat([values, torch.zeros_like(values)])))
    attribution = attribution.detach()[0].masked_fill(~measured[0], 0.0)
    attention = torch.stack([s.gene_attention for s in states])
    return GeneExplanation(
        symbols=bundle.spec.tokens,
        kinds=bundle.spec.token_kinds,
        value=values[0].numpy(),
        measured=measured[0].numpy(),
        attention=attention.mean(dim=0).numpy(),
        attention_low=attention.amin(dim=0).numpy(),
        attention_high=attention.amax(dim=0).numpy(),
        attribution=attribution.float().numpy(),
        logit=logit,
        baseline_logit=baseline,
        delta=float(attribution.double().sum()) - (logit - baseline),
    )


def group_by_pathway(genes: GeneExplanation, pathways: Mapping[str, tuple[str, ...]]) -> list[PathwayRow]:
    """Sum attribution and attention of measured tokens by pathway, largest absolute attribution first.

    ``pathways`` maps a gene symbol to the names of its pathways; genes without one are collected as "other".
    """
    members: dict[str, list[int]] = defaultdict(list)
    for token in np.flatnonzero(genes.measured):
        for pathway in pathways.get(genes.symbols[token]) or (NO_PATHWAY,):
            members[pathway].append(int(token))
    rows = []
    for pathway, tokens in members.items():
        by_size = sorted(tokens, key=lambda t: -abs(float(genes.attribution[t])))
        names = list(dict.fromkeys(genes.symbols[t] for t in by_size))
        attribution, attention = (float(v[tokens].sum(dtype=np.float64)) for v in (genes.attribution, genes.attention))
        rows.append(PathwayRow(pathway, attribution, attention, len(tokens), tuple(names[:5])))
    return sorted(rows, key=lambda r: (-abs(r.attribution), r.pathway))
