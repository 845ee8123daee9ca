"""What a case folder holds beside its inputs, or under the wrong name, never goes unnoticed."""

import json
import os

import pytest

from icicore.errors import CaseError, NotAllowed
from icicore.settings import read_settings
from icicore.workflows.casefolder import read_case
from icicore.workflows.cases import load_case, open_case
from icicore.workflows.services import build_services
from tests.workflows.test_casefolder import GOOD, make


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("mutations.txt", "mutations.maf"),
        ("Mutations.MAF", "mutations.maf"),
        ("P-001.maf", "mutations.maf"),
        ("P-001.somatic.vcf.gz", "mutations.maf or mutations.vcf"),
        ("expression.csv", "expression.tsv"),
        ("expression.xlsx", "expression.tsv"),
        ("expression.parquet", "expression.tsv"),
        ("biopsy.svs", "slides/biopsy.svs"),
        ("biopsy.NDPI", "slides/biopsy.NDPI"),
    ],
)
def test_an_input_under_another_name_is_refused(tmp_path, name, wanted):
    folder = make(tmp_path / "c")
    (folder / name).write_bytes(b"x")
    with pytest.raises(CaseError, match="is not read under this name") as caught:
        read_case(folder)
    assert str(caught.value).startswith(f"{name}: ") and f"expected {wanted}" in str(caught.value)


def test_other_files_are_nobodys_concern(tmp_path):
    folder = make(tmp_path / "c")
    beside = ("mutations.vcf.gz.tbi", "mutations.maf.bak", "mutations.maf~", "expression.tsv.md5", "biopsy.svs.json")
    for name in ("README.md", "letter.pdf", "notes.txt", ".DS_Store", "prediction.json", *beside):
        (folder / name).write_bytes(b"x")
    (folder / "slides").mkdir()
    for name in ("Thumbs.db", "desktop.ini", ".hidden", "scan.xml"):
        (folder / "slides" / name).write_bytes(b"x")
    assert read_case(folder).slides == ()


@pytest.mark.parametrize("name", ["mutations.maf", "expression.tsv", "slides/a.svs"])
def test_a_link_to_nothing_is_not_an_absent_modality(tmp_path, name):
    folder = make(tmp_path / "c")
    (folder / "slides").mkdir()
    (folder / name).symlink_to(tmp_path / "unmounted")
    with pytest.raises(CaseError, match="is a link to a file that is not there"):
        read_case(folder)


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"Clinical": {"age": 3}}, "expected clinical"),
        ({"tumor_type": "nsclc"}, "expected tumour_type"),
        ({"mpps": {}}, "expected mpp"),
        ({"gene_pannel": "WES"}, "expected gene_panel"),
        ({"samplebarcode": "x"}, "expected sample_barcode"),
        ({"age": 63}, 'stands outside of "clinical"'),
        ({"LDH_ULN": 2}, 'stands outside of "clinical"'),
        ({"mpp": {"b.svs": 0.25}}, "'b.svs', which is not in slides/; expected a.svs"),
    ],
)
def test_a_misspelt_field_is_refused(tmp_path, extra, words):
    folder = make(tmp_path / "c", {**GOOD, **extra})
    (folder / "slides").mkdir()
    (folder / "slides" / "a.svs").write_bytes(b"x")
    with pytest.raises(CaseError) as caught:
        read_case(folder)
    assert words in str(caught.value) and str(caught.value).startswith("case.json: ")


def test_fields_of_others_are_left_alone(tmp_path):
    assert read_case(make(tmp_path / "c", {**GOOD, "ward": "7", "comment": "x", "schema": 1})).case_id == "P-001"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (json.dumps(GOOD)[:-1] + ', "case_id": "P-002"}', "states 'case_id' twice"),
        (json.dumps(GOOD)[:-1] + ', "x": ' + "[" * 100_000 + "]" * 100_000 + "}", "not valid JSON"),
        (json.dumps(GOOD)[:-1] + ', "x": ' + "1" * 5000 + "}", "not valid JSON"),
    ],
    ids=["twice", "deep", "long"],
)
def test_json_that_breaks_a_reader_gets_one_line(tmp_path, text, words):
    with pytest.raises(CaseError, match=words) as caught:
        read_case(make(tmp_path / "c", text))
    assert len(str(caught.value)) < 300


def test_a_byte_order_mark_is_no_error(tmp_path):
    folder = make(tmp_path / "c")
    (folder / "case.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(GOOD).encode())
    assert read_case(folder).case_id == "P-001"


@pytest.mark.parametrize("name", ["slides/a.svs", "mutations.maf", "expression.tsv", "slides"])
def test_a_link_out_of_the_roots_is_refused_in_the_app(tmp_path, name):
    root, outside = tmp_path / "root", tmp_path / "outside"
    (outside / "slides").mkdir(parents=True)
    for own in ("a.svs", "mutations.maf", "expression.tsv", "slides/a.svs"):
        (outside / own).write_bytes(b"x")
    folder = make(root / "c")
    target = outside / name.rpartition("/")[2]
    settings = read_settings({"ICICORE_HOME": str(tmp_path / "home"), "ICICORE_ROOTS": str(root)})
    services = build_services(settings)
    key = open_case(services, folder).case_key
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).symlink_to(target)
    with pytest.raises(NotAllowed, match="lies outside the folders that may be opened"):
        open_case(services, folder)
    with pytest.raises(NotAllowed, match="lies outside"):
        load_case(services, key)  # swapped after it was opened


NAMES = (
    *("a b.svs", "it's.svs", 'a "b".svs', "line\nbreak.svs", "\U0001f52c.svs"),
    *("x" * 251 + ".svs", "-rf.svs", "a;b$(c).svs"),
)


@pytest.mark.parametrize("name", NAMES)
def test_odd_names_of_slides_are_names(tmp_path, name):
    folder = make(tmp_path / "c", {**GOOD, "mpp": {name: 0.25}})
    (folder / "slides").mkdir()
    (folder / "slides" / name).write_bytes(b"x")
    case = read_case(folder)
    assert [s.name for s in case.slides] == [name]
    assert case.mpp == {name: 0.25}


def test_a_name_that_is_no_text_is_refused_in_one_line(tmp_path):
    folder = make(tmp_path / "c")
    (folder / "slides").mkdir()
    (folder / "slides" / os.fsdecode(b"slide-\xff.svs")).write_bytes(b"x")
    with pytest.raises(CaseError, match="its name is not valid UTF-8") as caught:
        read_case(folder)
    str(caught.value).encode()
