"""Which cases and slides a person may see, by what the database and the case folders say of their sites."""

from pathlib import Path

from icicore.access import Person, Role, require_site
from icicore.errors import InputError
from icicore.store.jobs import JobRow
from icicore.store.visibility import sites_of_case, sites_of_slide
from icicore.workflows.casefolder import read_case
from icicore.workflows.services import Services

_OVER_CASES = ("score_batch", "import_cases", "embed")
"""Kinds of jobs without a case of their own that say which case or slide they are at."""


def sees_case(services: Services, person: Person, case_key: str) -> bool:
    """Whether the person sees this case of the work list; one that is not on it is seen by who sees all sites."""
    if person.sites is None:
        return person.sees(None)
    return any(person.sees(site) for site in sites_of_case(services.database, case_key))


def sees_slide(services: Services, person: Person, slide_id: str) -> bool:
    """Whether the person sees a slide: that of at least one case in sight."""
    if person.sites is None:
        return person.sees(None)
    return any(person.sees(site) for site in sites_of_slide(services.database, slide_id))


def sees_job(services: Services, person: Person, job: JobRow) -> bool:
    """Whether the person sees a job.

    One over many cases names the case that it is at: who is limited to sites sees only the own ones.
    """
    if not person.may(Role.READER):
        return False
    if job.case_key is not None:
        return sees_case(services, person, job.case_key)
    return person.sites is None or job.kind not in _OVER_CASES or job.owner == person.name


def require_folder(person: Person, folder: Path) -> None:
    """Refuse a case folder of a site that the person does not see.

    Raises
    ------
    NotPermitted
        The site is another one.
    CaseError, ClinicalError
        The folder cannot be read, so its site is not known.
    """
    if person.sites is not None or not person.sees(None):
        require_site(person, read_case(folder).site, folder.name)


def require_slide_file(person: Person, slide: Path) -> None:
    """Refuse a slide file of a case folder whose site the person does not see; a loose slide has no site."""
    if person.sites is None and person.sees(None):
        return
    try:
        site = read_case(slide.absolute().parent.parent).site
    except InputError:
        site = None
    require_site(person, site, slide.name)
