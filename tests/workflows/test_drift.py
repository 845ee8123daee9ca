"""Scoring a case adds it to the drift watch, under the site that it states."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from icicore.errors import BundleError, CaseError
from icicore.models.drift import DISTANCE, LOCATION, SPREAD
from icicore.store.cases import CaseRow
from icicore.store.drift import DriftRow, DriftStore
from icicore.workflows.casefolder import read_case
from icicore.workflows.cases import open_case
from icicore.workflows.drift import drift_report, make_drift_reference, site_of
from icicore.workflows.inference import score_case
from tests.training.study_folder import write_small_study
from tests.workflows.registry_world import build_world


def test_a_site_is_what_the_case_states_else_the_folder_it_lies_in(case_copy):
    case = read_case(case_copy(site="Clinic A"))
    assert (case.site, site_of(case)) == ("Clinic A", "Clinic A")
    assert site_of(replace(case, site=None)) == case.folder.parent.name


@pytest.mark.parametrize("site", ["", " A", "two\nlines", "x" * 65, 7, ["A"]])
def test_a_site_that_is_no_name_is_refused_in_one_line(case_copy, site):
    with pytest.raises(
        CaseError, match='case.json: "site" cannot be used; expected a name of 1-64 characters'
    ) as error:
        read_case(case_copy(site=site))
    assert "\n" not in str(error.value)


def test_the_work_list_keeps_the_site(tmp_path):
    services = build_world(tmp_path)
    folder = tmp_path / "P-1"
    folder.mkdir()
    record = {"case_id": "P-1", "tumour_type": "nsclc", "clinical": {"age": 60}, "site": "Clinic A"}
    (folder / "case.json").write_text(json.dumps(record))
    row = open_case(services, folder)
    assert services.cases.get(row.case_key).site == "Clinic A"
    services.cases.set_state(row.case_key, "queued")
    assert services.cases.get(row.case_key).site == "Clinic A"
    services.database.close()


def test_a_scored_case_joins_the_watch(services, virtual_case):
    row = open_case(services, virtual_case)
    score_case(services, row.case_key)
    ref = services.bundle_ref()
    found = next(r for r in DriftStore(services.database).of_bundle(ref.digest) if r.case_key == row.case_key)
    assert found.site == virtual_case.parent.name
    assert {DISTANCE, "slide axis 1", LOCATION, SPREAD} <= set(found.measures)
    assert 0.3 < found.measures[DISTANCE]["value"] < 4, "a patient of the same simulation is near the training patients"
    report = drift_report(services, ref)
    assert (report["n"], report["unseen"]) == (1, 0)
    assert [(s["site"], s["judged"]) for s in report["sites"]] == [(found.site, False)], "one case says nothing yet"
    assert report["months"][0]["month"] == found.at.strftime("%Y-%m")


def test_a_case_from_before_the_watch_is_counted(services):
    ref = services.bundle_ref()
    before = drift_report(services, ref)["unseen"]
    services.cases.put(CaseRow("older", "P-0", "nsclc", "/c/P-0", bundle=ref.name, bundle_digest=ref.digest))
    assert drift_report(services, ref)["unseen"] == before + 1


def test_sites_and_months_apart(services):
    ref = services.bundle_ref()
    for k in range(12):
        at = datetime(2020, 1 + k % 2, 3, tzinfo=UTC)
        moved = {DISTANCE: {"value": 2.0, "score": 2.4 if k < 6 else 0.0}}
        DriftStore(services.database).put(DriftRow(f"x{k}", ref.digest, "far" if k < 6 else "near", at, moved))
    report = drift_report(services, ref)
    sites = {row["site"]: row for row in report["sites"]}
    assert [m["measure"] for m in sites["far"]["moved"]] == [DISTANCE] and not sites["near"]["moved"]
    assert sites["far"]["largest"]["slides"]["n"] == 6 and sites["far"]["largest"]["expression"] is None
    months = [(m["month"], m["site"], m["n"]) for m in report["months"] if m["month"].startswith("2020")]
    assert months == [("2020-01", "far", 3), ("2020-01", "near", 3), ("2020-02", "far", 3), ("2020-02", "near", 3)]


def test_a_bundle_without_a_reference_watches_nothing_and_another_study_gives_it_none(tmp_path):
    services = build_world(tmp_path)
    assert drift_report(services, services.bundle_ref()) is None
    services.database.close()


def test_a_reference_comes_only_from_the_own_study(services, tmp_path):
    folder = write_small_study(tmp_path / "other")
    with pytest.raises(BundleError, match="other holds 0 of them; expected all 868 training patients"):
        make_drift_reference(services, services.bundle_ref().name, folder)
