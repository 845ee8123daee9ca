"""Do the explanations name what the model really uses? Remove what ranks highest and watch the logit.

Every kind of explanation gets one number in logit, the mean over patients of

- for a signed kind (tile contributions, gene attributions): how far the logit falls without the top share that speaks
  for response and rises without the top share that speaks against it, on average, beyond a random share;
- for an unsigned kind (attention of tiles, of genes): how much further the logit moves without the top share than
  without a random share.

Positive is faithful, 0 is chance.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from icicore.domain import GENOMICS, HISTOLOGY, MODALITIES
from icicore.evaluation.association import mean_with_interval, rank_correlation
from icicore.explain.genes import explain_genes
from icicore.explain.target import Target
from icicore.explain.tiles import explain_tiles
from icicore.models.inputs import CaseInputs
from icicore.types import F32, F64, Json, Mask, Progress
from icicore.workflows.evaluation.scoring import CohortScorer

SHARE = 0.10
"""Share of tiles, or of measured genes, that is removed for the headline number."""
SHARES = (0.01, 0.05, 0.10, 0.20, 0.50)
RANDOM = {"tiles": 20, "genes": 4}
"""Random removals to compare with; genes are encoded anew each time, tiles only pooled anew."""
KINDS = {"tiles": ("contribution", "attention"), "genes": ("genes", "gene_attention")}
"""Signed and unsigned kind of explanation of tiles and of genes."""
TOLERANCE = 0.01
"""In logit: pooling the remaining tiles must give what scoring without the others gives."""
MEANING = {
    "attention": "tile attention: |change in logit| without the top 10 % of tiles minus without a random 10 %",
    "contribution": "tile contribution: change in logit as predicted by its sign without the top 10 %, beyond random",
    "genes": "gene attribution: change in logit as predicted by its sign without the top 10 %, beyond random",
    "gene_attention": "gene attention: |change in logit| without the top 10 % of genes minus without a random 10 %",
}


@dataclass(frozen=True)
class FaithfulnessLimits:
    """How many patients are examined, and points of the gene attribution's integral."""

    patients: int = 24
    steps: int = 12


class _Tally:
    """Values per patient by name."""

    def __init__(self) -> None:
        self.values: dict[str, list[float]] = {}

    def add(self, name: str, value: float) -> None:
        self.values.setdefault(name, []).append(value)

    def mean(self, name: str, rng: np.random.Generator) -> Json | None:
        return mean_with_interval(self.values[name], rng=rng) if name in self.values else None


def faithfulness(
    scorer: CohortScorer, *, limits: FaithfulnessLimits, rng: np.random.Generator, progress: Progress
) -> Json:
    """Deletion tests and leave-one-tile-out correlation of the bundle's explanations."""
    tally = _Tally()
    tiles, genes = (_some(scorer, m, limits.patients, rng) for m in (HISTOLOGY, GENOMICS))
    for done, i in enumerate(tiles):
        progress(done, len(tiles), "testing tile explanations")
        _test_tiles(scorer, scorer.cases[i], tally, rng)
    for done, i in enumerate(genes):
        progress(done, len(genes), "testing gene explanations")
        _test_genes(scorer, scorer.cases[i], tally, limits.steps, rng)
    kinds = {kind: _kind(tally, kind, rng) for kind in MEANING}
    return {
        "share_removed": SHARE,
        "unit": "calibrated logit",
        "kinds": {**kinds, "gradcam": None},
        "gradcam_note": "Grad-CAM needs the slide's pixels, which a study of bags does not hold",
        "leave_one_tile_out": {kind: tally.mean(f"loo/{kind}", rng) for kind in ("attention", "contribution")},
        "deletion": {
            what: {
                name: [tally.mean(f"{what}/{name}/{share}", rng) for share in SHARES]
                for name in ("supporting", "opposing", "attention", "random")
            }
            for what in ("tiles", "genes")
        },
        "shares": list(SHARES),
    }


def _kind(tally: _Tally, kind: str, rng: np.random.Generator) -> Json | None:
    found = tally.mean(kind, rng)
    return None if found is None else {**found, "meaning": MEANING[kind]}


def _some(scorer: CohortScorer, modality: str, n: int, rng: np.random.Generator) -> Sequence[int]:
    has = np.flatnonzero(scorer.present[:, MODALITIES.index(modality)])
    return [int(i) for i in np.sort(rng.choice(has, min(n, len(has)), replace=False))]


def _test_tiles(scorer: CohortScorer, case: CaseInputs, tally: _Tally, rng: np.random.Generator) -> None:
    if case.tiles is None or len(case.tiles) < 10:
        return
    explained, target = explain_tiles(scorer.bundle, case), Target(scorer.bundle, case)
    states = target.states()
    n = len(case.tiles)

    def logits(kept: Tensor) -> F64:
        """Logit (K,) with only the tiles in ``kept`` (K, n): their attention, scaled to sum to 1 again."""
        with torch.no_grad():
            parts = []
            for state in states:
                weight = state.tile_attention * kept
                weight = weight / weight.sum(dim=1, keepdim=True).clamp_min(1e-12)
                parts.append(target.fuse(state, HISTOLOGY, weight @ state.tile_hidden))
            return np.asarray(target.calibrated(parts).double().numpy())

    whole = float(logits(torch.ones(1, n))[0])
    half = np.arange(0, n, 2)
    scored = scorer.bundle.score(replace(case, tiles=case.tiles[torch.from_numpy(half)])).logit
    if abs(float(logits(torch.zeros(1, n).index_fill(1, torch.from_numpy(half), 1.0))[0]) - scored) > TOLERANCE:
        return  # this encoder lets tiles influence each other: pooling anew is not scoring anew
    single = whole - logits(1.0 - torch.eye(n))
    tally.add("loo/attention", rank_correlation(explained.attention.astype(np.float64), np.abs(single)))
    tally.add("loo/contribution", rank_correlation(explained.contribution.astype(np.float64), single))
    scores = (explained.contribution, explained.attention)
    _delete(logits, scores, allowed=np.ones(n, np.bool_), what="tiles", tally=tally, rng=rng)


def _test_genes(scorer: CohortScorer, case: CaseInputs, tally: _Tally, steps: int, rng: np.random.Generator) -> None:
    explained, target = explain_genes(scorer.bundle, case, steps=steps), Target(scorer.bundle, case)
    states, values = target.states(), target.batch.gene_values

    def logits(kept: Tensor) -> F64:
        """Logit (K,) with only the genes in ``kept`` (K, T) measured."""
        known = kept > 0
        embedded = scorer.encode_genes(values.expand(len(known), -1), known & target.batch.gene_measured)
        with torch.no_grad():
            parts = [target.fuse(s, GENOMICS, e) for s, e in zip(states, embedded, strict=True)]
            return np.asarray(target.calibrated(parts).double().numpy())

    scores = (explained.attribution, explained.attention)
    _delete(logits, scores, allowed=explained.measured, what="genes", tally=tally, rng=rng)


def _delete(
    logits: Callable[[Tensor], F64],
    scores: tuple[F32, F32],
    *,
    allowed: Mask,
    what: str,
    tally: _Tally,
    rng: np.random.Generator,
) -> None:
    """Remove shares of what is ``allowed`` by (signed, unsigned) ``scores`` and tally the changes of the logit."""
    signed, unsigned = scores
    items = np.flatnonzero(allowed)
    whole = float(logits(torch.ones(1, len(allowed)))[0])
    repeats = RANDOM[what]
    for share in SHARES:
        count = min(len(items) - 1, max(1, round(share * len(items))))
        orders = {
            "supporting": items[np.argsort(-signed[items], kind="stable")],
            "opposing": items[np.argsort(signed[items], kind="stable")],
            "attention": items[np.argsort(-unsigned[items], kind="stable")],
        }
        removed = [order[:count] for order in orders.values()]
        removed += [rng.choice(items, count, replace=False) for _ in range(repeats)]
        kept = torch.ones(len(removed), len(allowed))
        for row, gone in enumerate(removed):
            kept[row, torch.from_numpy(gone)] = 0.0
        change = logits(kept) - whole
        chance, spread = float(change[3:].mean()), float(np.abs(change[3:]).mean())
        for name, value in zip(orders, change[:3], strict=True):
            tally.add(f"{what}/{name}/{share}", float(value))
        tally.add(f"{what}/random/{share}", chance)
        if share == SHARE:
            signed_kind, unsigned_kind = KINDS[what]
            tally.add(signed_kind, float((change[1] - chance) + (chance - change[0])) / 2)
            tally.add(unsigned_kind, float(np.abs(change[2])) - spread)
