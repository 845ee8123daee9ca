"""The real backend: use cases of ``workflows``, and the job queue that the pages hand in."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from icicore.addresses import installation_secret
from icicore.domain import ClinicalValues
from icicore.errors import GenomicsError, InputError
from icicore.genomics.panel import load_panel
from icicore.models.faithfulness import read_faithfulness
from icicore.models.light import LightEnsemble
from icicore.settings import PROJECT, read_settings
from icicore.store.cases import CaseRow
from icicore.store.jobs import JobRow
from icicore.types import Json
from icicore.ui.backend import JobQueue, Pathways
from icicore.ui.cohort_desk import CohortDesk
from icicore.ui.work_desk import WorkDesk
from icicore.ui.workflow_records import WorkflowRecords
from icicore.workflows.cases import CaseResult, list_cases, load_case, load_result, open_case, openable_folders
from icicore.workflows.proof import read_proof
from icicore.workflows.services import Services, build_services, bundle_names, bundle_ref
from icicore.workflows.whatif import WhatIf, open_what_if

DEMO_CASES = 6
DOCTOR_SECONDS = 120


class WorkflowBackend:
    """See `icicore.ui.backend.Backend`."""

    def __init__(self, queue: JobQueue, services: Services | None = None) -> None:
        self._services = services or build_services(read_settings())
        self._secret = installation_secret(self._services.settings.home)
        self._queue = queue
        self._records = WorkflowRecords(self._services)
        self._work = WorkDesk(self._services)
        self._cohort = CohortDesk(self._services)
        self._light: dict[str, LightEnsemble] = {}

    @property
    def roots(self) -> Sequence[Path]:
        """Folders from which cases may be opened."""
        return self._services.settings.roots

    @property
    def results_dir(self) -> Path:
        """Folder of all results."""
        return self._services.settings.results_dir

    @property
    def secret(self) -> str:
        """Secret that signs tile addresses."""
        return self._secret

    @property
    def records(self) -> WorkflowRecords:
        """Reviews, timeline and report of a case, in the name of the local user."""
        return self._records

    @property
    def work(self) -> WorkDesk:
        """The work list as the local user sees it."""
        return self._work

    @property
    def cohort(self) -> CohortDesk:
        """Tests of bundles, and the cases that they have scored."""
        return self._cohort

    def cases(self) -> list[CaseRow]:
        """Return the work list."""
        return list_cases(self._services)

    def case(self, case_key: str) -> CaseRow | None:
        """One row of the work list."""
        return self._services.cases.get(case_key)

    def folders(self) -> list[Path]:
        """Return case folders found under the roots that are not on the work list."""
        return openable_folders(self._services)

    def open_case(self, folder: Path) -> CaseRow:
        """Read a case folder into the work list."""
        return open_case(self._services, folder)

    def result(self, case_key: str) -> CaseResult | None:
        """Newest result of a case, or None."""
        return load_result(self._services, case_key)

    def clinical(self, case_key: str) -> ClinicalValues | None:
        """Return the clinical values in the case folder, None when there are none or the folder has gone."""
        try:
            return load_case(self._services, case_key).clinical
        except InputError:
            return None

    def proof(self, prediction: Json) -> Json | None:
        """What the test of the bundle found that made this prediction."""
        bundle = prediction.get("bundle") or {}
        ref = bundle_ref(self._services.settings.checkpoints, str(bundle.get("name")))
        return read_proof(ref.folder, str(bundle.get("digest")))

    def what_if(self, result: CaseResult) -> WhatIf:
        """The case of this result, ready for hypothetical questions."""
        name = str((result.prediction.get("bundle") or {}).get("name"))
        ref = bundle_ref(self._services.settings.checkpoints, name)
        if ref.digest not in self._light:
            self._light = {ref.digest: LightEnsemble.load(ref.folder, ref.spec)}  # one bundle at a time is asked
        return open_what_if(result, ref, self._light[ref.digest])

    def submit(self, case_key: str) -> JobRow:
        """Queue the scoring of a case."""
        return self._queue.submit_score(self._services, case_key)

    def submit_demo(self) -> JobRow:
        """Queue the building of the demonstration cases."""
        return self._queue.submit_demo(self._services, DEMO_CASES)

    def submit_tile_cam(self, case_key: str, *, slide: str, tile: int) -> JobRow:
        """Queue the Grad-CAM of one tile."""
        return self._queue.submit_tile_cam(self._services, case_key, slide=slide, tile=tile)

    def job(self, job_id: str) -> JobRow | None:
        """State of a job."""
        return self._services.jobs.get(job_id)

    def active_jobs(self) -> list[JobRow]:
        """Jobs that wait or run, oldest first."""
        return self._services.jobs.recent(active_only=True)[::-1]

    def cancel(self, job_id: str) -> None:
        """Ask a job to stop."""
        self._queue.cancel(self._services, job_id)

    def pathways(self, prediction: Json) -> Pathways:
        """Names of the pathways of every gene token of the panel that the bundle reads."""
        try:
            panel = load_panel(str(prediction.get("bundle", {}).get("panel") or "v1"))
        except GenomicsError:
            return {}
        return {(t.symbol, t.kind): panel.pathways_of(t) for t in panel.tokens}

    def cards(self) -> list[tuple[str, str]]:
        """Return name and card (Markdown) of every bundle."""
        folder = self._services.settings.checkpoints
        paths = [(name, folder / name / "card.md") for name in bundle_names(folder)]
        return [(name, path.read_text(encoding="utf-8")) for name, path in paths if path.is_file()]

    def faithfulness(self, result: CaseResult) -> Mapping[str, Json]:
        """What the evaluation of the bundle found about each layer of a slide; empty without one."""
        name = str(result.prediction.get("bundle", {}).get("name", ""))
        folder = self._services.settings.checkpoints
        return read_faithfulness(folder / name, digest=result.bundle_digest) if name in bundle_names(folder) else {}

    def doctor(self) -> Json:
        """Report of ``icicore doctor``."""
        # In a process of its own: the check loads torch, which this one never does.
        command = [sys.executable, "-m", "icicore.cli", "doctor", "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=DOCTOR_SECONDS, check=False, cwd=PROJECT)
        try:
            return dict(json.loads(done.stdout))
        except ValueError:
            return {"problems": ["the check itself failed; run `icicore doctor` in a terminal"]}
