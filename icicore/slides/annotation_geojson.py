"""Annotations as GeoJSON that QuPath (0.4 and later) opens and writes.

QuPath counts pixels from the corner of what it shows. Where a slide states a scanned area (MIRAX, Leica SCN), it shows
only that area unless the slide was added with ``--no-crop``; then coordinates are those of the whole file.
"""

import json
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeAlias

from icicore.errors import AnnotationError
from icicore.slides.annotations import (
    VERDICT_CLASSES,
    Annotation,
    BoundsL0,
    colour_of,
    mended,
    read_annotation,
    shifted,
)
from icicore.types import Json

Origin: TypeAlias = Literal["scan", "file"]
"""Corner that coordinates are counted from: of the scanned area (QuPath's usual), or of the whole file."""
ORIGINS: tuple[Origin, ...] = ("scan", "file")
MAX_BYTES = 32 * 1024 * 1024
MAX_ANNOTATIONS = 20_000
_DEEPEST = 20
_OLD_KINDS = {
    "PathDetectionObject": "detection",
    "PathCellObject": "cell",
    "PathTileObject": "tile",
    "TMACoreObject": "tmaCore",
    "PathRootObject": "root",
}
_DESCRIPTION = "ANNOTATION_DESCRIPTION"
"""Key under which QuPath keeps the description of an annotation."""
_OURS = "icicore"


def to_geojson(annotations: Sequence[Annotation], *, bounds_l0: BoundsL0, slide_id: str, origin: Origin) -> Json:
    """Return a FeatureCollection; ``slide_id`` and the origin are noted in it, so that it reads back exactly."""
    dx, dy = _offset(bounds_l0, origin)
    features = [_feature(a, dx, dy) for a in annotations]
    note = {"slide": slide_id, "origin": origin, "origin_l0": [dx, dy], "unit": "px of level 0"}
    return {"type": "FeatureCollection", _OURS: note, "features": features}


def _offset(bounds_l0: BoundsL0, origin: Origin) -> tuple[float, float]:
    return (bounds_l0[0], bounds_l0[1]) if origin == "scan" else (0.0, 0.0)


def _feature(annotation: Annotation, dx: float, dy: float) -> Json:
    metadata = {_DESCRIPTION: annotation.comment} if annotation.comment else {}
    if annotation.verdict:
        # QuPath keeps metadata as texts.
        metadata["icicore.verdict"] = annotation.verdict
        metadata["icicore.about"] = json.dumps(annotation.about, sort_keys=True, ensure_ascii=False)
    return {
        "type": "Feature",
        "id": annotation.annotation_id,
        "geometry": shifted(annotation.geometry, -dx, -dy),
        "properties": {
            "objectType": "annotation",
            "classification": {"name": annotation.label, "color": list(annotation.colour)},
            **({"metadata": metadata} if metadata else {}),
        },
    }


def from_geojson(
    content: bytes, *, bounds_l0: BoundsL0, slide_id: str, origin: Origin = "scan", source: str
) -> list[Annotation]:
    """Read a file that QuPath or `to_geojson` wrote; all of it, or nothing.

    Parameters
    ----------
    bounds_l0 : scanned area of the slide
    slide_id : a file that names another slide is refused
    origin : corner that the file counts from, unless the file says so itself
    source : name of the file, for the error

    Raises
    ------
    AnnotationError : the file is no GeoJSON, or one of its annotations cannot be used
    """
    collection = _parse(content, source)
    note = collection.get(_OURS) or {}
    if isinstance(note, dict) and note.get("slide"):
        if note["slide"] != slide_id:
            raise AnnotationError(
                source, "was exported from another slide", expected=f"slide {slide_id}", remedy="choose its own file"
            )
        origin = note["origin"] if note.get("origin") in ORIGINS else origin
    dx, dy = _offset(bounds_l0, origin)
    features = list(_with_children(collection["features"], source))
    found = [
        _read_feature(f, (dx, dy), bounds_l0, source=f"{source}: annotation {i}") for i, f in enumerate(features, 1)
    ]
    if len({a.annotation_id for a in found}) != len(found):
        raise AnnotationError(source, "two annotations have the same id", expected="one id each")
    return found


def _parse(content: bytes, source: str) -> Json:
    if len(content) > MAX_BYTES:
        raise AnnotationError(
            source, f"has {len(content) // 2**20} MiB", expected=f"at most {MAX_BYTES // 2**20} MiB", remedy="split it"
        )
    try:
        value: Any = json.loads(content.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise AnnotationError(
            source, "is not JSON", expected="GeoJSON as QuPath exports it", remedy="export it again"
        ) from None
    if isinstance(value, list):  # QuPath also writes a bare list
        value = {"type": "FeatureCollection", "features": value}
    if isinstance(value, dict) and value.get("type") == "Feature":
        value = {"type": "FeatureCollection", "features": [value]}
    if (
        not isinstance(value, dict)
        or value.get("type") != "FeatureCollection"
        or not isinstance(value.get("features"), list)
    ):
        raise AnnotationError(source, "holds no features", expected="a GeoJSON FeatureCollection")
    if len(value["features"]) > MAX_ANNOTATIONS:
        raise AnnotationError(
            source, f"holds {len(value['features'])} objects", expected=f"at most {MAX_ANNOTATIONS} annotations"
        )
    return value


def _with_children(features: Sequence[object], source: str, depth: int = 0) -> Iterator[object]:
    """The features and those inside of them: QuPath writes a hierarchy where it was told to."""
    if depth > _DEEPEST:
        raise AnnotationError(source, "its objects are nested too deeply", expected=f"at most {_DEEPEST} levels")
    for feature in features:
        yield feature
        properties = feature.get("properties") if isinstance(feature, dict) else None
        if isinstance(properties, dict):
            inner = properties.get("childObjects") or properties.get("children")
            if isinstance(inner, list):
                yield from _with_children(inner, source, depth + 1)


def _kind_of(feature: Json, properties: Json) -> object:
    """What the object is; QuPath 0.2 said so in place of an id."""
    stated = properties.get("objectType") or properties.get("object_type")
    return stated or _OLD_KINDS.get(str(feature.get("id")), "annotation")


def _read_feature(feature: object, offset: tuple[float, float], bounds_l0: BoundsL0, *, source: str) -> Annotation:
    properties = feature.get("properties") or {} if isinstance(feature, dict) else None
    if not isinstance(feature, dict) or not isinstance(properties, dict):
        raise AnnotationError(source, "is not a GeoJSON feature", expected="an object with geometry and properties")
    if (kind := _kind_of(feature, properties)) != "annotation":
        raise AnnotationError(
            source, f"is of type {kind!r:.40}", expected="annotation", remedy="export the annotations alone"
        )
    metadata = properties.get("metadata") or {}
    about, verdict = _verdict(metadata, source)
    label, colour = _class_of(properties.get("classification"), verdict, properties.get("color"))
    comment = metadata.get(_DESCRIPTION, "") or properties.get("name", "") or ""
    geometry = _usable(feature.get("geometry"), source)
    values = {
        "id": _id_of(feature.get("id")),
        "geometry": geometry,
        "label": label,
        "colour": colour,
        "comment": comment,
        "verdict": verdict,
        "about": about,
    }
    left, top, width, height = bounds_l0
    dx, dy = offset
    # Checked where the file counts from, so that the message shows the numbers of the file.
    found = read_annotation(values, (left - dx, top - dy, width, height), source=source)
    return Annotation(**{**vars(found), "geometry": shifted(found.geometry, dx, dy)})


def _id_of(value: object) -> str:
    """Return the id of the feature where it is a UUID; older files have none, and get a new one."""
    try:
        return str(uuid.UUID(str(value)))
    except ValueError:
        return str(uuid.uuid4())


def _verdict(metadata: object, source: str) -> tuple[Json, str | None]:
    if not isinstance(metadata, dict):
        raise AnnotationError(source, "its metadata are malformed", expected="names and texts")
    if "icicore.verdict" not in metadata:
        return {}, None
    try:
        return dict(json.loads(metadata.get("icicore.about") or "{}")), str(metadata["icicore.verdict"])
    except (ValueError, TypeError):
        raise AnnotationError(source, "its verdict is malformed", expected="as exported") from None


def _usable(geometry: object, source: str) -> object:
    """The geometry, or a word on what to do with lines; an outline that touches itself after rounding is mended."""
    if isinstance(geometry, dict) and str(geometry.get("type")).endswith(("LineString", "GeometryCollection")):
        kind = str(geometry["type"])
        raise AnnotationError(
            source,
            f"the geometry is {kind!r}",
            expected="an area or points",
            remedy="leave lines and mixed shapes out of the export, or draw them as areas",
        )
    return mended(geometry)


def _class_of(value: object, verdict: str | None, own: object = None) -> tuple[str, list[int]]:
    """Class and colour; QuPath leaves the classification out where none was given, older versions pack the colour.

    ``own`` is the colour of the object itself, which counts where its class has none.
    """
    if not isinstance(value, dict) and isinstance(own, list):
        value = {"name": None, "color": own}
    if isinstance(value, dict):
        label = value.get("name")
        if label is None and isinstance(value.get("names"), list):
            label = ": ".join(map(str, value["names"]))
        colour = value.get("color")
        if colour is None and isinstance(value.get("colorRGB"), int):
            packed = value["colorRGB"] & 0xFFFFFF
            colour = [packed >> 16, packed >> 8 & 255, packed & 255]
        label = str(label or "Other")
        colour = own if colour is None and isinstance(own, list) else colour
        return label, colour if isinstance(colour, list) else list(colour_of(label))
    label, fixed = VERDICT_CLASSES.get(verdict or "", ("Other", colour_of("Other")))
    return label, list(fixed)
