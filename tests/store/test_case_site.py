"""The site of a case: kept, asked for, and added to an older database without loss."""

from icicore.store.cases import CaseRow, CaseStore
from icicore.store.engine import Database
from icicore.store.slides import SlideStore
from icicore.store.visibility import sites_of_case, sites_of_slide
from tests.store.older import database_at

OLD = """insert into cases (case_key, case_id, tumour_type, folder, state, probability, reasons, n_slides, modalities,
virtual, updated) values ('k1', 'P-1', 'nsclc', '/c/P-1', 'scored', 0.25, '[]', 2, '["clinical"]', 0, '2026-01-02')"""


def test_an_older_database_is_migrated_without_loss(tmp_path):
    path = tmp_path / "old.db"
    database_at(path, "0003", OLD)
    database = Database(f"sqlite:///{path}", lock_dir=tmp_path)
    (row,) = CaseStore(database).all()
    assert (row.case_id, row.probability, row.n_slides, row.modalities, row.site) == (
        "P-1", 0.25, 2, ("clinical",), None
    )  # fmt: skip
    database.close()


def test_only_cases_of_the_sites_are_found(database):
    store = CaseStore(database)
    for key, site in (("k1", "North"), ("k2", "South"), ("k3", None)):
        store.put(CaseRow(key, key, "nsclc", f"/c/{key}", site=site))
    assert [r.case_key for r in store.all()] == ["k1", "k2", "k3"]
    assert [r.case_key for r in store.all(sites=["North"])] == ["k1"]
    assert store.all(sites=[]) == []
    assert sites_of_case(database, "k2") == ["South"] and sites_of_case(database, "gone") == []


def test_a_slide_belongs_to_the_sites_of_all_cases_that_hold_it(database, tmp_path):
    cases, slides = CaseStore(database), SlideStore(database)
    for name, site in (("A", "North"), ("B", "South")):
        (tmp_path / name / "slides").mkdir(parents=True)
        slide = tmp_path / name / "slides" / "one.tif"
        slide.write_bytes(b"x")
        slides.digest(slide, lambda _: "d" * 64)
        cases.put(CaseRow(name, name, "nsclc", str(tmp_path / name), site=site))
    assert sorted(sites_of_slide(database, "d" * 16)) == ["North", "South"]
    assert sites_of_slide(database, "e" * 16) == []
