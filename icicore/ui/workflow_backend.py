"""The real backend: use cases of ``workflows``, and the job queue that the pages hand in."""

import copy
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from icicore.access import Person, Role, require
from icicore.addresses import installation_secret
from icicore.domain import ClinicalValues
from icicore.errors import BundleError, CaseError, GenomicsError, InputError
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
from icicore.workflows.services import Services, build_services, bundle_folders
from icicore.workflows.tile_neighbours import Likeness, likeness
from icicore.workflows.visibility import sees_job
from icicore.workflows.whatif import WhatIf, open_what_if
from icicore.workflows.worker_presence import nobody_works

DEMO_CASES = 6
DOCTOR_SECONDS = 120


class WorkflowBackend:
    """See `icicore.ui.backend.Backend`. Before a person is set there is nobody, who sees nothing."""

    def __init__(self, queue: JobQueue, services: Services | None = None) -> None:
        self._services = services or build_services(read_settings())
        self._secret = installation_secret(self._services.settings.home)
        self._queue = queue
        self._light: dict[str, LightEnsemble] = {}
        self._person = Person("nobody", Role.NONE, ())

    def for_person(self, person: Person) -> "WorkflowBackend":
        """The same backend in the name of this person."""
        named = copy.copy(self)
        named._person = person
        return named

    @property
    def person(self) -> Person:
        """Who asks."""
        return self._person

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
        """Reviews, timeline and report of a case, in the name of the person."""
        return WorkflowRecords(self._services, self._person)

    @property
    def work(self) -> WorkDesk:
        """The work list as the person sees it."""
        return WorkDesk(self._services, self._person)

    @property
    def cohort(self) -> CohortDesk:
        """Tests of bundles, and the cases in sight that they have scored."""
        return CohortDesk(self._services, self._person)

    def cases(self) -> list[CaseRow]:
        """Return the work list."""
        return list_cases(self._services, sites=require(self._person, Role.READER, "see cases").sites)

    def case(self, case_key: str) -> CaseRow | None:
        """One row of the work list."""
        row = self._services.cases.get(case_key)
        return row if row is not None and self._person.sees(row.site) else None

    def folders(self) -> list[Path]:
        """Return case folders found under the roots that are not on the work list."""
        return openable_folders(self._services, self._person)

    def open_case(self, folder: Path) -> CaseRow:
        """Read a case folder into the work list."""
        return open_case(self._services, folder, by=self._person)

    def result(self, case_key: str) -> CaseResult | None:
        """Newest result of a case, or None."""
        return load_result(self._services, case_key) if self.case(case_key) is not None else None

    def clinical(self, case_key: str) -> ClinicalValues | None:
        """Return the clinical values in the case folder, None when there are none or the folder has gone."""
        if self.case(case_key) is None:
            return None
        try:
            return load_case(self._services, case_key).clinical
        except InputError:
            return None

    def proof(self, prediction: Json) -> Json | None:
        """What the test of the bundle found that made this prediction."""
        bundle = prediction.get("bundle") or {}
        ref = self._services.bundle_ref(str(bundle.get("name")))
        return read_proof(ref.folder, str(bundle.get("digest")))

    def what_if(self, result: CaseResult) -> WhatIf:
        """The case of this result, ready for hypothetical questions."""
        name = str((result.prediction.get("bundle") or {}).get("name"))
        ref = self._services.bundle_ref(name)
        if ref.digest not in self._light:
            self._light = {ref.digest: LightEnsemble.load(ref.folder, ref.spec)}  # one bundle at a time is asked
        return open_what_if(result, ref, self._light[ref.digest])

    def submit(self, case_key: str) -> JobRow:
        """Queue the scoring of a case."""
        self._may_work_on(case_key, "score a case")
        return self._queue.submit_score(self._services, case_key, by=self._person.name)

    def submit_demo(self) -> JobRow:
        """Queue the building of the demonstration cases."""
        require(self._person, Role.REVIEWER, "build the demonstration cases")
        return self._queue.submit_demo(self._services, DEMO_CASES, by=self._person.name)

    def submit_tile_cam(self, case_key: str, *, slide: str, tile: int) -> JobRow:
        """Queue the Grad-CAM of one tile."""
        self._seen(case_key)
        return self._queue.submit_tile_cam(self._services, case_key, slide=slide, tile=tile, by=self._person.name)

    def job(self, job_id: str) -> JobRow | None:
        """State of a job in sight."""
        job = self._services.jobs.get(job_id)
        return job if job is not None and sees_job(self._services, self._person, job) else None

    def active_jobs(self) -> list[JobRow]:
        """Jobs that wait or run, oldest first."""
        jobs = self._services.jobs.recent(active_only=True)[::-1]
        return [job for job in jobs if sees_job(self._services, self._person, job)]

    def idle(self) -> bool:
        """Whether no worker runs."""
        return nobody_works(self._services)

    def cancel(self, job_id: str) -> None:
        """Ask a job to stop."""
        job = self._services.jobs.get(job_id)
        if job is not None:
            require(self._person, Role.REVIEWER, "stop a job")
            if not sees_job(self._services, self._person, job):
                raise CaseError(job_id, "no such job", expected="a job on this page", remedy="open the page again")
        self._queue.cancel(self._services, job_id)

    def _seen(self, case_key: str) -> CaseRow:
        """The row of a case in sight; one of another site is answered as one that is not there."""
        row = self.case(case_key)
        if row is None:
            raise CaseError(case_key, "no such case", expected="a case from the work list", remedy="open it again")
        return row

    def _may_work_on(self, case_key: str, to: str) -> None:
        require(self._person, Role.REVIEWER, to)
        self._seen(case_key)

    def pathways(self, prediction: Json) -> Pathways:
        """Names of the pathways of every gene token of the panel that the bundle reads."""
        try:
            panel = load_panel(str(prediction.get("bundle", {}).get("panel") or "v1"))
        except GenomicsError:
            return {}
        return {(t.symbol, t.kind): panel.pathways_of(t) for t in panel.tokens}

    def cards(self) -> list[tuple[str, str]]:
        """Return name and card (Markdown) of every bundle."""
        folders = bundle_folders(self._services.settings)
        paths = [(name, folder / "card.md") for name, folder in sorted(folders.items())]
        return [(name, path.read_text(encoding="utf-8")) for name, path in paths if path.is_file()]

    def faithfulness(self, result: CaseResult) -> Mapping[str, Json]:
        """What the evaluation of the bundle found about each layer of a slide; empty without one."""
        name = str(result.prediction.get("bundle", {}).get("name", ""))
        folders = bundle_folders(self._services.settings)
        return read_faithfulness(folders[name], digest=result.bundle_digest) if name in folders else {}

    def promoted(self) -> tuple[str, str] | None:
        """Name and digest of the bundle that scores cases now; None when there is none."""
        try:
            ref = self._services.bundle_ref()
        except BundleError:
            return None
        return ref.name, ref.digest

    def likeness(self, result: CaseResult, slide: str, tile: int) -> Likeness:
        """What a tile looks like to the encoder."""
        return likeness(self._services, result, slide, tile, sites=self.person.sites)

    def doctor(self) -> Json:
        """Report of ``icicore doctor``."""
        # In a process of its own: the check loads torch, which this one never does.
        command = [sys.executable, "-m", "icicore.cli", "doctor", "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=DOCTOR_SECONDS, check=False, cwd=PROJECT)
        try:
            return dict(json.loads(done.stdout))
        except ValueError:
            return {"problems": ["the check itself failed; run `icicore doctor` in a terminal"]}
