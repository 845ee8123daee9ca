"""A real backend over a database of its own, with results on disk: for the pages that ask the database."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from icicore.jobs import queue
from icicore.settings import read_settings
from icicore.store.cases import CaseRow
from icicore.ui.backend import use_backend
from icicore.ui.workflow_backend import WorkflowBackend
from icicore.workflows.cases import result_folder
from icicore.workflows.services import Services, build_services
from tests.pages.fake_prediction import BUNDLE
from tests.pages.fake_results import demo_backend, write_result

NORTH, SOUTH = "a" * 16, "b" * 16


def work_services(home: Path, *, checkpoints: Path | None = None) -> Services:
    """Services over a home folder whose ``demo`` folder may be opened."""
    env = {"ICICORE_HOME": str(home), "ICICORE_ROOTS": str(home / "demo"), "ICICORE_USER": "Ada"}
    env["ICICORE_CHECKPOINTS"] = str(checkpoints or home / "checkpoints")
    return build_services(read_settings(env))


def real_backend(services: Services) -> WorkflowBackend:
    """The backend of the application over these services."""
    return WorkflowBackend(queue, services)


@contextlib.contextmanager
def shown(home: Path) -> Iterator[Services]:
    """Services over a home folder that the pages show until the end of the block."""
    services = work_services(home)
    backend = real_backend(services)
    use_backend(lambda: backend)
    yield services
    use_backend(None)
    services.database.close()


def add_scored(
    services: Services, key: str, name: str, *, site: str = "", slides: int = 0, virtual: bool = False
) -> None:
    """A scored case below ``cases`` of the home folder, with its result."""
    folder = services.settings.home / "cases" / name
    folder.mkdir(parents=True)
    record = {"case_id": name, "tumour_type": "nsclc", "clinical": {"age": 60}} | ({"site": site} if site else {})
    (folder / "case.json").write_text(json.dumps(record))
    row = CaseRow(key, name, "nsclc", str(folder), site=site or None, virtual=virtual)
    services.cases.put(replace(row, state="scored", probability=0.5, bundle="b", bundle_digest=BUNDLE))
    write_result(result_folder(services, key, BUNDLE), slides=slides, tiles=40)


def write_two_sites(home: Path, *, slides: int = 0) -> None:
    """A home folder with a scored case of each of two sites."""
    services = build_services(read_settings({"ICICORE_HOME": str(home)}))
    for key, site in ((NORTH, "North"), (SOUTH, "South")):
        add_scored(services, key, f"CASE-{site}", site=site, slides=slides)
    services.database.close()


def fill(services: Services, *, folders: int = 0) -> list[CaseRow]:
    """Put one case in each state on the work list, with result folders; ``folders`` more lie there unopened."""
    rows = [replace(row, bundle_digest=row.bundle and BUNDLE) for row in demo_backend(services.settings.home).rows]
    services.cases.put_all(rows)
    for number in range(folders):
        case = services.settings.demo_dir / f"CASE-X{number + 1}"
        case.mkdir(parents=True)
        (case / "case.json").write_text(
            f'{{"case_id": "{case.name}", "tumour_type": "nsclc", "clinical": {{"age": 60}}, "virtual": true}}'
        )
    return services.cases.all()
