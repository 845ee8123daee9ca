"""Candidates, promotion with a reason, rollback, retirement and deletion; what is decided stays on record."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from icicore.errors import BundleError, InputError
from icicore.store.cases import CaseRow
from icicore.store.registry import Move, RegistryStore, history_faults
from icicore.workflows.audit import verify_audit
from icicore.workflows.records import audit_log
from icicore.workflows.registry import (
    champion_of,
    config_difference,
    previous_of,
    promote,
    register_candidate,
    remove,
    retire,
    rollback,
)
from icicore.workflows.registry_comparison import COMPARISON
from icicore.workflows.registry_entries import find_registered, list_registry
from tests.factories import make_bundle
from tests.workflows.registry_world import FAILED, PASSED, add_candidate, build_world, give_comparison


@pytest.fixture
def services(tmp_path):
    built = build_world(tmp_path)
    yield built
    built.database.close()


def promoted(services, name="better-virtual", reason="better on held-out patients"):
    give_comparison(services, add_candidate(services, name), PASSED)
    return promote(services, name, reason=reason)


def states(services):
    return {one.row.name: one.row.state for one in list_registry(services)}


def test_the_shipped_bundle_is_promoted_until_a_person_promotes_another(services):
    assert states(services) == {"shipped-virtual": "promoted"}
    add_candidate(services, "new-virtual")
    assert services.bundle_ref().name == "shipped-virtual"
    assert states(services) == {"shipped-virtual": "promoted", "new-virtual": "candidate"}


def test_a_candidate_keeps_where_it_comes_from(services, tmp_path):
    (tmp_path / "study").mkdir()
    parent = champion_of(services)
    row = add_candidate(services, "new-virtual", parent="shipped-virtual", job_id="j1", study=tmp_path / "study")
    assert (row.parent, row.job_id, row.study_folder) == (parent.digest, "j1", str((tmp_path / "study").resolve()))
    folder = services.settings.bundles_dir / "new-virtual"
    assert register_candidate(services, folder) == row, "registering twice changes nothing"
    assert [r.action for r in audit_log(services).all()] == ["register bundle"]


def test_a_folder_elsewhere_and_a_changed_bundle_are_not_registered(services, tmp_path):
    make_bundle(tmp_path / "elsewhere", members=1)
    with pytest.raises(BundleError, match="lies outside the folders of bundles"):
        register_candidate(services, tmp_path / "elsewhere")
    folder = services.settings.bundles_dir / "odd"
    make_bundle(folder, members=1, name="odd")
    content = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps(content | {"threshold": 0.01}))
    with pytest.raises(BundleError, match="was changed after it was written"):
        register_candidate(services, folder)


def test_a_promotion_needs_a_reason_and_a_passed_comparison(services):
    row = add_candidate(services, "new-virtual")
    with pytest.raises(InputError, match="reason: is empty"):
        promote(services, "new-virtual", reason=" \n ")
    with pytest.raises(BundleError, match="was not compared with shipped-virtual"):
        promote(services, "new-virtual", reason="why not")
    give_comparison(services, row, FAILED)
    with pytest.raises(BundleError, match="no better than chance"):
        promote(services, "new-virtual", reason="why not")
    assert services.bundle_ref().name == "shipped-virtual"


def test_a_promotion_is_one_step_in_registry_history_and_log(services):
    move = promoted(services, reason="better on\nheld-out patients")
    assert (move.who, move.reason, move.previous_name) == ("Ada", "better on held-out patients", "shipped-virtual")
    assert services.bundle_ref().name == "better-virtual"
    assert states(services) == {"better-virtual": "promoted", "shipped-virtual": "retired"}
    logged = audit_log(services).all()[-1]
    assert (logged.action, logged.hash_map()["promotion"]) == ("promote", move.row_digest)
    assert "held-out" not in logged.hashes, "free text stays out of the audit log"
    assert verify_audit(services)["ok"]


@pytest.mark.parametrize("change", ["edit", "other champion", "copied"])
def test_a_comparison_counts_only_as_it_was_made_and_for_this_pair(services, change, tmp_path):
    row = add_candidate(services, "new-virtual")
    path = services.settings.bundles_dir / "new-virtual" / COMPARISON
    if change == "edit":
        give_comparison(services, row, FAILED)
        path.write_text(path.read_text().replace("false", "true"))
    elif change == "other champion":
        give_comparison(services, row, PASSED)
        promoted(services)
    else:
        give_comparison(services, row, PASSED)
        (services.settings.home / "secret").write_bytes(b"another installation" * 4)
    with pytest.raises(BundleError, match="was not compared"):
        promote(services, "new-virtual", reason="why not")


def test_roll_back_goes_one_step_back_each_time(services):
    promoted(services)
    promoted(services, "best-virtual")
    assert previous_of(services).name == "better-virtual"
    assert rollback(services).reason == "back from best-virtual"
    assert rollback(services).name == "shipped-virtual"
    assert states(services) == {
        "shipped-virtual": "promoted",
        "better-virtual": "retired",
        "best-virtual": "retired",
    }
    with pytest.raises(BundleError, match="no bundle was promoted before"):
        rollback(services)
    history = RegistryStore(services.database).history()
    assert [(h.action, h.name) for h in history] == [
        ("promote", "better-virtual"),
        ("promote", "best-virtual"),
        ("rollback", "better-virtual"),
        ("rollback", "shipped-virtual"),
    ]


def test_roll_back_refuses_a_bundle_that_is_no_longer_what_it_was(services, tmp_path):
    promoted(services)
    make_bundle(tmp_path / "checkpoints" / "shipped-virtual", members=2, name="shipped-virtual")
    with pytest.raises(BundleError, match="shipped-virtual: is no longer the bundle that was promoted"):
        rollback(services)
    assert services.bundle_ref().name == "better-virtual"


def test_a_promoted_bundle_that_changed_on_disk_scores_nobody(services):
    promoted(services)
    make_bundle(services.settings.bundles_dir / "better-virtual", members=2, name="better-virtual")
    with pytest.raises(BundleError, match="was changed after its promotion"):
        services.bundle_ref()
    rollback(services)
    assert services.bundle_ref().name == "shipped-virtual"


def test_a_new_version_of_the_shipped_bundle_follows_the_program(services, tmp_path):
    list_registry(services)
    make_bundle(tmp_path / "checkpoints" / "shipped-virtual", members=2, name="shipped-virtual")
    ref = services.bundle_ref()
    found = {one.row.digest: one.row.state for one in list_registry(services)}
    assert found.pop(ref.digest) == "promoted"
    assert list(found.values()) == ["retired"]


def test_of_two_who_promote_at_once_one_is_told(services):
    before = champion_of(services)
    first, second = (add_candidate(services, name) for name in ("one-virtual", "two-virtual"))
    store, log = RegistryStore(services.database), audit_log(services)
    store.move(Move("promote", before, first, "Ada", "first"), log)
    with pytest.raises(BundleError, match="meanwhile one-virtual is the promoted one"):
        store.move(Move("promote", before, second, "Ben", "second"), log)
    assert len(store.history()) == 1
    assert len([r for r in log.all() if r.action == "promote"]) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "update promotions set reason = 'nicer'",
        "delete from promotions",
        "insert into promotions select 7, at, who, action, name, digest, previous_name, previous, comparison, reason,"
        " row_digest from promotions",
    ],
)
def test_the_history_cannot_be_rewritten(services, statement):
    promoted(services)
    with pytest.raises(DBAPIError), services.database.session() as session:
        session.execute(text(statement))


def test_the_audit_finds_a_history_that_was_changed_behind_its_back(services):
    promoted(services)
    rows, history = audit_log(services).all(), RegistryStore(services.database).history()
    assert history_faults(history, rows) == []
    assert history_faults([replace(history[0], reason="nicer")], rows) == ["promotion 1 was changed after it was made"]
    assert "missing or was replaced" in history_faults([], rows)[0]


def test_retired_and_deleted(services):
    add_candidate(services, "old-virtual")
    with pytest.raises(BundleError, match="is the promoted bundle"):
        retire(services, "shipped-virtual", reason="tired of it")
    retire(services, "old-virtual", reason="superseded")
    assert find_registered(services, "old-virtual").row.reason == "superseded"
    remove(services, "old-virtual")
    assert states(services) == {"shipped-virtual": "promoted"}
    assert list(services.settings.bundles_dir.iterdir()) == []


def test_what_is_relied_on_cannot_be_deleted(services):
    promoted(services)
    row = add_candidate(services, "used-virtual")
    services.cases.put(CaseRow("k1", "P-1", "nsclc", "/c/P-1", bundle="used-virtual", bundle_digest=row.digest))
    for name, why in (
        ("shipped-virtual", "it is or was promoted"),
        ("better-virtual", "it is or was promoted"),
        ("used-virtual", "results of cases rest on it"),
    ):
        with pytest.raises(BundleError, match=why):
            remove(services, name)
    assert find_registered(services, "used-virtual").n_cases == 1


def test_a_retrained_candidate_takes_the_place_of_the_one_before(services):
    old = add_candidate(services, "new-virtual")
    folder = services.settings.bundles_dir / "new-virtual"
    make_bundle(folder, members=2, name="new-virtual")
    row = register_candidate(services, folder)
    store = RegistryStore(services.database)
    assert store.get(old.digest).state == "retired"
    assert find_registered(services, "new-virtual").row == row


def test_the_difference_of_two_recipes(services):
    row = add_candidate(services, "new-virtual")
    one, two = replace(row, config={"epochs": 5, "seed": 0}), replace(row, config={"epochs": 15, "seed": 0, "width": 2})
    assert config_difference(one, two) == [("epochs", "5", "15"), ("width", "not stated", "2")]
