"""Our GeoJSON against the standard (RFC 7946) by other packages, and files as QuPath writes them."""

import json
import uuid

import geojson
import numpy as np
import pytest
from shapely.geometry import Polygon, shape

from icicore.errors import AnnotationError
from icicore.explain.geojson import tiles_geojson
from icicore.explain.layers import TileScores
from icicore.slides.annotation_geojson import from_geojson, to_geojson
from icicore.slides.annotations import mended
from tests.factories import make_bag
from tests.slides.test_annotations import BOUNDS, HOLE, SLIDE, SQUARE, everything, make

TILE_FIELDS = {"objectType", "name", "isLocked", "measurements"}
ANNOTATION_FIELDS = {"objectType", "classification", "metadata"}
"""Names of properties that QuPath reads; others it drops without a word."""


def standard(collection):
    """The collection as another package reads it, free of faults."""
    read = geojson.loads(json.dumps(collection, allow_nan=False))
    assert isinstance(read, geojson.FeatureCollection)
    assert read.is_valid, read.errors()
    for feature in read.features:
        assert isinstance(feature, geojson.Feature)
        found = shape(feature.geometry)
        assert found.is_valid and not found.is_empty
    return read


def test_annotations_are_standard_and_hold_what_qupath_reads():
    read = standard(to_geojson(everything(), bounds_l0=BOUNDS, slide_id=SLIDE, origin="scan"))
    assert len(read.features) == len(everything())
    for feature in read.features:
        assert set(feature.properties) <= ANNOTATION_FIELDS
        assert feature.properties["objectType"] == "annotation"
        assert str(uuid.UUID(feature.id)) == feature.id
        colour = feature.properties["classification"]["color"]
        assert len(colour) == 3 and all(isinstance(v, int) and 0 <= v < 256 for v in colour)
        assert all(isinstance(v, str) for v in feature.properties.get("metadata", {}).values())


def test_tiles_are_standard_wind_as_the_standard_asks_and_hold_what_qupath_reads():
    bag = make_bag(np.random.default_rng(0), np.zeros((12, 4), np.float16))
    n = len(bag)
    scores = TileScores(np.linspace(0, 1, n).astype(np.float32), np.linspace(-1, 1, n).astype(np.float32), None)
    read = standard(tiles_geojson(bag, scores, probability=0.5))
    assert len(read.features) == n
    for feature in read.features:
        assert set(feature.properties) <= TILE_FIELDS
        assert feature.properties["objectType"] == "tile"
        assert Polygon(feature.geometry["coordinates"][0]).exterior.is_ccw
        assert all(isinstance(v, float) for v in feature.properties["measurements"].values())


def feature(geometry, **properties):
    return {"type": "Feature", "geometry": geometry, "properties": {"objectType": "annotation", **properties}}


def load(content):
    text = json.dumps(content).encode()
    return from_geojson(text, bounds_l0=BOUNDS, slide_id=SLIDE, origin="file", source="q.geojson")


AREA = {"type": "Polygon", "coordinates": SQUARE}


@pytest.mark.parametrize(
    "content",
    [
        {"type": "FeatureCollection", "features": [feature(AREA)]},
        feature(AREA),
        [feature(AREA)],
        feature({**AREA, "plane": {"c": -1, "z": 0, "t": 0}}),
        feature({**AREA, "isEllipse": True}),
        feature({"type": "Polygon", "coordinates": [[[*p, 0.0] for p in SQUARE[0]]]}),
        {**feature(AREA), "id": "PathAnnotationObject"},
        feature(AREA, measurements=[{"name": "Area", "value": float("nan")}]),
    ],
    ids=["collection", "feature", "list", "plane", "ellipse", "third coordinate", "version 0.2", "NaN measured"],
)
def test_an_area_is_read_however_it_is_wrapped(content):
    (found,) = load(content)
    assert found.geometry == {"type": "Polygon", "coordinates": [[[float(x), float(y)] for x, y in SQUARE[0]]]}


def test_holes_parts_and_points_come_in():
    parts = {"type": "MultiPolygon", "coordinates": [HOLE, [[[2000, 900], [2100, 900], [2100, 999], [2000, 900]]]]}
    points = {"type": "MultiPoint", "coordinates": [[1234.5, 450], [1300, 460.25], [1301, 461]]}
    area, many, one = load([feature(parts), feature(points), feature({"type": "Point", "coordinates": [1300, 500]})])
    assert shape(area.geometry).area == pytest.approx(100 * 100.5 - 20 * 20 + 100 * 99 / 2)
    assert len(many.geometry["coordinates"]) == 3
    assert one.geometry["type"] == "Point"


def test_objects_inside_of_others_come_in_too():
    inner = feature({"type": "Polygon", "coordinates": [HOLE[1]]}, classification={"names": ["Stroma"]})
    outer = feature(AREA, classification={"names": ["Tumor"]}, childObjects=[inner])
    assert [a.label for a in load([outer])] == ["Tumor", "Stroma"]
    cell = feature(AREA, objectType="cell")
    with pytest.raises(AnnotationError, match="annotation 2: is of type 'cell'"):
        load([feature(AREA, childObjects=[cell])])


def test_the_colour_of_the_object_counts_where_its_class_has_none():
    assert load([feature(AREA, color=[1, 2, 3])])[0].colour == (1, 2, 3)
    assert load([feature(AREA, color=[1, 2, 3], classification={"name": "X"})])[0].colour == (1, 2, 3)
    assert load([feature(AREA, color=[1, 2, 3], classification={"name": "X", "color": [9, 9, 9]})])[0].colour == (
        9,
        9,
        9,
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (feature({"type": "LineString", "coordinates": [[1300, 500], [1400, 500]]}), "leave lines"),
        (feature({"type": "GeometryCollection", "geometries": [AREA]}), "leave lines and mixed shapes"),
        ({**feature(AREA, objectType=None), "id": "PathCellObject"}, "is of type 'cell'"),
    ],
)
def test_what_is_no_area_and_no_points_is_refused_in_one_line(content, words):
    with pytest.raises(AnnotationError, match=words) as found:
        load([content])
    assert str(found.value).startswith("q.geojson: annotation 1: ")


def test_an_outline_that_touches_itself_is_mended_and_one_that_crosses_is_not():
    left, top = 1300.0, 500.0
    corners = [(0, 0), (100, 0), (100, 100), (50, 100), (50, 140), (50, 100), (0, 100), (0, 0)]
    spike = {"type": "Polygon", "coordinates": [[[left + x, top + y] for x, y in corners]]}
    (found,) = load([feature(spike)])
    assert shape(found.geometry).is_valid
    assert shape(found.geometry).area == pytest.approx(100 * 100)
    crossing = {"type": "Polygon", "coordinates": [[[1300, 500], [1400, 600], [1400, 500], [1300, 600], [1300, 500]]]}
    assert mended(crossing) is crossing
    with pytest.raises(AnnotationError, match="not valid"):
        load([feature(crossing)])


def test_what_we_write_reads_back_through_the_other_package():
    ours = [make({"type": "Polygon", "coordinates": HOLE}, comment="née")]
    text = geojson.dumps(geojson.loads(json.dumps(to_geojson(ours, bounds_l0=BOUNDS, slide_id=SLIDE, origin="scan"))))
    (back,) = from_geojson(text.encode(), bounds_l0=BOUNDS, slide_id=SLIDE, source="x")
    assert back.comment == "née" and back.annotation_id == ours[0].annotation_id
    assert shape(back.geometry).equals(shape(ours[0].geometry))
