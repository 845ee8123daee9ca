"""What a case folder may hold, and which folders may be opened."""

import json
from pathlib import Path

import pytest

from icicore.errors import CaseError, ClinicalError, NotAllowed
from icicore.workflows.casefolder import case_key, check_allowed, find_case_folders, read_case

GOOD = {"case_id": "P-001", "tumour_type": "melanoma", "clinical": {"age": 63, "sex": "F", "ecog": 1, "ldh_uln": 1.4}}


def make(folder: Path, record: object = GOOD, **files: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "case.json").write_text(record if isinstance(record, str) else json.dumps(record))
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_bytes(content)
    return folder


def test_a_full_case_is_read(tmp_path):
    folder = make(tmp_path / "c", {**GOOD, "response": "PR", "mpp": {"a.svs": 0.25}}, mutations__maf=b"x")
    (folder / "slides").mkdir()
    (folder / "slides" / "a.svs").write_bytes(b"x")
    (folder / "slides" / "notes.txt").write_bytes(b"x")
    case = read_case(folder)
    assert [s.name for s in case.slides] == ["a.svs"]
    assert case.mutations == folder / "mutations.maf"
    assert case.response is not None and case.response.responder is True
    assert case.clinical is not None and case.clinical.ldh_uln == 1.4
    assert case.mpp == {"a.svs": 0.25}
    assert case.virtual is False


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ("{not json", "not valid JSON"),
        ("[1, 2]", "not a JSON object"),
        ({**GOOD, "case_id": "../../etc"}, "case_id"),
        ({**GOOD, "case_id": "a/b"}, "case_id"),
        ({**GOOD, "case_id": "<script>alert(1)</script>"}, "case_id"),
        ({**GOOD, "case_id": ""}, "case_id"),
        ({**GOOD, "tumour_type": "glioma"}, "out of scope"),
        ({**GOOD, "mpp": {"a.svs": "0,25"}}, "mpp"),
        ({**GOOD, "clinical": [1]}, "clinical"),
        ({"case_id": "P-1", "tumour_type": "nsclc"}, "nothing to score"),
    ],
)
def test_a_bad_case_json_gets_one_line(tmp_path, record, words):
    with pytest.raises(CaseError, match=words) as caught:
        read_case(make(tmp_path / "c", record))
    assert "\n" not in str(caught.value)


def test_non_utf8_and_missing_files_get_one_line(tmp_path):
    with pytest.raises(CaseError, match="no such folder"):
        read_case(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CaseError, match=r"no case\.json"):
        read_case(tmp_path / "empty")
    folder = make(tmp_path / "latin")
    (folder / "case.json").write_bytes(b'{"case_id": "\xe9"}')
    with pytest.raises(CaseError, match="not UTF-8"):
        read_case(folder)


@pytest.mark.parametrize("clinical", [{"age": 630}, {"ldh_uln": "1,4"}, {"ecog": 7}, {"sex": "unknown-word"}])
def test_a_bad_clinical_value_is_named(tmp_path, clinical):
    with pytest.raises(ClinicalError, match=next(iter(clinical))):
        read_case(make(tmp_path / "c", {**GOOD, "clinical": clinical}))


def test_only_allowed_folders_open_even_through_links(tmp_path):
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (inside / "link").symlink_to(outside)
    assert check_allowed(inside / "x" / "..", [inside]) == inside.resolve()
    for bad in (outside, inside / "link", inside / ".." / "out", tmp_path / "in-other"):
        with pytest.raises(NotAllowed):
            check_allowed(bad, [inside])


def test_two_folders_with_one_id_are_two_cases(tmp_path):
    a, b = make(tmp_path / "a"), make(tmp_path / "b")
    assert case_key(a) != case_key(b)
    assert sorted(find_case_folders([tmp_path])) == [a, b]


def test_values_for_comparison_scores_are_read_beside_the_four(tmp_path):
    clinical = {"age": 60, "albumin": 4.1, "nlr": 3, "systemic_history": False}
    case = read_case(make(tmp_path / "c", {**GOOD, "clinical": clinical}))
    assert case.clinical.age == 60
    assert case.routine == {"albumin": 4.1, "nlr": 3.0, "systemic_history": 0.0}


def test_albumin_in_grams_per_litre_is_refused(tmp_path):
    folder = make(tmp_path / "c", {**GOOD, "clinical": {"age": 60, "albumin": 41}})
    with pytest.raises(ClinicalError, match="expected 1 to 7 g/dL; give it in g/dL"):
        read_case(folder)
