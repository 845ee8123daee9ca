"""The scored cases of a bundle as a cohort: gene attention by patient, and a map of their slide embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from icicore.access import Person
from icicore.store.case_query import CaseFilter, CaseOrder
from icicore.store.cases import CaseRow
from icicore.types import F32, F64, Json
from icicore.workflows.case_summary import CaseSummary, case_summary
from icicore.workflows.cases import result_folder
from icicore.workflows.services import Services
from icicore.workflows.work import case_finder

MOST = 400
"""Newest cases in a view: more columns than that cannot be told apart."""
FEWEST_FOR_MAP = 3


@dataclass(frozen=True, eq=False)
class ScoredCohort:
    """Scored cases under one state of a bundle, newest first; ``total`` counts those that are left out too."""

    rows: tuple[CaseRow, ...]
    summaries: tuple[CaseSummary, ...]
    total: int


@dataclass(frozen=True, eq=False)
class EmbeddingMap:
    """Principal components of slide embeddings.

    Attributes
    ----------
    rows : the cases that have a slide
    values : of those cases, what they can be coloured by
    xy : float64 (n, 2), the first two components
    explained : share of the variance of each of the two
    """

    rows: tuple[CaseRow, ...]
    values: tuple[Json, ...]
    xy: F64
    explained: tuple[float, float]


@dataclass(frozen=True, eq=False)
class AttentionTable:
    """Attention of the genes that get most of it: float32 (genes, cases), NaN where not measured."""

    genes: tuple[str, ...]
    rows: tuple[CaseRow, ...]
    values: F32
    tokens: int


def scored_cohort(services: Services, bundle_digest: str, *, by: Person) -> ScoredCohort:
    """Read the summaries of the cases in sight of a person that this state of a bundle has scored."""
    wanted = CaseFilter(states=("scored", "limited"), bundle_digest=bundle_digest)
    page = case_finder(services, by).page(wanted, CaseOrder("updated", descending=True), limit=MOST)
    found = [(row, case_summary(result_folder(services, row.case_key, bundle_digest))) for row in page.rows]
    kept = [(row, summary) for row, summary in found if summary is not None]
    return ScoredCohort(tuple(r for r, _ in kept), tuple(s for _, s in kept), page.total)


def embedding_map(cohort: ScoredCohort) -> EmbeddingMap | None:
    """The first two principal components; None for fewer than three cases with a slide.

    Linear and without a seed: the same cases give the same picture. The sign of a component is chosen so that its
    largest loading is positive.
    """
    sizes = [len(s.embedding) for s in cohort.summaries if len(s.embedding)]
    if not sizes:
        return None
    usual = max(set(sizes), key=sizes.count)
    kept = [i for i, s in enumerate(cohort.summaries) if len(s.embedding) == usual]
    if len(kept) < FEWEST_FOR_MAP:
        return None
    matrix = np.stack([cohort.summaries[i].embedding for i in kept]).astype(np.float64)
    xy, explained = principal_components(matrix)
    rows, values = tuple(cohort.rows[i] for i in kept), tuple(cohort.summaries[i].values for i in kept)
    return EmbeddingMap(rows, values, xy, explained)


def principal_components(matrix: F64) -> tuple[F64, tuple[float, float]]:
    """Scores on the first two principal components, (n, 2), and the share of variance of each; n is at least 3."""
    centred = matrix - matrix.mean(axis=0)
    u, s, vt = np.linalg.svd(centred, full_matrices=False)
    signs = np.sign(vt[np.arange(2), np.abs(vt[:2]).argmax(axis=1)])
    variance = s**2
    whole = float(variance.sum())
    first, second = (float(v / whole) if whole > 0 else 0.0 for v in variance[:2])
    return u[:, :2] * s[:2] * np.where(signs == 0, 1.0, signs), (first, second)


def gene_attention(cohort: ScoredCohort, *, kinds: Sequence[str], most: int = 30) -> AttentionTable:
    """Genes with the largest mean attention over the patients who have them measured; cases by probability."""
    with_genes = [i for i, s in enumerate(cohort.summaries) if len(s.attention)]
    tokens = cohort.summaries[with_genes[0]].tokens if with_genes else ()
    kept = [i for i in with_genes if cohort.summaries[i].tokens == tokens]
    columns = [k for k, (_, kind) in enumerate(tokens) if kind in kinds]
    if not kept or not columns:
        return AttentionTable((), (), np.zeros((0, 0), np.float32), 0)
    kept.sort(key=lambda i: (cohort.rows[i].probability or 0.0, cohort.rows[i].case_id))
    values = np.stack([cohort.summaries[i].attention[columns] for i in kept], axis=1)
    known = np.isfinite(values)
    mean = np.where(known, values, 0).sum(axis=1) / np.maximum(1, known.sum(axis=1))
    order = np.argsort(-mean, kind="stable")[:most]
    names = tuple(_gene(*tokens[columns[k]]) for k in order)
    return AttentionTable(names, tuple(cohort.rows[i] for i in kept), values[order].astype(np.float32), len(columns))


def _gene(symbol: str, kind: str) -> str:
    return {"mutation": f"{symbol} mutation", "expression": f"{symbol} RNA"}.get(kind, symbol)
