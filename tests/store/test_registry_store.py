"""A database from before the registry is migrated without loss, and takes sites, bundles and drift."""

from datetime import UTC, datetime

from sqlalchemy import create_engine

from icicore.store import engine
from icicore.store.cases import CaseStore
from icicore.store.drift import DriftRow, DriftStore
from icicore.store.engine import Database
from icicore.store.registry import BundleRow, Promotion, RegistryStore, lineage
from tests.store.older import case_statement, database_at

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def test_an_older_database_is_migrated_without_loss(tmp_path):
    case = case_statement(state="'scored'", probability="0.4", bundle="'b'", bundle_digest="'d'")
    url = database_at(tmp_path / "old.db", "0003", case)
    assert not engine._is_current(create_engine(url))
    migrated = Database(url, lock_dir=tmp_path)
    row = CaseStore(migrated).get("k1")
    assert (row.probability, row.bundle_digest, row.site) == (0.4, "d", None)
    DriftStore(migrated).put(DriftRow("k1", "d", "here", NOW, {"x": {"value": 1.0, "score": 0.0}}))
    assert DriftStore(migrated).of_bundle("d")[0].site == "here"
    migrated.close()


def bundle(digest: str, state: str = "candidate") -> BundleRow:
    return BundleRow(
        digest * 64, f"bundle-{digest}", state, None, "study", None, "s", {"epochs": 3}, None, NOW, "Ada", "r"
    )


def test_rows_come_back_and_only_one_can_be_promoted(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'r.db'}", lock_dir=tmp_path)
    store = RegistryStore(database)
    assert store.promoted() is None
    assert store.add(bundle("a", "promoted")) and store.add(bundle("b"))
    assert store.get("b" * 64) == bundle("b")
    assert not store.add(bundle("c", "promoted")), "a second promoted row is refused by the database"
    assert not store.add(bundle("b")), "it is there already"
    store.remove("a" * 64)
    assert store.promoted() == bundle("a", "promoted"), "the promoted bundle is never removed"
    database.close()


def step(action: str, name: str, before: str) -> Promotion:
    return Promotion(1, "2026-05-04T12:00:00", "Ada", action, name, name, before, before, "", "r")


def test_the_line_of_promoted_bundles_follows_rollbacks():
    assert lineage([]) == []
    history = [step("promote", "b", "a"), step("promote", "c", "b"), step("rollback", "b", "c")]
    assert [name for name, _ in lineage(history)] == ["a", "b"]
    assert [name for name, _ in lineage([*history, step("promote", "d", "b")])] == ["a", "b", "d"]
