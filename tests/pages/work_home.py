"""A real backend over a database of its own, with results on disk: for the pages that ask the database."""

from dataclasses import replace
from pathlib import Path

from icicore.jobs import queue
from icicore.settings import read_settings
from icicore.store.cases import CaseRow
from icicore.ui.workflow_backend import WorkflowBackend
from icicore.workflows.services import Services, build_services
from tests.pages.fake_results import BUNDLE, demo_backend


def work_services(home: Path, *, checkpoints: Path | None = None) -> Services:
    """Services over a home folder whose ``demo`` folder may be opened."""
    env = {"ICICORE_HOME": str(home), "ICICORE_ROOTS": str(home / "demo"), "ICICORE_USER": "Ada"}
    env["ICICORE_CHECKPOINTS"] = str(checkpoints or home / "checkpoints")
    return build_services(read_settings(env))


def real_backend(services: Services) -> WorkflowBackend:
    """The backend of the application over these services."""
    return WorkflowBackend(queue, services)


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
