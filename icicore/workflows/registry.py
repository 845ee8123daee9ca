"""Candidates: bundles that were trained here and wait for a person's decision."""

import logging
from pathlib import Path

from icicore.workflows.services import Services

log = logging.getLogger(__name__)


def register_candidate(
    services: Services, folder: Path, *, parent: str | None = None, job_id: str | None = None, study: str | None = None
) -> None:
    """Enter a bundle as a candidate. Its folder is the entry until there is a table of bundles."""
    del services
    log.info("candidate %s, study %s, parent %s, job %s", folder.name, study, parent or "none", job_id or "none")
