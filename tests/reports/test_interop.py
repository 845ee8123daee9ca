"""FHIR, CSV and GeoJSON of a result: right, valid, without names, the same bytes every time."""

import csv
import io
import json
import zipfile

import pytest

from icicore.reports.interop.content import pack
from icicore.reports.interop.fhir import fhir_json
from icicore.reports.interop.geojson import geojson_files
from icicore.reports.interop.tables import csv_tables
from tests.reports.make_content import SURNAME, make_content


def read(table: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.decode(), newline="")))


def resources(content) -> dict[str, dict]:
    bundle = json.loads(fhir_json(content))
    return {r["code"]["text"]: r for r in (e["resource"] for e in bundle["entry"])}


def test_fhir_is_valid_by_the_published_model():
    validator = pytest.importorskip("fhir.resources.R4B.bundle")
    found = validator.Bundle.model_validate_json(fhir_json(make_content()))
    kinds = [e.resource.__resource_type__ for e in found.entry]
    assert kinds == ["DiagnosticReport"] + ["Observation"] * 5


@pytest.mark.parametrize(
    "change", [{"status": 5}, {"subject": "me"}, {"effectiveDateTime": "yesterday"}, {"codes": "x"}]
)
def test_the_validator_would_see_a_fault(change):
    validator = pytest.importorskip("fhir.resources.R4B.bundle")
    bundle = json.loads(fhir_json(make_content()))
    bundle["entry"][0]["resource"] |= change
    with pytest.raises(ValueError):
        validator.Bundle.model_validate(bundle)


def test_fhir_holds_the_answer_in_its_units():
    found = resources(make_content())
    answer = found["Probability of objective response (RECIST 1.1 CR or PR)"]
    assert answer["valueQuantity"] == {"value": 62.5, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"}
    parts = {c["code"]["text"]: c["valueQuantity"]["value"] for c in answer["component"]}
    assert parts == {"95 % interval, lower bound": 50.0, "95 % interval, upper bound": 75.0, "Threshold": 30.0}
    weights = found["Fusion weight of each modality"]["component"]
    assert [c["code"]["text"] for c in weights] == ["Histology", "Genomics"], "what was not given has no value"
    assert found["Tumour mutational burden"]["code"]["coding"][0]["code"] == "94076-7"
    report = found["Predicted objective response to anti-PD-1 or anti-PD-L1 treatment"]
    assert report["status"] == "preliminary" and "Research use only" in report["conclusion"]
    assert "unlikely" in report["conclusion"]
    ids = {f"urn:uuid:{r['id']}" for r in found.values()}
    assert {r["reference"] for r in report["result"]} <= ids


def test_a_case_that_was_not_scored_has_no_probability():
    found = resources(make_content(probability=None, interval95=None, call=None))
    assert "Probability of objective response (RECIST 1.1 CR or PR)" not in found


def test_no_name_of_a_file_leaves():
    content = make_content()
    everything = b"".join([fhir_json(content), *csv_tables(content).values(), *geojson_files(content).values()])
    assert SURNAME.encode() not in everything
    assert b"slide abababababababab: <b>ink</b>" in everything, "the reason is there, with the id of the slide"


def test_the_tables_hold_what_the_page_shows():
    tables = csv_tables(make_content())
    answer = {r["quantity"]: (r["value"], r["unit"]) for r in read(tables["answer.csv"])}
    assert answer["probability_of_objective_response"] == ("0.625", "1")
    assert answer["training_patients"] == ("868", "patients")
    assert read(tables["comparators.csv"])[0] == {
        "score": "tmb", "value": "12.5", "percentile": "80.0", "n": "900", "response_rate": "0.4"
    }  # fmt: skip
    tiles = read(tables["tiles.csv"])
    assert len(tiles) == 5 and tiles[2]["row"] == "1" and tiles[2]["class_name"] == "tumour"
    assert tiles[0]["leave_one_out"] == "", "an older result has no such column"
    assert read(tables["genes.csv"])[0]["changes"] == "p.V600E (missense)"
    assert read(tables["clinical.csv"])[0] == {
        "name": "age", "value": "61.0", "unit": "years", "percentile": "39.0", "n": "826"
    }  # fmt: skip


def test_no_cell_is_a_formula_and_negative_numbers_stay_numbers():
    tables = csv_tables(make_content())
    gene = read(tables["genes.csv"])[0]
    assert gene["symbol"] == "'=cmd|x" and gene["attribution"] == "-0.2"


def test_geojson_counts_from_the_corner_of_the_scan():
    (tiles,) = geojson_files(make_content()).values()
    found = json.loads(tiles)
    first = found["features"][0]
    assert first["geometry"]["coordinates"][0][0] == [512.0, 256.0]
    assert first["properties"]["measurements"]["Attention"] == pytest.approx(0.1)
    assert found["response_probability"] == 0.625


def test_the_same_result_gives_the_same_bytes_and_another_one_other_identifiers():
    content = make_content()
    files = {**csv_tables(content), **geojson_files(content)}
    assert pack(files) == pack(dict(reversed(files.items())))
    assert zipfile.ZipFile(io.BytesIO(pack(files))).testzip() is None
    assert fhir_json(content) == fhir_json(make_content())
    other = json.loads(fhir_json(make_content()).replace(b"ef" * 32, b"00" * 32))
    assert other["id"] == json.loads(fhir_json(content))["id"], "ids come from the digest, not from the text"
