"""What the inputs of the training patients look like, kept beside a bundle, so that drift can be seen later."""

import numpy as np

from icicore.models.drift import (
    DriftReference,
    GeneScale,
    SlideAxes,
    expression_measures,
    slide_measures,
)
from icicore.models.reference import Distribution
from icicore.training.dataset import StudyData
from icicore.types import F32, F64, I32, Mask

FEWEST = 40
"""With fewer training patients of a modality neither axes nor distributions say anything."""
MOST_AXES = 8


def training_drift(study: StudyData, rows: I32, *, rng: np.random.Generator) -> DriftReference:
    """Axes from one half of the patients at ``rows``, distributions from the other half.

    ``rows`` must be those of the training part alone.
    """
    sizes = np.diff(study.offsets)[rows]
    with_slides = rng.permutation(rows[sizes > 0])
    expression = np.array([kind == "expression" for kind in study.token_kinds], np.bool_)
    measured = study.gene_measured[:, expression]
    with_genes = rng.permutation(rows[measured[rows].any(axis=1)])
    measures: dict[str, Distribution] = {}
    slides = genes = None
    if len(with_slides) >= FEWEST:
        first, second = np.array_split(with_slides, 2)
        slides = slide_axes(mean_embeddings(study, first))
        measures |= _distributions([slide_measures(slides, m) for m in mean_embeddings(study, second)])
    if len(with_genes) >= FEWEST:
        first, second = np.array_split(with_genes, 2)
        values = study.gene_values[:, expression]
        genes = gene_scale(values[first], measured[first])
        measures |= _distributions([expression_measures(genes, values[i], measured[i]) for i in second])
    return DriftReference(slides, genes, measures)


def mean_embeddings(study: StudyData, rows: I32) -> F32:
    """Float32 (n, d), mean over the tiles of each patient."""
    parts = [study.tiles[study.offsets[i] : study.offsets[i + 1]] for i in rows]
    return np.stack([part.mean(axis=0, dtype=np.float64) for part in parts]).astype(np.float32)


def slide_axes(means: F32) -> SlideAxes:
    """Mean, axes of largest spread, and median distance of patients (n, d)."""
    centre = means.mean(axis=0, dtype=np.float64)
    offsets = means - centre
    _, _, axes = np.linalg.svd(offsets, full_matrices=False)
    kept = axes[: min(MOST_AXES, len(means) // 10)]
    typical = float(np.median(np.linalg.norm(offsets, axis=1)))
    return SlideAxes(centre.astype(np.float32), kept.astype(np.float32), typical)


def gene_scale(values: F32, measured: Mask) -> GeneScale:
    """Mean and standard deviation of each gene over the patients (n, T) in whom it was measured; NaN where in none."""
    count = measured.sum(axis=0)
    known: F64 = np.where(measured, values, 0).astype(np.float64)
    mean = np.where(count > 0, known.sum(axis=0) / np.maximum(count, 1), np.nan)
    square = np.where(measured, (values - mean) ** 2, 0).sum(axis=0) / np.maximum(count, 1)
    return GeneScale(mean.astype(np.float32), np.sqrt(square).astype(np.float32))


def _distributions(rows: list[dict[str, float]]) -> dict[str, Distribution]:
    names = sorted({name for row in rows for name in row})
    return {name: Distribution.of(np.array([row.get(name, np.nan) for row in rows])) for name in names}
