"""What bundles there are: the rows of the registry beside the folders on disk.

A bundle that nobody registered is found by its folder. The one that came with the program is promoted until a person
promotes another.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from icicore.errors import BundleError
from icicore.store.registry import CANDIDATE, PROMOTED, RETIRED, BundleRow, RegistryStore
from icicore.workflows.services import BundleRef, Services, bundle_folders, bundle_ref, promoted_name

PROGRAM = "icicore"
"""Who put a bundle into the registry that nobody registered."""
_HISTORY = ("best_epochs", "selection_auc")
"""What ``training`` of a bundle holds besides the recipe."""


@dataclass(frozen=True)
class Listed:
    """A bundle as listed.

    Attributes
    ----------
    ref : the bundle on disk; None where ``problem`` says what is wrong with its folder
    shipped : came with the program
    n_cases : cases of the work list whose newest result is its
    """

    row: BundleRow
    ref: BundleRef | None
    problem: str
    shipped: bool
    n_cases: int


def list_registry(services: Services) -> list[Listed]:
    """Every bundle, the promoted one first, then the newest; folders that nobody registered are entered."""
    refs = _on_disk(services)
    store = RegistryStore(services.database)
    _enter(services, store, refs)
    cases = Counter(row.bundle_digest for row in services.cases.all())
    found = [_listed(services, row, refs, cases[row.digest]) for row in store.all()]
    return sorted(found, key=lambda one: one.row.state != PROMOTED)


def find_registered(services: Services, name: str) -> Listed:
    """The bundle in the folder of this name.

    Raises
    ------
    BundleError
        there is no such bundle
    """
    found = [one for one in list_registry(services) if one.row.name == name]
    usable = [one for one in found if one.ref is not None]
    if not (usable or found):
        remedy = "see `icicore bundles`"
        raise BundleError(name, "no such bundle", expected="the name of a bundle", remedy=remedy)
    return (usable or found)[0]


def _on_disk(services: Services) -> dict[str, BundleRef | str]:
    """Bundle of every folder by name, or the line that says why it cannot be read."""
    found: dict[str, BundleRef | str] = {}
    for name, folder in bundle_folders(services.settings).items():
        try:
            found[name] = _ref(folder, (folder / "bundle.json").stat().st_mtime_ns)
        except BundleError as error:
            found[name] = str(error)
        except OSError:  # deleted meanwhile
            continue
    return found


@lru_cache(maxsize=128)
def _ref(folder: Path, modified_ns: int) -> BundleRef:
    """The bundle as its bundle.json says since its last change; a page asks for all of them on every run."""
    return bundle_ref(folder.parent, folder.name)


def _enter(services: Services, store: RegistryStore, refs: dict[str, BundleRef | str]) -> None:
    """Enter what nobody registered; before the first promotion the program's own choice is the promoted one."""
    known = {row.digest for row in store.all()}
    promoted = store.promoted()
    default = _default(services) if not store.history() else None
    chosen = refs.get(default) if default else None
    if isinstance(chosen, BundleRef) and promoted is not None and promoted.digest != chosen.digest:
        store.set_state(promoted.digest, RETIRED, who=PROGRAM, reason="another one came with the program")
        promoted = None
    for ref in (r for r in refs.values() if isinstance(r, BundleRef)):
        if ref is chosen and promoted is None:
            if ref.digest in known:
                store.remove(ref.digest)
            store.add(entry_of(ref, PROMOTED, who=PROGRAM, reason="came with the program"))
        elif ref.digest not in known:
            store.add(entry_of(ref, CANDIDATE, who=PROGRAM, reason="found among the bundles"))


def _default(services: Services) -> str | None:
    try:
        return promoted_name(services.settings.checkpoints)
    except BundleError:
        return None


def entry_of(
    ref: BundleRef, state: str, *, who: str, reason: str, parent: str | None = None, job_id: str | None = None
) -> BundleRow:
    """The row of a bundle, from what it says about itself."""
    cohort, recipe = ref.spec.get("cohort") or {}, ref.spec.get("training") or {}
    return BundleRow(
        digest=ref.digest,
        name=ref.name,
        state=state,
        parent=parent,
        study=str(cohort.get("study") or "")[:256],
        study_folder=None,
        # The salt of a bundle is drawn from the digest of the data it was trained on, and so stands for it.
        data_digest=str(cohort.get("salt") or ""),
        config={k: v for k, v in recipe.items() if k not in _HISTORY},
        job_id=job_id,
        created=datetime.now(UTC),
        who=who,
        reason=reason,
    )


def _listed(services: Services, row: BundleRow, refs: dict[str, BundleRef | str], n_cases: int) -> Listed:
    found = refs.get(row.name)
    folder = bundle_folders(services.settings).get(row.name)
    shipped = folder is not None and folder.parent == services.settings.checkpoints
    if isinstance(found, BundleRef) and found.digest == row.digest:
        return Listed(row, found, "", shipped, n_cases)
    problem = found if isinstance(found, str) else "its folder is gone" if found is None else "its folder was replaced"
    return Listed(row, None, problem, shipped, n_cases)
