"""Exports of a case: logged in the person's name, only of a case in sight, the same bytes every time."""

import hashlib
import io
import zipfile

import pytest

from icicore.access import NotPermitted, Person, Role
from icicore.errors import CaseError, InputError
from icicore.settings import read_settings
from icicore.store.cases import CaseRow
from icicore.workflows.case_export import FORMATS, export_case
from icicore.workflows.cases import result_folder
from icicore.workflows.records import audit_log
from icicore.workflows.services import Services, build_services
from tests.pages.fake_results import BUNDLE, write_result

KEY = "k1"
ADA = Person("Ada (ada@x)", Role.READER, ("North",))


@pytest.fixture(scope="module")
def exporting(tmp_path_factory: pytest.TempPathFactory) -> Services:
    home = tmp_path_factory.mktemp("home")
    services = build_services(read_settings({"ICICORE_HOME": str(home), "ICICORE_USER": "desk"}))
    for key, slides in ((KEY, 1), ("k2", 0)):
        found = {"state": "scored", "bundle": "b", "bundle_digest": BUNDLE, "site": "North"}
        services.cases.put(CaseRow(key, "DEMO-001", "nsclc", str(home / key), **found))
        write_result(result_folder(services, key, BUNDLE), slides=slides, tiles=40)
    yield services
    services.database.close()


@pytest.mark.parametrize("kind", FORMATS)
def test_each_export_is_logged_with_its_digest_in_the_name_of_who_took_it(exporting, kind):
    content = export_case(exporting, KEY, kind, by=ADA)
    newest = audit_log(exporting).of_case(KEY)[0]
    assert (newest.action, newest.actor) == ("export", "Ada (ada@x)")
    logged = newest.hash_map()
    assert logged["format"] == kind and logged["file"] == hashlib.sha256(content).hexdigest()
    assert export_case(exporting, KEY, kind, by=ADA) == content


def test_a_report_too_names_who_took_it(exporting):
    export_case(exporting, KEY, "json", by=ADA)
    assert audit_log(exporting).of_case(KEY)[0].actor == "Ada (ada@x)"


def test_several_files_come_as_one(exporting):
    names = zipfile.ZipFile(io.BytesIO(export_case(exporting, KEY, "csv", by=ADA))).namelist()
    assert {"answer.csv", "genes.csv", "tiles.csv", "findings.csv"} <= set(names)
    layers = zipfile.ZipFile(io.BytesIO(export_case(exporting, KEY, "dicom", by=ADA))).namelist()
    assert all(name.endswith(".dcm") for name in layers) and len(layers) >= 2


def test_nobody_exports_what_is_out_of_sight(exporting):
    before = len(audit_log(exporting).all())
    with pytest.raises(CaseError, match="no such case"):
        export_case(exporting, KEY, "fhir", by=Person("Bob", Role.ADMIN, ("South",)))
    with pytest.raises(NotPermitted):
        export_case(exporting, KEY, "pdf", by=Person("New", Role.NONE, None))
    assert len(audit_log(exporting).all()) == before


def test_what_is_not_there_is_one_line(exporting):
    with pytest.raises(InputError, match=r"^format: 'exe' is not known; expected dicom, fhir, csv, geojson$"):
        export_case(exporting, KEY, "exe", by=ADA)
    with pytest.raises(CaseError, match="has no slide"):
        export_case(exporting, "k2", "dicom", by=ADA)
    with pytest.raises(CaseError, match="no such case"):
        export_case(exporting, "gone", "csv", by=ADA)
