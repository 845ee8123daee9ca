"""What a person draws on a slide: a polygon or points with a class and a comment, or a verdict on highlighted tiles.

Geometry is kept as in GeoJSON, in level-0 px of the whole slide file, to a thousandth of a pixel.
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import shapely
from shapely.errors import ShapelyError
from shapely.geometry import mapping, shape

from icicore.errors import AnnotationError
from icicore.types import Json

Geometry: TypeAlias = Json
"""``{"type": "Polygon" | "MultiPolygon" | "Point" | "MultiPoint", "coordinates": ...}``."""
Colour: TypeAlias = tuple[int, int, int]
"""Red, green, blue, 0-255."""
BoundsL0: TypeAlias = tuple[float, float, float, float]
"""Left, top, width, height in level-0 px."""

CLASSES: Mapping[str, Colour] = {
    "Tumor": (213, 94, 0),
    "Stroma": (0, 158, 115),
    "Immune cells": (0, 114, 178),
    "Necrosis": (90, 90, 90),
    "Other": (230, 159, 0),
    "Artefact": (204, 121, 167),
}
"""Classes offered first, by the names that QuPath offers too, in colours that the colour-blind tell apart."""
AGREE, DISAGREE = VERDICTS = ("agree", "disagree")
VERDICT_CLASSES: Mapping[str, tuple[str, Colour]] = {
    AGREE: ("Agree with model", (0, 114, 178)),
    DISAGREE: ("Disagree with model", (213, 94, 0)),
}
KINDS = ("Polygon", "MultiPolygon", "Point", "MultiPoint")
MAX_POSITIONS, MAX_LABEL, MAX_COMMENT = 50_000, 64, 4_000
_DECIMALS = 3
_MEND = 1e-3
"""Share of its area that an outline may gain or lose when it is made valid."""
_SLACK = 1.0
"""Level-0 px that a vertex may lie outside the image: other programs round to whole pixels."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class Annotation:
    """One shape on a slide.

    ``verdict`` is ``agree`` or ``disagree`` for a verdict on tiles that a layer highlights; ``about`` then says which:
    ``layer``, ``bundle``, ``tiles`` (number), ``value`` and ``unit`` of the tile that was looked at.
    """

    annotation_id: str
    geometry: Geometry
    label: str
    colour: Colour
    comment: str = ""
    verdict: str | None = None
    about: Json = field(default_factory=dict)

    @property
    def is_area(self) -> bool:
        """Whether the shape covers an area; points do not."""
        return str(self.geometry["type"]).endswith("Polygon")

    def to_json(self) -> Json:
        """Plain values."""
        return {
            "id": self.annotation_id,
            "geometry": self.geometry,
            "label": self.label,
            "colour": list(self.colour),
            "comment": self.comment,
            "verdict": self.verdict,
            "about": self.about,
        }


def colour_of(label: str) -> Colour:
    """Colour of a class: the usual one, else one that always belongs to this name."""
    if label in CLASSES:
        return CLASSES[label]
    palette = ((86, 180, 233), (240, 228, 66), (148, 103, 189), (140, 86, 75), (23, 190, 207), (188, 189, 34))
    return palette[sum(label.encode()) % len(palette)]


def read_annotation(content: object, bounds_l0: BoundsL0, *, source: str = "annotation") -> Annotation:
    """Check what a browser or a file says about one annotation.

    Parameters
    ----------
    content : plain values as of ``Annotation.to_json``; unknown keys are ignored
    bounds_l0 : the part of the slide that has pixels
    source : named in the error

    Raises
    ------
    AnnotationError : anything that is not as it should be, in one line
    """
    if not isinstance(content, dict):
        raise AnnotationError(source, "is not an object", expected="a JSON object")
    verdict = content.get("verdict")
    if verdict is not None and verdict not in VERDICTS:
        raise AnnotationError(source, f"the verdict is {verdict!r:.40}", expected="agree, disagree or null")
    label = read_text(content.get("label"), MAX_LABEL, source=source, what="class", empty=False)
    about = content.get("about") or {}
    return Annotation(
        annotation_id=read_id(content.get("id"), source=source),
        geometry=read_geometry(content.get("geometry"), bounds_l0, source=source),
        label=label,
        colour=read_colour(content.get("colour"), label),
        comment=read_text(content.get("comment") or "", MAX_COMMENT, source=source, what="comment"),
        verdict=verdict,
        about=read_about(about, source=source) if verdict else {},
    )


def read_id(value: object, *, source: str) -> str:
    """Return the identifier in its usual form: a UUID, which QuPath keeps."""
    try:
        return str(uuid.UUID(str(value)))
    except ValueError:
        raise AnnotationError(source, f"the id is {value!r:.60}", expected="a UUID") from None


def read_text(value: object, longest: int, *, source: str, what: str, empty: bool = True) -> str:
    """Text without control characters; markup is text like any other."""
    if not isinstance(value, str) or (not empty and not value.strip()):
        raise AnnotationError(source, f"the {what} is missing", expected="text")
    if len(value) > longest:
        raise AnnotationError(source, f"the {what} has {len(value)} characters", expected=f"at most {longest}")
    return _CONTROL.sub(" ", value).strip()


def read_colour(value: object, label: str) -> Colour:
    """Three bytes; anything else gives way to the colour of the class."""
    if isinstance(value, (list, tuple)) and len(value) == 3 and all(isinstance(v, int) and 0 <= v < 256 for v in value):
        return int(value[0]), int(value[1]), int(value[2])
    return colour_of(label)


def read_about(value: object, *, source: str) -> Json:
    """Keep the known facts of a verdict, short."""
    if not isinstance(value, dict):
        raise AnnotationError(source, "what the verdict is about is not an object", expected="a JSON object")
    known = {k: value[k] for k in ("layer", "bundle", "tiles", "value", "unit") if k in value}
    if any(not isinstance(v, (str, int, float)) or len(str(v)) > 64 for v in known.values()):
        raise AnnotationError(source, "what the verdict is about is malformed", expected="short texts and numbers")
    return known


def read_geometry(value: object, bounds_l0: BoundsL0, *, source: str) -> Geometry:
    """Check kind, numbers, validity and bounds; positions are rounded to a thousandth of a pixel.

    Raises
    ------
    AnnotationError : another kind, too many positions, not a number, open, crossing or empty rings, outside the image
    """
    if not isinstance(value, dict) or value.get("type") not in KINDS:
        kind = value.get("type") if isinstance(value, dict) else value
        raise AnnotationError(source, f"the geometry is {kind!r:.40}", expected=", ".join(KINDS))
    try:
        coordinates = _rounded(value["coordinates"])
        positions = list(_positions(coordinates))
        closed = not value["type"].endswith("Polygon") or all(r[0] == r[-1] for r in _rings(coordinates))
        found = shape({"type": value["type"], "coordinates": coordinates})
    except (KeyError, TypeError, ValueError, IndexError, RecursionError, ShapelyError):
        raise AnnotationError(source, "its coordinates cannot be read", expected="[x, y] pairs in pixels") from None
    if not 0 < len(positions) <= MAX_POSITIONS:
        raise AnnotationError(source, f"it has {len(positions)} positions", expected=f"1 to {MAX_POSITIONS}")
    if not closed:
        raise AnnotationError(source, "a ring is open", expected="the first position again at its end")
    if not found.is_valid:
        reason = shapely.is_valid_reason(found).partition("[")[0].lower()
        raise AnnotationError(
            source, f"the outline is not valid ({reason})", expected="an outline that crosses nothing"
        )
    if value["type"].endswith("Polygon") and found.area <= 0:
        raise AnnotationError(source, "it covers no area", expected="a polygon with an inside")
    _check_bounds(positions, bounds_l0, source)
    return {"type": str(value["type"]), "coordinates": coordinates}


def mended(value: object) -> object:
    """An area whose outline touches itself, made valid; whatever covers another area then stays as it is.

    Programs that round to hundredths of a pixel write such outlines; one that really crosses itself is not mended,
    since what it was meant to cover cannot be told.
    """
    if not isinstance(value, dict) or not str(value.get("type")).endswith("Polygon"):
        return value
    try:
        found = shape({"type": value["type"], "coordinates": _rounded(value["coordinates"])})
        if found.is_valid:
            return value
        sound = shapely.make_valid(found)
        if sound.geom_type == "GeometryCollection":  # a spike leaves a line behind, which covers nothing
            sound = shapely.union_all([part for part in sound.geoms if part.geom_type.endswith("Polygon")])
        if not sound.geom_type.endswith("Polygon") or abs(sound.area - found.area) > _MEND * found.area:
            return value
    except (KeyError, TypeError, ValueError, IndexError, RecursionError, ShapelyError):
        return value
    return to_geometry(sound)


def _check_bounds(positions: list[list[float]], bounds_l0: BoundsL0, source: str) -> None:
    left, top, width, height = bounds_l0
    for x, y in positions:
        if not (left - _SLACK <= x <= left + width + _SLACK and top - _SLACK <= y <= top + height + _SLACK):
            raise AnnotationError(
                source,
                f"a position ({x:g}, {y:g}) lies outside the image",
                expected=f"x {left:g} to {left + width:g}, y {top:g} to {top + height:g} level-0 px",
                remedy="check that it belongs to this slide and is counted from the right corner",
            )


def shifted(geometry: Geometry, dx: float, dy: float) -> Geometry:
    """Move a geometry, in px."""

    def move(value: Any) -> Any:
        if isinstance(value[0], (int, float)):
            return [round(value[0] + dx, _DECIMALS), round(value[1] + dy, _DECIMALS)]
        return [move(v) for v in value]

    return {"type": geometry["type"], "coordinates": move(geometry["coordinates"])}


def to_shape(geometry: Geometry) -> shapely.Geometry:
    """Return the geometry as a Shapely object."""
    return shape(geometry)


def to_geometry(found: shapely.Geometry) -> Geometry:
    """Plain values of a Shapely object, rounded as everything here."""
    plain = mapping(found)
    return {"type": plain["type"], "coordinates": _rounded(plain["coordinates"])}


def _rounded(value: Any, depth: int = 0) -> Any:
    if depth > 4 or isinstance(value, (str, bool)):
        raise ValueError("not coordinates")
    if isinstance(value, (int, float)):
        number = round(float(value), _DECIMALS)
        if not abs(number) < 1e9:
            raise ValueError("not a position")
        return number
    rounded = [_rounded(v, depth + 1) for v in value]
    # Some programs write a third coordinate (the plane); a slide has one plane.
    return rounded[:2] if len(rounded) == 3 and isinstance(rounded[0], float) else rounded


def _positions(value: Any) -> Iterator[list[float]]:
    if isinstance(value[0], float):
        if len(value) != 2:
            raise ValueError("not a position")
        yield value
        return
    for item in value:
        yield from _positions(item)


def _rings(value: Any) -> Iterator[Any]:
    if isinstance(value[0][0], float):
        yield value
        return
    for item in value:
        yield from _rings(item)
