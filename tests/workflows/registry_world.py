"""A home with one shipped bundle and candidates, for tests of the registry; nothing is trained."""

from pathlib import Path

from icicore.settings import read_settings
from icicore.store.registry import BundleRow
from icicore.types import Json
from icicore.workflows.registry import champion_of, register_candidate
from icicore.workflows.registry_comparison import write_comparison
from icicore.workflows.services import Services, build_services
from tests.factories import make_bundle

PASSED = [{"code": "auc", "text": "AUC difference 0.01 to 0.05", "passed": True}]
FAILED = [{"code": "chance", "text": "AUC at least 0.41, no better than chance", "passed": False}]


def build_world(root: Path) -> Services:
    """One shipped bundle that is promoted by default, and an empty folder of bundles."""
    make_bundle(root / "checkpoints" / "shipped-virtual", members=1, name="shipped-virtual")
    environ = {"ICICORE_HOME": str(root / "home"), "ICICORE_CHECKPOINTS": str(root / "checkpoints")}
    return build_services(read_settings({**environ, "ICICORE_ROOTS": str(root), "ICICORE_USER": "Ada"}))


def add_candidate(services: Services, name: str, **about: object) -> BundleRow:
    """A bundle that was 'trained' here."""
    folder = services.settings.bundles_dir / name
    make_bundle(folder, members=1, name=name)
    return register_candidate(services, folder, **about)  # type: ignore[arg-type]


def give_comparison(services: Services, row: BundleRow, checks: list[Json], **changes: object) -> None:
    """What a comparison with the promoted bundle would have left beside the candidate."""
    champion = champion_of(services)
    content: Json = {
        "schema": 1,
        "challenger": {"name": row.name, "digest": row.digest},
        "champion": {"name": champion.name, "digest": champion.digest},
        "checks": checks,
    }
    write_comparison(services, services.settings.bundles_dir / row.name, content | changes)
