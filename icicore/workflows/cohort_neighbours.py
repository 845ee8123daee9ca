"""The reference tiles of a bundle that look most like one tile of a case."""

from dataclasses import dataclass

import numpy as np

from icicore.models.tile_library import TileLibrary, read_tile_library
from icicore.types import F16, F32
from icicore.workflows.cases import CaseResult
from icicore.workflows.services import Services, bundle_folders


@dataclass(frozen=True)
class CohortTile:
    """A tile of a training patient: JPEG as scanned, and its cosine to the tile asked about, -1 to 1.

    ``tile_class`` and ``site`` are empty where nobody knows them.
    """

    picture: bytes
    tile_class: str
    site: str
    responder: bool
    cosine: float


@dataclass(frozen=True)
class CohortLikeness:
    """Most alike first; ``n`` tiles of ``patients`` training patients were compared, ``share`` of them responders'."""

    tiles: tuple[CohortTile, ...]
    n: int
    patients: int
    share: float
    side_um: float


def cohort_likeness(
    services: Services,
    result: CaseResult,
    embedding: F16,
    encoder_id: str,
    *,
    sites: tuple[str, ...] | None = None,
    most: int = 6,
) -> CohortLikeness | None:
    """Reference tiles most like an embedding (dim,); None where the bundle has none that could be compared.

    Parameters
    ----------
    encoder_id : of the embedding; tiles of another encoder cannot be compared
    sites : only patients of these sites; None for all

    Raises
    ------
    BundleError
        the files of the bundle's reference tiles are damaged
    """
    folder = bundle_folders(services.settings).get(str(result.prediction.get("bundle", {}).get("name", "")))
    library = None if folder is None else read_tile_library(folder, result.bundle_digest)
    if library is None or library.encoder_id != encoder_id or library.embeddings.shape[1] != len(embedding):
        return None
    allowed = library.of_sites(sites)
    if not allowed.any():
        return None
    cosine = np.where(allowed, _cosine(library, embedding), -np.inf)
    best = np.argsort(-cosine, kind="stable")[: min(most, int(allowed.sum()))]
    tiles = tuple(
        CohortTile(
            library.pictures[i],
            library.classes[library.tile_class[i]],
            library.sites[library.site[i]],
            bool(library.responder[i]),
            float(cosine[i]),
        )
        for i in best
    )
    share = float(library.responder[allowed].mean())
    return CohortLikeness(tiles, int(allowed.sum()), library.patients, share, library.side_um)


def _cosine(library: TileLibrary, embedding: F16) -> F32:
    rows, one = library.embeddings.astype(np.float32), embedding.astype(np.float32)
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(one)
    return np.asarray(rows @ one / np.maximum(lengths, 1e-6), np.float32)
