"""Grad-CAM of one tile by pytorch-grad-cam, in the resolution of the tile, kept beside the result that it explains.

Looking one up imports no torch.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from icicore.domain import Case
from icicore.errors import CaseError
from icicore.fingerprint import atomic_path, fingerprint, write_json
from icicore.types import F32, Json, Progress, no_progress
from icicore.workflows.casefolder import case_key, read_case
from icicore.workflows.cases import CaseResult, load_result
from icicore.workflows.services import BundleRef, Services

if TYPE_CHECKING:
    from icicore.explain.tile_cam import TileCam
    from icicore.models.bundle import ModelBundle
    from icicore.workflows.evidence import Evidence, SlideEvidence

FOLDER = "tile_cams"
METHOD = "pytorch-grad-cam"
SAME_LOGIT = 1e-4
"""A case that is read again must score as its result says, to this much logit; else it has changed since."""


@dataclass(frozen=True, eq=False)
class StoredCam:
    """Grad-CAM of one tile.

    Attributes
    ----------
    image : float32 (tile_px, tile_px), the positive part in logit per position of the last feature map; 0 elsewhere
    meaning : what the numbers are: method, target, members, cells, unit, range
    """

    image: F32
    meaning: Json


def result_version(result: CaseResult) -> str:
    """Twelve digits that change when a case is scored again on other inputs with the same bundle."""
    return fingerprint({name: result.prediction.get(name) for name in ("logit", "files", "slides")})[:12]


def cam_path(result: CaseResult, slide: str, tile: int) -> Path:
    """Where the map of a tile lies, present or not; what it means lies beside it as JSON."""
    return result.folder / FOLDER / result_version(result) / f"{slide[:16]}-{tile}.f32.npy"


def find_tile_cam(result: CaseResult, slide: str, tile: int) -> StoredCam | None:
    """The finished map of a tile of this result, or None."""
    path = cam_path(result, slide, tile)
    try:
        image = np.load(path, allow_pickle=False)
        return StoredCam(image, json.loads(_meaning_path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, EOFError):  # absent, or damaged: it will be computed again
        return None


def tile_cam(
    services: Services,
    case_folder: Path,
    *,
    slide: str,
    tile: int,
    bundle: str | None = None,
    progress: Progress = no_progress,
) -> Path:
    """Compute the Grad-CAM of a tile of a scored case, or find it; returns its file.

    Parameters
    ----------
    case_folder : folder of the case
    slide : digest of the slide, or its first 16 digits
    tile : number of the tile in the slide's bag
    bundle : name of the bundle that scored the case, default the promoted one
    progress : called while a slide has to be embedded again; may raise ``Cancelled``

    Raises
    ------
    InputError
        There is no such result or tile, the inputs have changed since, or the encoder has no feature maps.
    """
    case = read_case(case_folder)
    ref = services.bundle_ref(bundle)
    result = load_result(services, case_key(case_folder), ref.digest)
    if result is None or slide[:16] not in {str(s["digest"])[:16] for s in result.slides}:
        raise CaseError(
            case.case_id, f"has no result of bundle {ref.name} for this slide", remedy="score the case again"
        )
    path = cam_path(result, slide, tile)
    if find_tile_cam(result, slide, tile) is None:
        cam, meaning = _compute(services, result, case=case, ref=ref, slide=slide, tile=tile, progress=progress)
        write_json(_meaning_path(path), meaning)
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            np.save(stream, cam)
    return path


def prepare(services: Services) -> None:
    """Load what the first map needs, so that a click after the start does not wait for it.

    Raises
    ------
    InputError
        The promoted bundle or its encoder cannot be loaded.
    """
    import icicore.explain.tile_cam
    import icicore.workflows.evidence  # noqa: F401

    services.bundle_encoder(services.bundle(services.bundle_ref()))


def _compute(
    services: Services, result: CaseResult, *, case: Case, ref: BundleRef, slide: str, tile: int, progress: Progress
) -> tuple[F32, Json]:
    from icicore.workflows.evidence import gather

    model = services.bundle(ref)
    evidence = gather(services, case, model, progress=progress)
    if abs(model.score(evidence.inputs).logit - float(result.prediction["logit"])) > SAME_LOGIT:
        raise CaseError(case.case_id, "has changed since it was scored", remedy="score the case again")
    cam = _gradcam(services, evidence, model, slide=slide, tile=tile)
    top = max(0.0, float(cam.signed.max()))
    return np.asarray(cam.image * top, "<f4"), _meaning(cam, model, top)


def _gradcam(services: Services, evidence: "Evidence", model: "ModelBundle", *, slide: str, tile: int) -> "TileCam":
    from icicore.explain.gradcam import read_bag_tile
    from icicore.explain.tile_cam import tile_gradcam
    from icicore.slides.stain import normalise
    from icicore.workflows.evidence import open_case_slide

    encoder = services.bundle_encoder(model)
    if not encoder.spatial:
        raise CaseError(evidence.case.case_id, f"has no Grad-CAM: {encoder.name} has no feature maps")
    entry, before = _place(evidence, slide, tile)
    with open_case_slide(evidence.case, entry.path) as reader:
        image = normalise(read_bag_tile(reader, entry.bag, tile)[None], entry.bag.stain)[0]
    return tile_gradcam(model, evidence.inputs, tile=before + tile, image=image, encoder=encoder)


def _place(evidence: "Evidence", slide: str, tile: int) -> tuple["SlideEvidence", int]:
    """The slide, and how many tiles of the case come before its own."""
    before = 0
    for entry in evidence.slides:
        if entry.digest[:16] == slide[:16] and 0 <= tile < len(entry.bag):
            return entry, before
        before += len(entry.bag)
    raise CaseError(evidence.case.case_id, f"has no tile {tile} on slide {slide[:16]}", remedy="score the case again")


def _meaning(cam: "TileCam", model: "ModelBundle", top: float) -> Json:
    return {
        "method": METHOD,
        "meaning": "Grad-CAM of one tile: places that raise the calibrated logit",
        "target": "calibrated logit of the mean of all members",
        "members": model.spec.members,
        "cells": int(cam.signed.shape[0]),
        "scale": "raw",
        "unit": "logit per cell",
        "range": [0.0, top],
        "signed": False,
    }


def _meaning_path(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".f32.npy") + ".json")
