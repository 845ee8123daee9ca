"""The test metrics of a model as every page shows them: from its test report where there is one, with their source."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from icicore.errors import InputError
from icicore.types import Json
from icicore.ui.text import esc
from icicore.workflows.bundle_report import REPORT, Evaluation, read_evaluation
from icicore.workflows.proof import PROOF
from icicore.workflows.registry_entries import Listed


@dataclass(frozen=True)
class Metrics:
    """Metrics by name, each with ``value`` and ``interval95``; ``source`` is the file they were read from.

    ``study`` and ``external`` say on whom a test report rests; both are empty where training measured.
    """

    values: Json
    source: str = ""
    study: str = ""
    external: bool = False

    def words(self) -> str:
        """Where the figures come from; HTML."""
        if not self.values:
            return ""
        if self.source == "bundle.json":
            return (
                "On patients of its study that it was neither trained nor tuned on; 95 % intervals. Source: "
                "bundle.json, measured at the end of the training."
            )
        who = f"{esc(self.study)}, {'external to its training' if self.external else 'held out from training'}"
        return (
            f"On patients of {who}; 95 % intervals. Source: {esc(self.source)} of <code>icicore evaluate</code>, as on "
            "the Cohort page. The card was written by the training: the same patients, other resamples, so its "
            "intervals may differ in the second digit."
        )


def metrics_of(model: Listed) -> Metrics:
    """Of the test report or proof beside the bundle; else as the training measured them; empty where there are none."""
    if model.ref is None:
        return Metrics({})
    folder = model.ref.folder
    found = _evaluation(folder, model.ref.digest, _changed(folder / REPORT), _changed(folder / PROOF))
    if found is None:
        kind = (model.ref.spec.get("model") or {}).get("kind")
        values = dict(((model.ref.spec.get("metrics") or {}).get("models") or {}).get(kind) or {})
        return Metrics(values, "bundle.json")
    content = found.content
    values = dict(next(row for row in content["models"] if row["name"] == content["main"]))
    return Metrics(values, found.source, str(content["study"]), bool(content["external"]))


def _changed(path: Path) -> int:
    """When a file was written last, nanoseconds; 0 without one."""
    return path.stat().st_mtime_ns if path.is_file() else 0


@lru_cache(maxsize=64)
def _evaluation(folder: Path, digest: str, report: int, proof: int) -> Evaluation | None:
    """Read once per change of the files; one that cannot be used is as none here, the Cohort page says why."""
    try:
        return read_evaluation(folder, digest)
    except InputError:
        return None
