"""A slide to a bag: find tissue, lay the grid, read, normalise, encode. Resumable, shareable, cached."""

import dataclasses
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import tifffile  # noqa: F401 (readers load it with the first TIFF; here that would be in the middle of a slide)

from icicore.embeddings.bag import Bag, BagGrid
from icicore.embeddings.cache import CHUNK, MAPS_BYTES, CacheEntry, EmbeddingCache, EmbeddingSpec
from icicore.embeddings.chunks import (
    Arrays,
    ChunkStore,
    batch_size,
    default_workers,
    file_lock,
    run_chunks,
    storage_errors,
)
from icicore.embeddings.encoder import TileEncoder
from icicore.embeddings.sprites import SPRITE_PX, sprite, write_sheets
from icicore.embeddings.timing import NETWORK, READ, Timing
from icicore.errors import SlideError
from icicore.native import release_memory
from icicore.slides.base import SlideReader
from icicore.slides.direct import fastest_reader
from icicore.slides.focus import FOCUS_MPP, FOCUS_PX, FOCUS_WINDOWS, is_blurred
from icicore.slides.overview import Overview, read_overview
from icicore.slides.quality import QualityReport, assess
from icicore.slides.sampling import sample_tiles
from icicore.slides.stain import StainFit, fit_slide_stain, normalise
from icicore.slides.tiling import TileGrid, TilePlan
from icicore.slides.tissue import TissueMask, mask_overview
from icicore.types import F16, F32, Progress, Rgb, RgbTiles, no_progress

log = logging.getLogger(__name__)
_LARGE_OVERVIEW_PX = 2**23
"""Beyond this, what was needed to look at an overview is given back at once; it would be 0.15 GB or more."""
_NO_SPRITES = np.zeros((0, SPRITE_PX, SPRITE_PX, 3), np.uint8)


def embedding_spec(reader: SlideReader, *, digest: str, grid: TileGrid, encoder: TileEncoder) -> EmbeddingSpec:
    """Return the full specification of a slide's bag; its key finds the bag in the cache."""
    return EmbeddingSpec(
        slide_digest=digest,
        mpp=reader.mpp,
        bounds_l0=reader.bounds_l0,
        grid=grid,
        encoder=encoder.identity(),
    )


def embed_slide(
    reader: SlideReader,
    *,
    digest: str,
    grid: TileGrid,
    encoder: TileEncoder,
    cache: EmbeddingCache,
    keep_maps: bool = False,
    progress: Progress = no_progress,
    timing: Timing | None = None,
) -> Bag:
    """Embed all tissue tiles of a slide, or return the bag that was made before.

    Work is kept in chunks of 64 tiles: after a crash or a cancellation the same call continues where it stopped,
    and its result is the same to the bit. Several processes that call it share the chunks. Tiles that cannot be
    read are skipped and counted in ``bag.quality``. Beside the bag lie sprite sheets of its tiles, and with
    ``keep_maps`` the feature maps of a slide of some hundred tiles, so that Grad-CAM needs no second pass over it.
    ``timing`` learns where the time went.

    Raises
    ------
    SlideError, MissingMpp, TooCoarse, NoTissue : the slide cannot be embedded
    InputError : the cache cannot be written
    Cancelled : raised by ``progress``; finished chunks stay
    """
    spec = embedding_spec(reader, digest=digest, grid=grid, encoder=encoder)
    if (bag := cache.load(spec)) is not None:
        progress(len(bag), len(bag), "embedding")
        return bag
    fast = fastest_reader(reader)
    overview = read_overview(fast)
    tissue = mask_overview(overview, reader.mpp)
    _release(overview)
    plan = grid.plan(fast, tissue)
    entry, n_chunks = cache.entry(spec.key), -(-len(plan.index) // CHUNK)
    maps = entry.maps if keep_maps and encoder.spatial and _maps_bytes(encoder, len(plan)) <= MAPS_BYTES else None
    encoder.prepare()
    timing, workers = timing or Timing(), default_workers(encoder.device)
    judged = _tiles_for_focus(plan, tissue)
    # Before the embeddings take their room: what it needs of the largest slides is a third of a gigabyte.
    quality = assess(fast, tissue, overview=overview, blurred=() if judged else None)
    _release(overview)
    work = _Work(fast, plan, fit_slide_stain(fast, tissue), encoder, maps, timing, judged)
    with storage_errors(cache.folder):
        entry.folder.mkdir(parents=True, exist_ok=True)
    run_chunks(
        entry.parts,
        work.chunk,
        n_chunks=n_chunks,
        workers=workers,
        finished=entry.finished,
        progress=lambda n, _, what: progress(min(n * CHUNK, len(plan)), len(plan), what),
        what="embedding",
    )
    log.info("embedding: %s", timing.breakdown(workers=workers, accelerated=encoder.accelerated() is not None))
    with storage_errors(cache.folder), file_lock(entry.folder / "finish.lock", block=True):
        bag = cache.load(spec)  # another process may have been faster
        if bag is None:
            bag = _finish(work, entry, spec, quality)
        entry.parts.clear()
    return bag


def _release(overview: Overview) -> None:
    if overview.readable.size > _LARGE_OVERVIEW_PX:
        release_memory()


def encode_in_batches(encoder: TileEncoder, tiles: RgbTiles, stain: StainFit | None = None) -> F32:
    """Encode tiles in batches that suit the machine; how they are cut does not matter beyond rounding.

    ``stain`` brings them to the reference colours on the way; None leaves them as they are.
    """
    return _encoded(encoder, tiles, stain, with_maps=False, timing=Timing())[0]


def _encoded(
    encoder: TileEncoder, tiles: RgbTiles, stain: StainFit | None, *, with_maps: bool, timing: Timing
) -> tuple[F32, F16 | None]:
    """Embeddings, and with ``with_maps`` the feature maps that they are averages of."""
    if (engine := encoder.accelerated()) is not None:
        return engine.encode(tiles, stain, maps=with_maps, timing=timing)
    size = batch_size(encoder.device)
    embeddings, maps = [np.zeros((0, encoder.dim), np.float32)], []
    for start in range(0, len(tiles), size):
        part = tiles[start : start + size]
        with timing.spent(READ):
            batch = part if stain is None else normalise(part, stain)
        with timing.spent(NETWORK):
            if with_maps:
                found, kept = encoder.encode_with_maps(batch)
                maps.append(kept)
            else:
                found = encoder.encode(batch)
        embeddings.append(found)
        timing.count(len(part))
    return np.concatenate(embeddings), np.concatenate(maps) if maps else None


def _maps_bytes(encoder: TileEncoder, n_tiles: int) -> int:
    return n_tiles * encoder.dim * (encoder.input_px // 32) ** 2 * 2


@dataclass(frozen=True)
class _Work:
    """Everything a worker needs to compute a chunk.

    ``maps`` is where feature maps are kept, None if they are not; ``judged`` are the tiles whose focus is measured.
    """

    reader: SlideReader
    plan: TilePlan
    stain: StainFit
    encoder: TileEncoder
    maps: ChunkStore | None = None
    timing: Timing = field(default_factory=Timing)
    judged: frozenset[int] = frozenset()

    def chunk(self, number: int) -> Arrays:
        """Embeddings, positions in the plan and sprites of the readable tiles; whether the judged ones are blurred."""
        start, stop = number * CHUNK, min((number + 1) * CHUNK, len(self.plan))
        # Read as many as are encoded at once: they are still in the caches of the core then, and memory stays small.
        step = batch_size(self.encoder.device)
        parts = [self._batch(range(at, min(at + step, stop))) for at in range(start, stop, step)]
        if self.maps is not None and any(len(part.kept) for part in parts):
            self.maps.save(number, {"maps": np.concatenate([part.maps for part in parts if part.maps is not None])})
        sprites = [sprite for part in parts for sprite in part.sprites]
        return {
            "embeddings": np.concatenate([part.embeddings for part in parts]).astype(np.float16),
            "kept": np.concatenate([np.asarray(part.kept, np.int32) for part in parts]),
            "sprites": np.stack(sprites) if sprites else _NO_SPRITES,
            "blurred": np.asarray([blurred for part in parts for blurred in part.blurred], np.uint8),
        }

    def _batch(self, numbers: range) -> "_Batch":
        with self.timing.spent(READ):
            kept, tiles = read_tiles(self.reader, self.plan, numbers)
            sprites = [sprite(tile) for tile in tiles]
            blurred = [is_blurred(tile) for i, tile in zip(kept, tiles, strict=True) if i in self.judged]
        embeddings, maps = _encoded(
            self.encoder, tiles, self.stain, with_maps=self.maps is not None and len(tiles) > 0, timing=self.timing
        )
        return _Batch(kept, sprites, blurred, embeddings, maps)


@dataclass(frozen=True)
class _Batch:
    """Tiles that were encoded at once; see `_Work.chunk`."""

    kept: list[int]
    sprites: list[Rgb]
    blurred: list[bool]
    embeddings: F32
    maps: F16 | None


def read_tiles(reader: SlideReader, plan: TilePlan, numbers: range) -> tuple[list[int], RgbTiles]:
    """Read some tiles of a plan; returns the numbers of the readable ones and their pixels (k, px, px, 3)."""
    kept: list[int] = []
    tiles: list[np.ndarray] = []
    for i in range(numbers.start, min(numbers.stop, len(plan.index))):
        tile = plan.readable(reader, i)
        if tile is not None:
            kept.append(i)
            tiles.append(tile)
    side = plan.grid.tile_px
    return kept, np.stack(tiles) if tiles else np.zeros((0, side, side, 3), np.uint8)


def _tiles_for_focus(plan: TilePlan, tissue: TissueMask) -> frozenset[int]:
    """Tiles whose focus is judged while they are at hand; none where they are not what the limits were found on."""
    if (plan.grid.mpp, plan.grid.tile_px) != (FOCUS_MPP, FOCUS_PX) or plan.upsampling > 1:
        return frozenset()
    return sample_tiles(plan, tissue, count=FOCUS_WINDOWS)


def _finish(work: _Work, entry: CacheEntry, spec: EmbeddingSpec, quality: QualityReport) -> Bag:
    """Join all chunks into the bag and its sprite sheets; the bag is written last.

    ``quality`` is that of the slide, without what only its tiles tell.
    """
    plan = work.plan
    kept: list[np.ndarray] = []
    blurred: list[bool] = []
    n_chunks = -(-len(plan.index) // CHUNK)
    # Filled in place: of the largest slides the embeddings are all that memory has to hold.
    embeddings = np.empty((len(plan.index), work.encoder.dim), np.float16)

    def sprites() -> Iterator[RgbTiles]:
        for number in range(n_chunks):
            part = entry.parts.load(number)
            if part is None or "blurred" not in part:  # damaged, removed by hand, or of an earlier version
                part = work.chunk(number)
            start = sum(map(len, kept))
            kept.append(part["kept"])
            blurred.extend(part["blurred"].astype(bool).tolist())
            embeddings[start : start + len(part["kept"])] = part["embeddings"]
            yield part["sprites"]

    n = write_sheets(entry.folder, sprites())
    if n != len(plan.index):
        entry.maps.clear()  # chunks of the plan are no longer chunks of the bag
    if n == 0:
        raise SlideError(work.reader.path, "not a single tile can be read", remedy="copy or scan the slide again")
    chosen = np.concatenate(kept)
    bag = Bag(
        embeddings=embeddings[:n],
        coords_l0=plan.coords_l0[chosen],
        index=plan.index[chosen],
        slide_digest=spec.slide_digest,
        grid=_bag_grid(plan, spec.mpp),
        encoder_id=work.encoder.identifier,
        stain=work.stain,
        quality=dataclasses.replace(
            quality,
            blur_fraction=float(np.mean(blurred)) if blurred else quality.blur_fraction,
            n_tiles=n,
            unreadable_tiles=len(plan.index) - n,
            stain_method=work.stain.method,
            stain_note=work.stain.note,
            upsampling=plan.upsampling,
        ),
        spec_key=spec.key,
    )
    bag.save(entry.bag_path)
    return bag


def _bag_grid(plan: TilePlan, native_mpp: float) -> BagGrid:
    grid = plan.grid
    return BagGrid(
        origin_l0=plan.origin_l0,
        tile_l0=plan.tile_l0,
        rows=plan.rows,
        cols=plan.cols,
        tile_px=grid.tile_px,
        mpp=grid.mpp,
        native_mpp=native_mpp,
        min_tissue=grid.min_tissue,
        upsampling=plan.upsampling,
    )
