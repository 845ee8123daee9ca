"""Fit the tile-class head on virtual tiles and measure it on virtual slides that it has not seen."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import stats

from icicore.embeddings.bag import Bag
from icicore.explain.histology import TIL_DENSITY, TUMOUR_STROMA, histology_measures
from icicore.models.tile_class_fit import FitSpec, LabelledEmbeddings, fit_weights
from icicore.models.tile_classes import TILE_CLASSES, TileClassHead
from icicore.simulate.slide_specs import bank_specs
from icicore.simulate.truth import SlideTruth
from icicore.types import F64, Json, Progress, no_progress
from icicore.workflows.class_tiles import CLASS_OF_TRUTH, LabelledTiles, TilePlace, class_specs, class_tiles
from icicore.workflows.services import Services
from icicore.workflows.simulation import BANK_SEED
from icicore.workflows.tile_bank import BankPlace, bank_slides

_Int = npt.NDArray[np.int64]


@dataclass(frozen=True)
class HeadPlan:
    """What to fit: ``slides`` are painted from ``seed``, every sixth is kept for testing."""

    backbone: str = "efficientnet_lite0"
    slides: int = 48
    seed: int = 20_261_121
    fit: FitSpec = field(default_factory=FitSpec)


def labelled_tiles(services: Services, plan: HeadPlan, *, progress: Progress = no_progress) -> LabelledTiles:
    """Tiles of known class, painted and embedded once and kept under the home folder."""
    encoder_id = services.encoder(plan.backbone).identifier
    place = TilePlace(services.settings.home / "class-tiles", plan.backbone, encoder_id, services.settings.weights_dir)
    return class_tiles(place, class_specs(plan.slides, plan.seed), progress=progress)


def held_out(tiles: LabelledTiles) -> npt.NDArray[np.bool_]:
    """Tiles (n,) of the slides that are kept for testing: every sixth pair, so all sites and tumour types occur."""
    return np.asarray(tiles.slide // 2 % 6 == tiles.slide // 12 % 6)


def fit_head(tiles: LabelledTiles, encoder_id: str, plan: HeadPlan) -> TileClassHead:
    """Fit on all slides that are not held out, in all their looks; the card says how it does on the others."""
    train = flatten(tiles.where(~held_out(tiles)))
    head = TileClassHead(encoder_id, fit_weights(train, plan.fit), {})
    test = tiles.where(held_out(tiles))
    card: Json = {
        "trained_on": "virtual tiles only",
        "plan": asdict(plan),
        "slides": {"fit": plan.slides - len(np.unique(test.slide)), "test": len(np.unique(test.slide))},
        "tiles": {"fit": int(len(train.label) / len(tiles.embeddings)), "test": len(test.label)},
        "test_recall": recall(head, test.embeddings[0], test.label),
        "test_recall_varied": recall(
            head, np.concatenate(list(test.embeddings[1:])), np.tile(test.label, len(test.embeddings) - 1)
        ),
    }
    return TileClassHead(encoder_id, head.weights, card)


def flatten(tiles: LabelledTiles) -> LabelledEmbeddings:
    """All looks of all tiles as rows."""
    looks = len(tiles.embeddings)
    return LabelledEmbeddings(
        tiles.embeddings.reshape(-1, tiles.embeddings.shape[-1]),
        np.tile(tiles.label, looks),
        np.tile(tiles.density, looks),
        np.tile(tiles.share, looks),
    )


def confusion(head: TileClassHead, embeddings: npt.NDArray[np.float16], label: npt.NDArray[np.int8]) -> _Int:
    """Counts (7, 7), rows truth, columns prediction."""
    out = np.zeros((len(TILE_CLASSES),) * 2, np.int64)
    if len(label):
        np.add.at(out, (label.astype(int), head(embeddings).tile_class), 1)
    return out


def recall(
    head: TileClassHead, embeddings: npt.NDArray[np.float16], label: npt.NDArray[np.int8]
) -> dict[str, float | None]:
    """Recall of each class, null where the class does not occur."""
    table = confusion(head, embeddings, label)
    return {
        name: round(float(table[k, k] / table[k].sum()), 3) if table[k].sum() else None
        for k, name in enumerate(TILE_CLASSES)
    }


def bank_of(
    services: Services, *, backbone: str, n_slides: int, progress: Progress = no_progress
) -> list[tuple[Bag, SlideTruth]]:
    """Whole virtual slides with their truth: those of the tile bank, which the head never sees."""
    encoder_id = services.encoder(backbone).identifier
    place = BankPlace(services.settings.home / "bank", backbone, encoder_id, services.settings.weights_dir)
    return bank_slides(place, bank_specs(n_slides, BANK_SEED), progress=progress)


def measure_on_slides(head: TileClassHead, slides: Sequence[tuple[Bag, SlideTruth]]) -> Json:
    """Confusion over all tiles, agreement of the tile densities, and of both measures slide by slide."""
    table = np.zeros((len(TILE_CLASSES),) * 2, np.int64)
    seen, true, found, planted = [], [], [], []
    for bag, truth in slides:
        row = np.minimum(bag.index[:, 0], truth.tile_class.shape[0] - 1)
        col = np.minimum(bag.index[:, 1], truth.tile_class.shape[1] - 1)
        known = truth.tile_class[row, col] >= 0
        table += confusion(head, bag.embeddings[known], CLASS_OF_TRUTH[truth.tile_class[row, col][known]])
        seen.append(head(bag.embeddings).lymphocytes_per_mm2)
        true.append(truth.lymphocytes_per_mm2[row, col])
        measures = histology_measures(head, bag.embeddings, bag.index)
        found.append((measures.til_density_margin, measures.tumour_stroma_ratio))
        planted.append((truth.til_density_margin, truth.tumour_stroma_ratio))
    by_slide, by_truth = np.array(found, dtype=np.float64), np.array(planted, dtype=np.float64)
    return {
        "slides": len(slides),
        "confusion": table.tolist(),
        "tile_log_density": agreement(
            np.log(np.concatenate(seen).astype(np.float64) + 30), np.log(np.concatenate(true).astype(np.float64) + 30)
        ),
        TIL_DENSITY: agreement(by_slide[:, 0], by_truth[:, 0]),
        TUMOUR_STROMA: agreement(by_slide[:, 1], by_truth[:, 1]),
    }


def agreement(found: F64, true: F64) -> Json:
    """Correlation (Pearson, Spearman), bias (mean difference), its spread, mean of what is true; NaN left out."""
    both = np.isfinite(found) & np.isfinite(true)
    a, b = found[both], true[both]
    return {
        "n": int(both.sum()),
        "missing": int((~both).sum()),
        "pearson": round(float(stats.pearsonr(a, b).statistic), 3),
        "spearman": round(float(stats.spearmanr(a, b).statistic), 3),
        "bias": round(float((a - b).mean()), 3),
        "sd": round(float((a - b).std()), 3),
        "mean_true": round(float(b.mean()), 3),
    }
