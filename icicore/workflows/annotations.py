"""Annotations of a slide: list, save, delete, import, export, and the training mask. No torch on the way in."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save as save_tensors

from icicore.embeddings.annotated_tiles import tiles_in_annotations
from icicore.embeddings.bag import Bag
from icicore.errors import AnnotationError
from icicore.fingerprint import write_bytes, write_json
from icicore.people import local_person
from icicore.settings import read_settings
from icicore.slides.annotation_geojson import Origin, from_geojson, to_geojson
from icicore.slides.annotations import Annotation, BoundsL0, read_annotation
from icicore.slides.reader import open_slide, slide_digest
from icicore.store.annotations import AnnotationRow, AnnotationStore
from icicore.types import F32, Json
from icicore.workflows.services import Services


def local_author() -> str:
    """Name under which annotations of the command line and of a page without login are saved: the local user's."""
    return local_person(read_settings()).name


@dataclass(frozen=True)
class SlideAnnotations:
    """The annotations of one slide; ``bounds_l0`` is its scanned area."""

    store: AnnotationStore
    slide_id: str
    bounds_l0: BoundsL0

    def version(self) -> str:
        """Value that changes with every change."""
        return self.store.version(self.slide_id)

    def rows(self) -> list[AnnotationRow]:
        """All annotations, oldest first."""
        return self.store.all(self.slide_id)

    def save(self, content: object, *, author: str, revision: int) -> AnnotationRow:
        """Check and save one annotation; raises AnnotationError, or Conflict when somebody else changed it."""
        annotation = read_annotation(content, self.bounds_l0)
        return self.store.put(self.slide_id, annotation, author=author, revision=revision)

    def delete(self, annotation_id: str, *, author: str, revision: int) -> None:
        """Delete one; raises Conflict when somebody else changed it."""
        self.store.delete(self.slide_id, annotation_id, author=author, revision=revision)

    def export(self, origin: Origin) -> Json:
        """All annotations as a GeoJSON FeatureCollection that QuPath opens."""
        found = [row.annotation for row in self.rows()]
        return to_geojson(found, bounds_l0=self.bounds_l0, slide_id=self.slide_id, origin=origin)

    def load(self, content: bytes, *, source: str, origin: Origin, author: str) -> Json:
        """Read a GeoJSON file, all of it or nothing; returns how many annotations were new, changed, unchanged."""
        found = from_geojson(content, bounds_l0=self.bounds_l0, slide_id=self.slide_id, origin=origin, source=source)
        return self.store.put_all(self.slide_id, found, author=author)


def open_annotations(services: Services, slide: Path, *, mpp: float | None = None) -> SlideAnnotations:
    """Annotations of a slide file; raises SlideError when it cannot be opened."""
    with open_slide(slide, mpp=mpp) as reader:
        left, top, width, height = reader.bounds_l0
    digest = services.slides.digest(slide.absolute(), slide_digest, mpp=mpp)
    return SlideAnnotations(AnnotationStore(services.database), digest[:16], (left, top, width, height))


def annotations_of(services: Services) -> Callable[[str, BoundsL0], SlideAnnotations]:
    """Open annotations by slide id and scanned area; for the tile server, which has the slide open already."""
    store = AnnotationStore(services.database)
    return lambda slide_id, bounds_l0: SlideAnnotations(store, slide_id, bounds_l0)


def export_file(services: Services, slide: Path, out: Path, *, origin: Origin) -> int:
    """Write the annotations of a slide as GeoJSON; returns their number."""
    content = open_annotations(services, slide).export(origin)
    write_json(out, content)
    return len(content["features"])


def import_file(services: Services, slide: Path, file: Path, *, origin: Origin, author: str = "") -> Json:
    """Read a GeoJSON file into the annotations of a slide, in a person's name; see `SlideAnnotations.load`."""
    return open_annotations(services, slide).load(
        file.read_bytes(), source=file.name, origin=origin, author=author or local_author()
    )


def mask_file(
    services: Services,
    slide: Path,
    out: Path,
    *,
    label: str,
    bag_of: Callable[[Path], Bag],
    bag_file: Path | None = None,
) -> Json:
    """Write the share of each tile that the annotations of a class cover, for training on regions.

    Parameters
    ----------
    label : class
    bag_of : embeds the slide where no bag is given
    bag_file : bag of the slide, from ``icicore embed --out``

    Raises
    ------
    AnnotationError : no annotation of that class, or the bag belongs to another slide
    """
    annotations = open_annotations(services, slide)
    found = [row.annotation for row in annotations.rows()]
    _require_class(found, label, slide)
    bag = Bag.load(bag_file) if bag_file is not None else bag_of(slide)
    if bag.slide_digest[:16] != annotations.slide_id:
        raise AnnotationError(
            bag_file or slide, "belongs to another slide", expected=f"the bag of {slide.name}", remedy="embed it again"
        )
    coverage = tiles_in_annotations(bag, found, label=label)
    write_mask(out, bag, coverage, label=label)
    whole, some = int((coverage >= 1).sum()), int((coverage > 0).sum())
    return {"out": str(out), "label": label, "n_tiles": len(bag), "covered": some, "wholly": whole}


def _require_class(found: list[Annotation], label: str, slide: Path) -> None:
    there = sorted({a.label for a in found if a.is_area})
    if label not in there:
        raise AnnotationError(
            slide,
            f"has no area annotated as {label!r:.70}",
            expected="one of: " + (", ".join(there) or "(no areas)"),
            remedy="draw one or import it",
        )


def write_mask(path: Path, bag: Bag, coverage: F32, *, label: str) -> None:
    """Write a mask: ``coverage`` float32 (n,) and ``index`` int32 (n, 2), with slide, bag and class in the metadata."""
    note = {"schema": 1, "slide_digest": bag.slide_digest, "spec_key": bag.spec_key, "label": label}
    arrays = {"coverage": coverage, "index": np.ascontiguousarray(bag.index)}
    write_bytes(path, save_tensors(arrays, metadata={"icicore.mask": json.dumps(note, sort_keys=True)}))
