"""Results of a case under other bundles than the one on the work list: score under a named one, list what is there."""

from icicore.access import Person
from icicore.types import Json, Progress, no_progress
from icicore.workflows.cases import CaseResult, load_case, load_result, result_folder
from icicore.workflows.services import Services


def score_under(
    services: Services, case_key: str, bundle: str, *, by: Person | None = None, progress: Progress = no_progress
) -> Json:
    """Score and explain a case of the work list under a named bundle; the row on the work list stays as it is.

    Raises
    ------
    InputError
        there is no such case or bundle, or the case cannot be scored
    """
    from icicore.workflows.inference import score, write_explanation  # torch comes with them
    from icicore.workflows.records import record_score
    from icicore.workflows.whatif import keep_inputs

    case, ref = load_case(services, case_key), services.bundle_ref(bundle)
    scored = score(services, case, ref, progress=progress)
    folder = result_folder(services, case_key, ref.digest)
    keep_inputs(folder, scored.bundle, scored.evidence.inputs)
    write_explanation(services, scored, folder, progress=progress)
    record_score(services, case_key, scored.prediction, by=by)
    return scored.prediction


def stored_results(services: Services, case_key: str) -> list[CaseResult]:
    """All results of a case, one per state of a bundle: the one on the work list first, then by name."""
    row = services.cases.get(case_key)
    current = None if row is None else row.bundle_digest
    found = []
    for path in (services.settings.results_dir / case_key).glob("*/prediction.json"):
        result = load_result(services, case_key, path.parent.name)
        if result is not None:
            found.append(_named(result))
    return sorted(found, key=lambda r: (r.bundle_digest != current, str(_bundle(r).get("name")), r.bundle_digest))


def _named(result: CaseResult) -> CaseResult:
    """The result with the whole digest of its bundle; the folder's name holds only its beginning."""
    digest = str(_bundle(result).get("digest") or result.bundle_digest)
    return CaseResult(result.prediction, result.folder, result.slides, digest)


def _bundle(result: CaseResult) -> Json:
    return dict(result.prediction.get("bundle") or {})
