"""Score and explain: the path from a case to prediction.json and to the files that the viewer shows."""

import dataclasses
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from icicore.access import Person
from icicore.domain import GENOMICS, HISTOLOGY, Case
from icicore.embeddings.bag import Bag
from icicore.embeddings.cache import EmbeddingCache
from icicore.embeddings.embed import embed_slide
from icicore.embeddings.encoder import TileEncoder
from icicore.explain.clinical import explain_clinical
from icicore.explain.features import FeatureRow, rank_features
from icicore.explain.genes import GeneExplanation, explain_genes
from icicore.explain.gradcam import slide_gradcam, tile_gradients
from icicore.explain.histology import HistologyMeasures
from icicore.explain.layers import Layer, SlideFrame, TileScores, write_slide_folder
from icicore.explain.leave_one_out import leave_one_out
from icicore.explain.modalities import explain_modalities
from icicore.explain.tiles import TileExplanation, explain_tiles
from icicore.fingerprint import write_json
from icicore.models.bundle import ModelBundle
from icicore.slides.reader import open_slide, slide_digest
from icicore.slides.tiling import TileGrid
from icicore.types import F32, Json, Progress, no_progress
from icicore.workflows.drift import record_drift
from icicore.workflows.evidence import COARSEST, Evidence, SlideEvidence, gather, open_case_slide
from icicore.workflows.prediction_json import Findings, assemble
from icicore.workflows.records import record_score
from icicore.workflows.services import BundleRef, Services
from icicore.workflows.tile_neighbours import BAG_FILE
from icicore.workflows.whatif import keep_inputs

DEFAULT_BACKBONE = "efficientnet_lite0"


@dataclass(frozen=True)
class Scored:
    """A scored case with what the explanation needs; ``tiles`` is None without histology."""

    prediction: Json
    evidence: Evidence
    bundle: ModelBundle
    tiles: TileExplanation | None
    genes: GeneExplanation | None
    features: tuple[FeatureRow, ...]


def score(
    services: Services,
    case: Case,
    ref: BundleRef,
    *,
    drop: Collection[str] = (),
    keep_maps: bool = False,
    progress: Progress = no_progress,
) -> Scored:
    """Score a case under a bundle, with the explanations that cost no further pass over the slide.

    ``keep_maps`` keeps what Grad-CAM needs of a slide that is embedded now; `write_explanation` uses it up.

    Raises
    ------
    InputError
        The case cannot be scored.
    """
    start = time.perf_counter()
    bundle = services.bundle(ref)
    evidence = gather(services, case, bundle, drop=drop, keep_maps=keep_maps, progress=progress)
    result = bundle.score(evidence.inputs)
    used = [m for m, weight in result.modality_weights.items() if weight is not None]
    tiles = explain_tiles(bundle, evidence.inputs) if HISTOLOGY in used else None
    genes = explain_genes(bundle, evidence.inputs) if GENOMICS in used else None
    clinical = explain_clinical(bundle, evidence.inputs) if "clinical" in used else None
    seconds = {**evidence.seconds, "total": time.perf_counter() - start}
    findings = Findings(
        score=result, modalities=explain_modalities(bundle, evidence.inputs), genes=genes, seconds=seconds
    )
    return Scored(
        prediction=assemble(evidence, bundle, ref, findings),
        evidence=evidence,
        bundle=bundle,
        tiles=tiles,
        genes=genes,
        features=tuple(rank_features(tiles=tiles, genes=genes, clinical=clinical, measures=_measures(evidence))),
    )


def _measures(evidence: Evidence) -> tuple[HistologyMeasures, ...]:
    """Measures of all slides; none if one slide has none, because the tiles of a case are explained together."""
    found = tuple(s.measures for s in evidence.slides if s.measures is not None)
    return found if len(found) == len(evidence.slides) else ()


def write_explanation(
    services: Services, scored: Scored, out: Path, *, progress: Progress = no_progress
) -> list[list[Layer]]:
    """Write the result folder: per slide its grids, tiles and sprite sheets; features.json; last prediction.json.

    Returns the layers of each slide, in the case's order.
    """
    bags = [s.bag for s in scored.evidence.slides]
    written: list[list[Layer]] = []
    if bags and scored.tiles is not None:
        gradients = tile_gradients(scored.bundle, scored.evidence.inputs)
        single = leave_one_out(scored.bundle, scored.evidence.inputs)
        ends = np.cumsum([len(b) for b in bags])
        for slide, end in zip(scored.evidence.slides, ends, strict=True):
            rows = slice(int(end) - len(slide.bag), int(end))
            cams = _gradcam(services, scored, slide, gradients[rows], progress)
            classes = None if slide.measures is None else slide.measures.tile_class
            scores = dataclasses.replace(
                slide_scores(scored.tiles, rows, cams),
                tile_class=classes,
                leave_one_out=None if single is None else single[rows],
            )
            written.append(_write_slide(services, scored, slide, scores, out))
    write_json(out / "features.json", [row.to_json() for row in scored.features])
    write_json(out / "prediction.json", scored.prediction)
    return written


def _gradcam(services: Services, scored: Scored, slide: SlideEvidence, gradients: F32, progress: Progress) -> F32:
    with open_case_slide(scored.evidence.case, slide.path) as reader:
        return slide_gradcam(
            reader,
            slide.bag,
            encoder=services.bundle_encoder(scored.bundle),
            gradients=gradients,
            cache=services.settings.home / "gradcam",
            maps=EmbeddingCache(services.settings.embeddings_dir).entry(slide.bag.spec_key).maps,
            progress=progress,
        )


def _write_slide(
    services: Services, scored: Scored, slide: SlideEvidence, scores: TileScores, out: Path
) -> list[Layer]:
    cache = EmbeddingCache(services.settings.embeddings_dir)
    write_json(out / "slides" / slide.digest[:16] / BAG_FILE, {"spec_key": slide.bag.spec_key})
    with open_case_slide(scored.evidence.case, slide.path) as reader:
        return write_slide_folder(
            out / "slides" / slide.digest[:16],
            bag=slide.bag,
            frame=SlideFrame.of(reader),
            scores=scores,
            sheet_files=cache.entry(slide.bag.spec_key).sheet_files(),
        )


def slide_scores(tiles: TileExplanation, rows: slice, cams: F32 | None = None) -> TileScores:
    """Rows of one slide out of the case's tile explanations."""
    return TileScores(tiles.attention[rows], tiles.contribution[rows], cams)


def score_case(
    services: Services, case_key: str, *, by: Person | None = None, progress: Progress = no_progress
) -> Json:
    """Score and explain a case of the work list with the promoted bundle; updates its row and result folder."""
    from icicore.workflows.cases import load_case, result_folder
    from icicore.workflows.predictions import prediction_key, remember

    case = load_case(services, case_key)
    ref = services.bundle_ref()
    key = prediction_key(services, case, ref)
    scored = score(services, case, ref, keep_maps=True, progress=progress)
    folder = result_folder(services, case_key, ref.digest)
    keep_inputs(folder, scored.bundle, scored.evidence.inputs)  # before prediction.json, which says that all is there
    write_explanation(services, scored, folder, progress=progress)
    remember(services, key, scored.prediction)
    record_score(services, case_key, scored.prediction, by=by)
    record_score(services, case_key, scored.prediction)
    record_drift(services, case_key, scored, ref)
    _update_row(services, case_key, scored.prediction, ref)
    return scored.prediction


def _update_row(services: Services, case_key: str, prediction: Json, ref: BundleRef) -> None:
    low, high = prediction["interval95"]
    services.cases.set_state(
        case_key,
        prediction["status"],
        probability=prediction["probability"],
        interval_low=low,
        interval_high=high,
        call=prediction["call"],
        reasons=prediction["reasons"],
        bundle=ref.name,
        bundle_digest=ref.digest,
        job_id=None,
    )


def embed_default(
    services: Services,
    slide: Path,
    *,
    backbone: str = DEFAULT_BACKBONE,
    encoder: TileEncoder | None = None,
    mpp: float | None = None,
    progress: Progress = no_progress,
) -> Bag:
    """Bag of a single slide on the default tile grid; ``encoder`` stands in for a backbone of the registry."""
    with open_slide(slide, mpp=mpp) as reader:
        return embed_slide(
            reader,
            digest=services.slides.digest(slide.absolute(), slide_digest, mpp=mpp),
            grid=TileGrid(max_upsampling=COARSEST),
            encoder=encoder or services.encoder(backbone),
            cache=EmbeddingCache(services.settings.embeddings_dir),
            progress=progress,
        )


def embed_one(
    services: Services,
    slide: Path,
    *,
    backbone: str,
    mpp: float | None = None,
    out: Path | None = None,
    progress: Progress = no_progress,
) -> Json:
    """Embed a single slide; returns a summary."""
    start = time.perf_counter()
    bag = embed_default(services, slide, backbone=backbone, mpp=mpp, progress=progress)
    if out is not None:
        bag.save(out)
    reasons = [r.message for r in bag.quality.reasons()]
    return {
        "slide": slide.name,
        "digest": bag.slide_digest,
        "mpp": bag.grid.native_mpp,
        "n_tiles": len(bag),
        "dim": int(bag.embeddings.shape[1]),
        "encoder": bag.encoder_id,
        "quality": "; ".join(reasons) or "no quality limits",
        "qc": bag.quality.to_json(),
        "out": None if out is None else str(out),
        "seconds": round(time.perf_counter() - start, 3),
    }
