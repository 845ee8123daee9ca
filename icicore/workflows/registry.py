"""Decisions about bundles: enter a candidate, promote, roll back, retire, delete. Each is logged with its author."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from icicore.access import Person, Role, require
from icicore.errors import BundleError, InputError
from icicore.fingerprint import fingerprint
from icicore.models.bundle_files import check_files
from icicore.people import local_person
from icicore.store.audit import Entry
from icicore.store.registry import (
    CANDIDATE,
    PROMOTE,
    PROMOTED,
    REFUSED,
    RETIRED,
    ROLLBACK,
    BundleRow,
    Move,
    Promotion,
    RegistryStore,
    lineage,
)
from icicore.workflows.records import audit_log, clean_text
from icicore.workflows.registry_comparison import allowed, read_comparison
from icicore.workflows.registry_entries import PROGRAM, Listed, entry_of, find_registered, list_registry
from icicore.workflows.services import BundleRef, Services, bundle_folders, bundle_ref

LONGEST_REASON = 500


def register_candidate(
    services: Services,
    folder: Path,
    *,
    parent: str | None = None,
    job_id: str | None = None,
    study: Path | str | None = None,
    by: Person | None = None,
    reason: str = "trained here",
) -> BundleRow:
    """Enter a bundle that was just written; one that is known already is returned as it is.

    Parameters
    ----------
    folder : of the bundle, in ``Settings.bundles_dir`` or among the shipped ones
    parent : name or digest of the bundle that training started from
    study : folder or name of the training study, for the comparison with the promoted bundle

    Raises
    ------
    BundleError
        the folder is elsewhere, or is no bundle
    """
    place = folder.resolve().parent
    if place not in (services.settings.bundles_dir.resolve(), services.settings.checkpoints.resolve()):
        raise BundleError(
            folder,
            "lies outside the folders of bundles",
            expected=f"a folder in {services.settings.bundles_dir}",
            remedy="move it there",
        )
    _, digest = check_files(folder)
    store, ref = RegistryStore(services.database), bundle_ref(place, folder.name)
    known = store.get(digest)
    if known is not None:
        return known
    actor = (by or local_person(services.settings)).name
    for old in store.all():
        if old.name == folder.name and old.state in (CANDIDATE, REFUSED):
            store.set_state(old.digest, RETIRED, who=actor, reason="its folder was written anew")
    row = entry_of(ref, CANDIDATE, who=actor, reason=reason, parent=_digest_of(store, parent), job_id=job_id)
    store.add(replace(row, study_folder=_study_folder(services, study, ref)))
    _log(services, actor, "register bundle", digest)
    return store.get(digest) or row


def promote(services: Services, name: str, *, reason: str, by: Person | None = None) -> Promotion:
    """Make a candidate the bundle that scores cases from now on.

    Raises
    ------
    InputError
        not an administrator, no reason, no comparison with the promoted bundle, or one that speaks against it
    """
    actor = _admin(services, by, "promote a model")
    listed, champion = find_registered(services, name), champion_of(services)
    said = _said(reason)
    ref = _usable(listed)
    if listed.row.state == PROMOTED:
        raise BundleError(name, "is the promoted bundle already")
    comparison = read_comparison(services, ref, champion)
    if comparison is None:
        raise BundleError(
            name,
            f"was not compared with {champion.name}, the promoted bundle",
            expected="a comparison on held-out patients",
            remedy=f"run icicore bundle compare {name}",
        )
    if not allowed(comparison):
        failed = "; ".join(check["text"] for check in comparison["checks"] if not check["passed"])
        raise BundleError(name, f"cannot be promoted: {failed}", remedy="train another candidate")
    check_files(ref.folder)
    wanted = Move(PROMOTE, champion, listed.row, actor, said, fingerprint(comparison))
    return RegistryStore(services.database).move(wanted, audit_log(services))


def rollback(services: Services, *, reason: str = "", by: Person | None = None) -> Promotion:
    """Make the bundle that was promoted before the present one the promoted one again.

    Raises
    ------
    BundleError
        there is none before it, or its folder has changed
    """
    actor = _admin(services, by, "roll back a promotion")
    store = RegistryStore(services.database)
    before = previous_of(services)
    current = store.promoted()
    if before is None or current is None:
        raise BundleError("rollback", "no bundle was promoted before this one", remedy="promote one with its reason")
    known = bundle_folders(services.settings)
    found = check_files(known[before.name])[1] if before.name in known else None
    if found != before.digest:
        problem = "is gone" if found is None else "is no longer the bundle that was promoted"
        raise BundleError(before.name, problem, expected=f"digest {before.digest[:12]}", remedy="copy it back")
    said = _said(reason or f"back from {current.name}")
    return store.move(Move(ROLLBACK, current, before, actor, said), audit_log(services))


def previous_of(services: Services) -> BundleRow | None:
    """The bundle that a rollback would bring back."""
    store = RegistryStore(services.database)
    stack = lineage(store.history())
    return store.get(stack[-2][1]) if len(stack) > 1 else None


def champion_of(services: Services) -> BundleRow:
    """The promoted bundle."""
    list_registry(services)
    ref = services.bundle_ref()
    found = RegistryStore(services.database).get(ref.digest)
    return found or entry_of(ref, PROMOTED, who=PROGRAM, reason="came with the program")


def retire(services: Services, name: str, *, reason: str, by: Person | None = None) -> None:
    """Put a bundle aside that is not promoted; its results and its folder stay.

    Raises
    ------
    InputError
        not an administrator, it is promoted, or no reason is given
    """
    actor = _admin(services, by, "retire a model")
    listed = find_registered(services, name)
    if listed.row.state == PROMOTED:
        raise BundleError(name, "is the promoted bundle", remedy="promote another one, or roll back, first")
    RegistryStore(services.database).set_state(listed.row.digest, RETIRED, who=actor, reason=_said(reason))
    _log(services, actor, "retire bundle", listed.row.digest)


def remove(services: Services, name: str, *, by: Person | None = None) -> None:
    """Delete a bundle for good. Only one that was trained or imported here, never promoted, and scored no case.

    Raises
    ------
    BundleError
        it must stay
    """
    actor = _admin(services, by, "delete a model")
    listed = find_registered(services, name)
    kept = why_kept(services, listed)
    if kept:
        raise BundleError(name, f"cannot be deleted: {kept}", remedy="retire it instead")
    if listed.ref is not None:
        gone = Path(tempfile.mkdtemp(dir=listed.ref.folder.parent, prefix=".deleted."))
        listed.ref.folder.rename(gone / name)
        shutil.rmtree(gone)
    RegistryStore(services.database).remove(listed.row.digest)
    _log(services, actor, "delete bundle", listed.row.digest)


def why_kept(services: Services, listed: Listed) -> str:
    """Why a bundle cannot be deleted; empty when it can."""
    history = RegistryStore(services.database).history()
    if listed.row.state == PROMOTED or listed.row.digest in {d for p in history for d in (p.digest, p.previous)}:
        return "it is or was promoted"
    if listed.shipped:
        return "it came with the program"
    folders = services.settings.results_dir.glob(f"*/{listed.row.digest[:16]}")
    return "results of cases rest on it" if listed.n_cases or any(folders) else ""


def config_difference(row: BundleRow, other: BundleRow) -> list[tuple[str, str, str]]:
    """Fields of the training recipe in which two bundles differ: name, first value, second value."""
    names = sorted(set(row.config) | set(other.config))
    pairs = [(name, row.config.get(name), other.config.get(name)) for name in names]
    return [(name, _shown(one), _shown(two)) for name, one, two in pairs if one != two]


def _shown(value: object) -> str:
    """A setting in words."""
    if value is None:
        return "not stated"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


def _usable(listed: Listed) -> BundleRef:
    if listed.ref is None:
        raise BundleError(listed.row.name, f"cannot be used: {listed.problem}", remedy="copy it back")
    return listed.ref


def _digest_of(store: RegistryStore, name: str | None) -> str | None:
    """Digest of a parent that is given by name or digest."""
    if name is None or store.get(name) is not None:
        return name
    found = next((row for row in store.all() if row.name == name), None)
    if found is None:
        raise BundleError(name, "no such bundle", expected="the parent of the candidate", remedy="see icicore bundles")
    return found.digest


def _study_folder(services: Services, study: Path | str | None, ref: BundleRef) -> str | None:
    """Where the training study lies: as given, else the imported one of the same name."""
    named = str(study or (ref.spec.get("cohort") or {}).get("study") or "")
    if not named:
        return None
    imported = services.settings.studies_dir / Path(named).name
    if study is not None and Path(named).is_dir():
        return str(Path(named).resolve())
    return str(imported) if imported.is_dir() else None


def _said(reason: str) -> str:
    """The reason as one line."""
    said = " ".join(clean_text(reason).split())[:LONGEST_REASON]
    if not said:
        raise InputError("reason", "is empty", expected="why this is done, in a few words", remedy="give a reason")
    return said


def _admin(services: Services, by: Person | None, to: str) -> str:
    """Name of the person who decides; raises ``NotPermitted`` unless an administrator."""
    return require(by or local_person(services.settings), Role.ADMIN, to).name


def _log(services: Services, actor: str, action: str, digest: str) -> None:
    audit_log(services).record(Entry(actor, action, "", {"bundle": digest}))
