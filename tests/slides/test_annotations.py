"""Annotations: what is accepted, what is refused in one line, and QuPath's GeoJSON in both directions."""

import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icicore.errors import AnnotationError
from icicore.slides.annotation_geojson import from_geojson, to_geojson
from icicore.slides.annotations import AGREE, Annotation, colour_of, read_annotation, read_geometry

BOUNDS = (1200.0, 400.0, 5000.0, 3000.0)
SLIDE = "0123456789abcdef"
SQUARE = [[[1300, 500], [1400, 500], [1400, 600.5], [1300, 600.5], [1300, 500]]]
HOLE = [*SQUARE, [[1320, 520], [1340, 520], [1340, 540], [1320, 540], [1320, 520]]]


def make(geometry=None, **changes):
    values = {
        "annotation_id": str(uuid.uuid4()),
        "geometry": geometry or {"type": "Polygon", "coordinates": SQUARE},
        "label": "Tumor",
        "colour": (213, 94, 0),
    }
    return Annotation(**(values | changes))


def refuse(geometry, *words, bounds=BOUNDS):
    with pytest.raises(AnnotationError) as found:
        read_geometry(geometry, bounds, source="file.geojson: annotation 3")
    line = str(found.value)
    assert line.startswith("file.geojson: annotation 3: ")
    assert "\n" not in line
    for word in words:
        assert word in line, line


@pytest.mark.parametrize(
    ("geometry", "words"),
    [
        ({"type": "LineString", "coordinates": [[1300, 500], [1400, 500]]}, ["LineString", "Polygon"]),
        ({"type": "Polygon", "coordinates": [[[1300, 500], [1400, 500], [1400, 600]]]}, ["ring is open"]),
        ({"type": "Polygon", "coordinates": [[[1300, 500], [1400, 600], [1400, 500], [1300, 600], [1300, 500]]]},
         ["not valid", "self-intersection"]),
        ({"type": "Polygon", "coordinates": [[[1300, 500], [1400, 500], [1300, 500], [1300, 500]]]}, []),
        ({"type": "Polygon", "coordinates": [[[1300, 500], [1400, float("nan")], [1400, 600], [1300, 500]]]}, ["read"]),
        ({"type": "Polygon", "coordinates": [[[1300, 500], [1400, "x"], [1400, 600], [1300, 500]]]}, ["read"]),
        ({"type": "Polygon", "coordinates": [[[0, 0], [100, 0], [100, 100], [0, 0]]]}, ["outside the image", "1200"]),
        ({"type": "Point", "coordinates": [99999, 500]}, ["outside the image"]),
        ({"type": "Point", "coordinates": []}, ["read"]),
        ({"type": "Polygon", "coordinates": []}, []),
        ({"type": "Polygon"}, ["read"]),
        (None, ["None"]),
        ("Polygon", ["Polygon"]),
    ],
)  # fmt: skip
def test_a_geometry_that_cannot_be_used_is_refused(geometry, words):
    refuse(geometry, *words)


def test_a_position_on_the_edge_is_inside():
    assert read_geometry({"type": "Point", "coordinates": [6200.4, 400]}, BOUNDS, source="x")


def test_a_third_coordinate_is_dropped_and_numbers_are_rounded():
    found = read_geometry({"type": "Point", "coordinates": [1300.12345, 500, 0]}, BOUNDS, source="x")
    assert found == {"type": "Point", "coordinates": [1300.123, 500.0]}


def test_markup_stays_text_and_control_characters_go():
    content = make().to_json() | {"comment": "<b>dense</b>\x00 & '\"", "label": "<script>alert(1)</script>"}
    found = read_annotation(content, BOUNDS)
    assert found.comment == "<b>dense</b>  & '\""
    assert found.label == "<script>alert(1)</script>"
    assert found.colour == (213, 94, 0)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"id": "../../x"}, "UUID"),
        ({"label": " "}, "class is missing"),
        ({"label": "x" * 65}, "65 characters"),
        ({"comment": "x" * 4001}, "4001 characters"),
        ({"comment": ["x"]}, "comment"),
        ({"verdict": "maybe"}, "maybe"),
        ({"verdict": "agree", "about": {"layer": ["x"]}}, "malformed"),
    ],
)
def test_other_fields_are_checked(change, word):
    with pytest.raises(AnnotationError, match=word):
        read_annotation(make().to_json() | change, BOUNDS)


def everything():
    return [
        make(comment="dense nests, née “edge”"),
        make({"type": "Polygon", "coordinates": HOLE}, label="Région <x>", colour=(1, 2, 3)),
        make({"type": "MultiPolygon", "coordinates": [SQUARE, [[[2000, 900], [2100, 900], [2100, 999], [2000, 900]]]]}),
        make({"type": "Point", "coordinates": [1234.567, 3399.999]}, label="Immune cells"),
        make({"type": "MultiPoint", "coordinates": [[1234.5, 450], [1300, 460.25]]}),
        make(verdict=AGREE, label="Agree with model", about={"layer": "attention", "value": 0.0123, "tiles": 4}),
    ]


def read_back(annotations, *, origin, bounds=BOUNDS, assumed="scan"):
    normal = [read_annotation(a.to_json(), bounds) for a in annotations]
    text = json.dumps(to_geojson(normal, bounds_l0=bounds, slide_id=SLIDE, origin=origin)).encode()
    return normal, from_geojson(text, bounds_l0=bounds, slide_id=SLIDE, source="x", origin=assumed)


@pytest.mark.parametrize("origin", ["scan", "file"])
@pytest.mark.parametrize("assumed", ["scan", "file"])
def test_a_round_trip_is_exact_whatever_the_reader_assumes(origin, assumed):
    before, after = read_back(everything(), origin=origin, assumed=assumed)
    assert after == before


@given(
    st.lists(st.tuples(st.floats(0, 4000), st.floats(0, 2900)), min_size=1, max_size=5),
    st.floats(0, 3000),
    st.floats(0, 3000),
    st.sampled_from(["scan", "file"]),
)
def test_points_anywhere_come_back_exactly(points, left, top, origin):
    bounds = (left, top, 4000.0, 2900.0)
    content = {"type": "MultiPoint", "coordinates": [[left + x, top + y] for x, y in points]}
    before, after = read_back([make(content)], origin=origin, bounds=bounds)
    (a,), (b,) = before, after
    for p, q in zip(a.geometry["coordinates"], b.geometry["coordinates"], strict=True):
        assert p == pytest.approx(q, abs=1e-3 if left % 1 or top % 1 else 1e-12)


def test_scan_coordinates_count_from_the_corner_of_the_scanned_area():
    (feature,) = to_geojson([make()], bounds_l0=BOUNDS, slide_id=SLIDE, origin="scan")["features"]
    assert feature["geometry"]["coordinates"][0][0] == [100.0, 100.0]
    (feature,) = to_geojson([make()], bounds_l0=BOUNDS, slide_id=SLIDE, origin="file")["features"]
    assert feature["geometry"]["coordinates"][0][0] == [1300.0, 500.0]


def test_the_file_is_what_qupath_reads():
    (feature,) = to_geojson([make(comment="why")], bounds_l0=BOUNDS, slide_id=SLIDE, origin="file")["features"]
    assert feature["properties"] == {
        "objectType": "annotation",
        "classification": {"name": "Tumor", "color": [213, 94, 0]},
        "metadata": {"ANNOTATION_DESCRIPTION": "why"},
    }
    assert str(uuid.UUID(feature["id"])) == feature["id"]


def qupath(**properties):
    feature = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": SQUARE}, "properties": properties}
    return json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()


def load(content, origin="file"):
    return from_geojson(content, bounds_l0=BOUNDS, slide_id=SLIDE, origin=origin, source="q.geojson")


def test_files_of_other_versions_of_qupath_are_read():
    (plain,) = load(qupath(objectType="annotation"))
    assert (plain.label, plain.colour) == ("Other", colour_of("Other"))
    (packed,) = load(qupath(classification={"name": "Tumor", "colorRGB": -3670016}))
    assert packed.colour == (200, 0, 0)
    (names,) = load(qupath(classification={"names": ["Tumor", "Positive"], "color": [9, 8, 7]}))
    assert (names.label, names.colour) == ("Tumor: Positive", (9, 8, 7))
    (named,) = load(qupath(name="left edge", isLocked=True, measurements={"a": 1}))
    assert named.comment == "left edge"
    bare = json.dumps(json.loads(qupath())["features"]).encode()
    assert load(b"\xef\xbb\xbf" + bare)[0].geometry == plain.geometry


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"\xff\xfe\x00", "is not JSON"),
        (b"{", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"type": "Topology"}', "holds no features"),
        (b'{"type": "FeatureCollection", "features": 3}', "holds no features"),
        (b"[3]", "annotation 1: is not a GeoJSON feature"),
        (qupath(objectType="detection"), "annotation 1: is of type 'detection'"),
        (qupath(metadata={"icicore.verdict": "agree", "icicore.about": "{"}), "verdict is malformed"),
        (b'{"type": "FeatureCollection", "icicore": {"slide": "ffff"}, "features": []}', "another slide"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_line(content, word):
    with pytest.raises(AnnotationError) as found:
        load(content)
    assert str(found.value).startswith("q.geojson: ")
    assert word in str(found.value)
    assert "\n" not in str(found.value)


def test_a_bound_is_told_in_the_numbers_of_the_file():
    with pytest.raises(AnnotationError, match=r"x 0 to 5000, y 0 to 3000"):
        load(json.dumps([{"type": "Feature", "geometry": {"type": "Point", "coordinates": [-50, 1]}}]).encode(), "scan")
