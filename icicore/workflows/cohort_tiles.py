"""Give a bundle reference tiles: a small, even choice among the tiles of its training patients."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from icicore.embeddings.bag import Bag
from icicore.errors import BundleError, StudyError
from icicore.models.tile_classes import TILE_CLASSES, load_tile_head
from icicore.models.tile_library import UNKNOWN, TileLibrary, write_tile_library
from icicore.slides.deepzoom import encode_jpeg
from icicore.training.leakage import part_of
from icicore.training.study_slides import SLIDES
from icicore.training.study_tables import Patient, guarded, read_patients, read_table
from icicore.types import F16, Progress, Rgb, no_progress
from icicore.workflows.registry_entries import find_registered
from icicore.workflows.services import BundleRef, Services, bundle_ref
from icicore.workflows.tile_pictures import BankTile, bank_tiles, paint_tile, slide_picture, tile_key

TILES = 512
SIDE_PX = 128
"""Largest side of a picture."""
_QUALITY = 80
_PER_CLASS = 2
"""Candidates of one class that a patient may give, so that no patient is in many tiles."""
_WHAT = "reference tiles"


@dataclass(frozen=True)
class Candidate:
    """A tile that may be chosen; ``number`` is its place in the bag of ``path``."""

    path: Path
    number: int
    embedding: F16
    tile_class: str
    patient: Patient

    @property
    def stratum(self) -> tuple[str, str, bool]:
        """What the choice is even over."""
        return self.tile_class, self.patient.site, self.patient.responder


def make_tile_library(
    services: Services, name: str, study: Path, *, tiles: int = TILES, seed: int = 0, progress: Progress = no_progress
) -> TileLibrary:
    """Choose tiles of a bundle's training patients and write them beside the bundle.

    Parameters
    ----------
    study : the study that the bundle was trained on
    tiles : how many; about as many of each class, site and outcome
    seed : the same seed gives the same file

    Raises
    ------
    BundleError
        the bundle cannot be read, or the study does not hold its training patients
    StudyError
        no pictures can be had of the tiles, or they come from another encoder
    """
    ref = find_registered(services, name).ref
    if ref is None:
        raise BundleError(name, "cannot be read", remedy="copy it back")
    return _make(services, ref, study, tiles=tiles, seed=seed, progress=progress)


def add_tile_library(services: Services, folder: Path, study: Path, *, progress: Progress = no_progress) -> TileLibrary:
    """As ``make_tile_library`` for a bundle folder wherever it lies, such as one that was just trained."""
    place = folder.resolve()
    return _make(services, bundle_ref(place.parent, place.name), study, progress=progress)


def _make(
    services: Services, ref: BundleRef, study: Path, *, tiles: int = TILES, seed: int = 0, progress: Progress
) -> TileLibrary:
    rng = np.random.default_rng([seed, *b"reference tiles"])
    source = _Source(services, ref, study)
    found = list(source.candidates(training_patients(ref, study), rng, progress))
    if not found:
        raise StudyError(study, "has no tiles of the training patients", expected=SLIDES, remedy="name its study")
    chosen = even_choice(found, tiles, rng)
    pictures = source.pictures(chosen, progress)
    kept = [(c, p) for c, p in zip(chosen, pictures, strict=True) if p is not None]
    if not kept:
        raise StudyError(
            study,
            "has bags without slides, and their tiles are not in the tile bank",
            expected="slide files in slides.tsv, or the bank under the home folder that the bags were composed of",
            remedy="list the slides, or set ICICORE_HOME to the home folder of the simulation",
        )
    library = _library([c for c, _ in kept], [p for _, p in kept], source)
    write_tile_library(ref.folder, ref.digest, library)
    return library


def training_patients(ref: BundleRef, study: Path) -> list[Patient]:
    """The patients of the study that the bundle was trained on; neither those for validation nor for test.

    Raises
    ------
    BundleError
        some of them are not in the study
    """
    cohort = ref.spec.get("cohort") or {}
    wanted = (cohort.get("case_hashes") or {}).get("train", ())
    people = read_patients(study, [])
    parts = part_of(cohort, [p.patient for p in people]) if wanted else []
    found = [p for p, part in zip(people, parts, strict=False) if part == "train"]
    if not found or len(found) < len(wanted):
        expected = f"all {len(wanted)} training patients of the bundle"
        raise BundleError(
            ref.name, f"{study.resolve().name} holds {len(found)} of them", expected=expected, remedy="name its study"
        )
    return found


def even_choice(candidates: Sequence[Candidate], n: int, rng: np.random.Generator) -> list[Candidate]:
    """At most ``n`` of the candidates in random order, taken in turns from every class, site and outcome."""
    strata: dict[tuple[str, str, bool], list[Candidate]] = defaultdict(list)
    for k in rng.permutation(len(candidates)):
        strata[candidates[k].stratum].append(candidates[k])
    turns: list[Candidate] = []
    for turn in range(max(map(len, strata.values()))):
        turns += [strata[key][turn] for key in sorted(strata) if turn < len(strata[key])]
    chosen = turns[:n]
    return [chosen[k] for k in rng.permutation(len(chosen))]


class _Source:
    """Embeddings and pixels of the tiles of one study."""

    def __init__(self, services: Services, ref: BundleRef, study: Path) -> None:
        self._services, self._ref, self._study = services, ref, study
        self.encoder_id = _encoder_id(services, ref)
        self.side_um = 0.0

    def candidates(
        self, patients: Sequence[Patient], rng: np.random.Generator, progress: Progress
    ) -> Iterator[Candidate]:
        """A few tiles of each class of every patient."""
        people = {p.patient: p for p in patients}
        if not (self._study / SLIDES).is_file():
            return
        table = read_table(guarded(self._study, SLIDES), ("patient", "path")).drop_duplicates(["patient", "path"])
        rows = table[table["patient"].isin(people)]
        for done, (patient, name) in enumerate(zip(rows["patient"], rows["path"], strict=True)):
            progress(done, len(rows), _WHAT)
            path = guarded(self._study, name)
            bag = self._bag(path)
            self.side_um = bag.grid.tile_px * bag.grid.mpp
            names = _classes(bag)
            order = rng.permutation(len(bag))
            for kind in sorted(set(names)):
                for i in [int(i) for i in order if names[i] == kind][:_PER_CLASS]:
                    yield Candidate(path, i, bag.embeddings[i], kind, people[patient])

    def pictures(self, chosen: Sequence[Candidate], progress: Progress) -> list[bytes | None]:
        """JPEG of each tile, None where there are no pixels."""
        bank = bank_tiles(self._services, self.encoder_id) if any(_is_bag(c.path) for c in chosen) else {}
        places = [bank.get(tile_key(c.embedding)) if _is_bag(c.path) else None for c in chosen]
        found: list[bytes | None] = [None] * len(chosen)
        # One slide after the other: opening one, or laying one out, costs more than its tiles.
        for done, k in enumerate(sorted(range(len(chosen)), key=lambda k: _slide_of(chosen[k], places[k]))):
            progress(done, len(chosen), _WHAT)
            pixels = self._pixels(chosen[k], places[k])
            found[k] = None if pixels is None else _jpeg(pixels)
        return found

    def _pixels(self, one: Candidate, place: BankTile | None) -> Rgb | None:
        if place is not None:
            return paint_tile(place)
        return None if _is_bag(one.path) else slide_picture(one.path, self._bag(one.path), one.number, side_px=SIDE_PX)

    def _bag(self, path: Path) -> Bag:
        if not path.exists():
            raise StudyError(path, "is listed in slides.tsv but missing", remedy="add it or remove the row")
        bag = Bag.load(path) if _is_bag(path) else self._embedded(path)
        if bag.encoder_id != self.encoder_id:
            raise StudyError(path, f"comes from {bag.encoder_id}", expected=self.encoder_id, remedy="embed it anew")
        return bag

    def _embedded(self, slide: Path) -> Bag:
        from icicore.workflows.inference import embed_default

        encoder = self._services.bundle_encoder(self._services.bundle(self._ref))
        return embed_default(self._services, slide, encoder=encoder)


def _encoder_id(services: Services, ref: BundleRef) -> str:
    """Encoder of the bags that the bundle scores: its own where it was tuned with the model."""
    bundle = services.bundle(ref)
    if bundle.backbone_stage:
        return services.bundle_encoder(bundle).identifier
    return f"{bundle.spec.backbone}@{bundle.spec.backbone_digest}"


def _classes(bag: Bag) -> list[str]:
    """Tissue class of each tile by the head; unknown where the encoder has none."""
    head = load_tile_head(bag.encoder_id)
    if head is None or not len(bag):
        return [UNKNOWN] * len(bag)
    return [TILE_CLASSES[k] for k in head(bag.embeddings).tile_class]


def _slide_of(one: Candidate, place: BankTile | None) -> str:
    return str(one.path if place is None else place.spec)


def _is_bag(path: Path) -> bool:
    return path.suffix == ".safetensors"


def _jpeg(pixels: Rgb) -> bytes:
    if pixels.shape[0] > SIDE_PX:
        pixels = np.asarray(cv2.resize(pixels, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA), np.uint8)
    return encode_jpeg(pixels, _QUALITY)


def _library(chosen: Sequence[Candidate], pictures: Sequence[bytes], source: _Source) -> TileLibrary:
    classes, sites = (sorted({c.stratum[k] for c in chosen}) for k in (0, 1))
    return TileLibrary(
        embeddings=np.stack([c.embedding for c in chosen]),
        pictures=tuple(pictures),
        tile_class=np.array([classes.index(c.tile_class) for c in chosen], np.int32),
        site=np.array([sites.index(c.patient.site) for c in chosen], np.int32),
        responder=np.array([c.patient.responder for c in chosen], np.bool_),
        classes=tuple(str(name) for name in classes),
        sites=tuple(str(name) for name in sites),
        encoder_id=source.encoder_id,
        side_um=source.side_um,
        patients=len({c.patient.patient for c in chosen}),
    )
