"""The report of a real, small case: the same bytes again, logged, and true to what was scored and signed."""

import io
import json
from dataclasses import replace

import pytest
from PIL import Image

from icicore.errors import CaseError, InputError
from icicore.workflows import case_report, records
from icicore.workflows.audit import verify_audit
from icicore.workflows.cases import load_result, open_case
from icicore.workflows.inference import score_case


@pytest.fixture(scope="module")
def key(services, virtual_case) -> str:
    row = open_case(services, virtual_case)
    score_case(services, row.case_key)
    return row.case_key


def sign(services, key, **fields):
    draft = records.review_store(services).draft(key, "Ada")
    saved = records.save_draft(services, replace(draft, **fields))
    return records.sign_review(services, saved, load_result(services, key).prediction)


def test_scoring_is_logged_on_the_hashes_of_the_result(services, key):
    row = next(r for r in records.audit_log(services).of_case(key) if r.action == "score")
    prediction = load_result(services, key).prediction
    hashes = row.hash_map()
    assert hashes["result"] == records.result_digest(prediction)
    assert hashes["slide 1"] == prediction["slides"][0]["digest"]
    assert hashes["bundle"] == prediction["bundle"]["digest"]


def test_scoring_again_gives_the_same_result_digest(services, key):
    before = load_result(services, key).prediction
    score_case(services, key)
    after = load_result(services, key).prediction
    assert records.result_digest(after) == records.result_digest(before)


@pytest.mark.parametrize("kind", ["pdf", "json"])
def test_the_same_case_gives_the_same_bytes(kind, services, key):
    assert case_report.export_report(services, key, kind) == case_report.export_report(services, key, kind)
    exported = records.audit_log(services).of_case(key)[0]
    assert exported.action == "export" and exported.hash_map()["format"] == kind


def test_pictures_come_from_the_slide(services, key):
    report = case_report.build_report(services, key, load_result(services, key))
    overview = report.pictures.overview
    with Image.open(io.BytesIO(overview.jpeg)) as picture:
        assert picture.size == overview.size_px
        assert max(picture.size) > 300
    assert report.pictures.tiles and all(t.jpeg for t in report.pictures.tiles)
    assert [t.entry for t in report.pictures.tiles] == report.content["tiles"]
    assert len(report.pictures.overview.legend.ticks) == 3


def test_what_is_signed_is_in_both_files(services, key):
    review = sign(services, key, judgement="cannot_say", text="Small biopsy; I cannot say.")
    content = json.loads(case_report.export_report(services, key, "json"))
    (said,) = content["reviews"]
    assert (said["judgement"], said["text"], said["differs"]) == ("cannot_say", "Small biopsy; I cannot say.", [])
    number, _, digest = said["audit"].partition(":")
    assert verify_audit(services, expect=said["audit"])["ok"]
    row = records.audit_log(services).all()[int(number) - 1]
    assert row.digest.startswith(digest) and row.hash_map()["review"] == review.digest


def test_a_lost_slide_leaves_the_numbers(services, key, monkeypatch):
    monkeypatch.setattr(type(services), "find_slide", lambda self, slide: None)
    report = case_report.build_report(services, key, load_result(services, key))
    assert report.pictures.overview is None and "cannot be read" in report.pictures.missing
    assert report.content["tiles"] and report.as_bytes("pdf").startswith(b"%PDF")


def test_changed_input_files_are_named(services, key, virtual_case):
    prediction = load_result(services, key).prediction
    assert records.changed_inputs(services, key, prediction) == ()
    path = virtual_case / "case.json"
    original = path.read_bytes()
    try:
        path.write_bytes(original.replace(b"{", b"{ ", 1))
        assert records.changed_inputs(services, key, prediction) == ("case.json",)
        report = case_report.build_report(services, key, load_result(services, key), folder=virtual_case)
        assert report.content["clinical"] is None, "values of another file must not stand beside the old score"
    finally:
        path.write_bytes(original)


def test_the_command_writes_what_the_page_offers(services, key, virtual_case, tmp_path):
    case_report.report_folder(services, virtual_case, tmp_path / "r.PDF")
    assert (tmp_path / "r.PDF").read_bytes() == case_report.export_report(services, key, "pdf")


def test_a_folder_that_was_never_scored_is_scored_first(services, case_copy, tmp_path):
    folder = case_copy()
    case_report.report_folder(services, folder, tmp_path / "report.json")
    content = json.loads((tmp_path / "report.json").read_text())
    assert content["slides"] == [] and content["answer"]["probability"] > 0
    assert content["clinical"]["age"] is not None
    case_report.report_folder(services, folder, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "report.json").read_bytes()


def test_what_cannot_be_reported(services, key, virtual_case, tmp_path):
    with pytest.raises(InputError, match=r"\.pdf or \.json"):
        case_report.report_folder(services, virtual_case, tmp_path / "report.docx")
    with pytest.raises(CaseError, match="score the case first"):
        case_report.export_report(services, "0" * 16, "pdf")
    with pytest.raises(CaseError, match="no such folder"):
        case_report.report_folder(services, tmp_path / "nowhere", tmp_path / "report.pdf")
    assert list(tmp_path.iterdir()) == []
