"""From a case to what the model sees: bags, gene features and clinical values, with every limit stated."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from icicore.clinical.features import ClinicalScaler
from icicore.clinical.features import encode as encode_clinical
from icicore.domain import CLINICAL, GENOMICS, HISTOLOGY, Case, Reason
from icicore.embeddings.bag import Bag
from icicore.embeddings.cache import EmbeddingCache
from icicore.embeddings.embed import embed_slide
from icicore.errors import CaseError, MissingMpp, SlideError
from icicore.explain.histology import HistologyMeasures, histology_measures
from icicore.genomics.assays import assay_of
from icicore.genomics.expression import Expression, read_expression
from icicore.genomics.features import GeneFeatures, encode
from icicore.genomics.mutations import MutationCalls, read_mutations
from icicore.genomics.panel import GenePanel, load_panel
from icicore.models.bundle import ModelBundle
from icicore.models.inputs import CaseInputs
from icicore.models.tile_classes import fits_scale, load_tile_head, readable_share
from icicore.slides.reader import OpenSlideReader, open_slide, slide_digest
from icicore.slides.tiling import TileGrid
from icicore.types import Progress, no_progress
from icicore.workflows.services import Services
from icicore.workflows.unlearnt import unlearnt_genes, unlearnt_slides, unlearnt_values

COARSEST = 2.0
"""Slides up to this factor coarser than the model's tiles are used, with the limit stated; coarser ones are refused."""


@dataclass(frozen=True)
class SlideEvidence:
    """One slide and its bag; ``measures`` is None where no tile-class head fits the encoder or the tile grid."""

    path: Path
    digest: str
    bag: Bag
    virtual: bool
    mpp: float
    measures: HistologyMeasures | None = None


@dataclass(frozen=True)
class Evidence:
    """Everything known about a case's inputs under one bundle."""

    case: Case
    panel: GenePanel
    inputs: CaseInputs
    slides: tuple[SlideEvidence, ...] = ()
    mutations: MutationCalls | None = None
    expression: Expression | None = None
    genes: GeneFeatures | None = None
    reasons: tuple[Reason, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def virtual(self) -> bool:
        """True when the patient and every slide are simulated."""
        return self.case.virtual and all(s.virtual for s in self.slides)


def gather(
    services: Services,
    case: Case,
    bundle: ModelBundle,
    *,
    drop: Collection[str] = (),
    keep_maps: bool = False,
    progress: Progress = no_progress,
) -> Evidence:
    """Read all modalities that are present and not dropped; ``keep_maps`` prepares Grad-CAM of slides embedded now.

    Raises
    ------
    InputError
        A file that is present cannot be used. It is never left out in silence; the user may drop its modality.
    CaseError
        Nothing is left to score.
    """
    panel = load_panel(bundle.spec.panel.rpartition("/")[2])
    evidence = Evidence(case=case, panel=panel, inputs=CaseInputs(case_id=case.case_id))
    if case.slides and HISTOLOGY not in drop:
        if bundle.spec.backbone:
            evidence = _add_histology(services, evidence, bundle, progress, keep_maps=keep_maps)
        else:
            evidence = replace(evidence, reasons=(*evidence.reasons, unlearnt_slides()))
    if (case.mutations or case.expression) and GENOMICS not in drop:
        evidence = _add_genomics(evidence, bundle)
    if case.clinical and CLINICAL not in drop:
        evidence = _add_clinical(evidence, bundle.spec.clinical_scaler)
    if not any(evidence.inputs.present):
        raise CaseError(
            case.case_id,
            "nothing is left to score",
            expected="at least one of histology, genomics, clinical",
            remedy="add a modality or drop fewer",
        )
    return evidence


def model_grid(bundle: ModelBundle) -> TileGrid:
    """The bundle's tile grid, allowing slides up to ``COARSEST`` times coarser (stated as a limit)."""
    return TileGrid(**{**bundle.spec.grid, "max_upsampling": COARSEST})


def open_case_slide(case: Case, path: Path) -> OpenSlideReader:
    """Open a slide of a case with the pixel size that the case states for it, if any.

    Raises
    ------
    MissingMpp
        Neither the file nor the case states a plausible pixel size; the message says where to put it.
    SlideError
        The slide cannot be opened.
    """
    try:
        reader = open_slide(path, mpp=case.mpp.get(path.name))
        _ = reader.mpp
    except MissingMpp as error:
        raise MissingMpp(
            path,
            error.problem,
            expected=error.expected,
            remedy=f'state it in case.json: "mpp": {{"{path.name}": 0.25}}',
        ) from None
    return reader


def _add_histology(
    services: Services, evidence: Evidence, bundle: ModelBundle, progress: Progress, *, keep_maps: bool
) -> Evidence:
    start = time.perf_counter()
    encoder = services.bundle_encoder(bundle)
    if encoder.identifier != f"{bundle.spec.backbone}@{bundle.spec.backbone_digest}":
        raise CaseError(
            bundle.name,
            f"was trained with other {encoder.name} weights ({bundle.spec.backbone_digest})",
            expected=f"the same weights as on this machine ({encoder.identifier.rpartition('@')[2]})",
            remedy="install the weights that the bundle names or use another bundle",
        )
    cache = EmbeddingCache(services.settings.embeddings_dir)
    slides: list[SlideEvidence] = []
    reasons: list[Reason] = []
    for number, path in enumerate(evidence.case.slides, start=1):
        mpp = evidence.case.mpp.get(path.name)
        with open_case_slide(evidence.case, path) as reader:
            digest = services.slides.digest(path, slide_digest, mpp=mpp)
            reasons.extend(_overruled(path, reader))
            what = f"slide {number} of {len(evidence.case.slides)}"

            def step(done: int, total: int, detail: str, what: str = what) -> None:
                progress(done, total, f"{what}: {detail}")

            bag = embed_slide(
                reader,
                digest=digest,
                grid=model_grid(bundle),
                encoder=encoder,
                cache=cache,
                keep_maps=keep_maps,
                progress=step,
            )
            slides.append(SlideEvidence(path, digest, bag, reader.is_virtual, reader.mpp, measure_bag(bag)))
        if bag.quality.stain_kind in ("IHC", "fluorescence"):
            raise SlideError(
                path,
                f"looks like {bag.quality.stain_kind}, not H&E",
                expected="an H&E-stained slide",
                remedy="remove it from slides/ or leave histology out",
            )
        reasons.extend(bag.quality.reasons())
    tiles = torch.cat([torch.from_numpy(s.bag.embeddings.astype("float32")) for s in slides])
    return replace(
        evidence,
        inputs=replace(evidence.inputs, tiles=tiles, readable=readable_tiles(slides)),
        slides=tuple(slides),
        reasons=evidence.reasons + tuple(dict.fromkeys(reasons)),
        seconds={**evidence.seconds, HISTOLOGY: time.perf_counter() - start},
    )


def _overruled(path: Path, reader: OpenSlideReader) -> tuple[Reason, ...]:
    """The reason for a stated pixel size against which the file speaks: one of both is wrong, and all tiles with it."""
    if reader.overruled_mpp is None:
        return ()
    message = (
        f"{path.name}: {reader.mpp:g} um/px as stated in case.json is used, the file says {reader.overruled_mpp:g}; "
        "if the file is right, remove the statement"
    )
    return (Reason("stated_mpp", message, HISTOLOGY),)


def readable_tiles(slides: Sequence[SlideEvidence]) -> float:
    """Share of the case's tiles that show living tissue, as in training; 1 without a head that tells."""
    classes = [s.measures.tile_class for s in slides if s.measures is not None]
    known = len(classes) == len(slides)
    return readable_share(np.concatenate(classes).astype(np.int64)) if known else 1.0


def measure_bag(bag: Bag) -> HistologyMeasures | None:
    """What the tile-class head of the bag's encoder sees, None without such a head or with tiles of another size."""
    head = load_tile_head(bag.encoder_id)
    if head is None or not fits_scale(bag.grid.tile_px, bag.grid.mpp):
        return None
    return histology_measures(head, bag.embeddings, bag.index)


def _add_genomics(evidence: Evidence, bundle: ModelBundle) -> Evidence:
    start = time.perf_counter()
    case = evidence.case
    mutations = _read_mutations(case, case.mutations) if case.mutations else None
    expression = read_expression(case.expression) if case.expression else None
    genes = encode(evidence.panel, mutations=mutations, expression=expression)
    values, usable = bundle.spec.token_scaler.transform(genes.values, genes.measured)
    unlearnt = unlearnt_genes(bundle.spec, genes.measured & ~usable)
    reasons = (mutations.warnings if mutations else ()) + (expression.warnings if expression else ()) + unlearnt
    return replace(
        evidence,
        inputs=replace(evidence.inputs, gene_values=torch.from_numpy(values), gene_measured=torch.from_numpy(usable)),
        mutations=mutations,
        expression=expression,
        genes=genes,
        reasons=evidence.reasons + tuple(reasons),
        seconds={**evidence.seconds, GENOMICS: time.perf_counter() - start},
    )


def _read_mutations(case: Case, path: Path) -> MutationCalls:
    panel = list(case.gene_panel) if isinstance(case.gene_panel, tuple) else case.gene_panel
    assay = assay_of(panel, source="case.json gene_panel")
    return read_mutations(
        path,
        case_id=case.case_id,
        sample_barcode=case.sample_barcode,
        covered_genes=None if assay is None else assay.genes,
        covered_mb=None if assay is None else assay.megabases,
    )


def _add_clinical(evidence: Evidence, scaler: ClinicalScaler) -> Evidence:
    clinical = evidence.case.clinical
    if clinical is None:
        return evidence
    values, measured = scaler.transform(clinical)
    return replace(
        evidence,
        inputs=replace(
            evidence.inputs,
            clinical_values=torch.from_numpy(values),
            clinical_measured=torch.from_numpy(measured),
        ),
        reasons=evidence.reasons + unlearnt_values(encode_clinical(clinical)[1] & ~measured),
    )
