"""The evaluation report of a bundle, kept beside it: what the cohort page shows. Needs no torch."""

import json
from dataclasses import dataclass
from pathlib import Path

from icicore.errors import BundleError
from icicore.fingerprint import write_json
from icicore.types import Json
from icicore.workflows.proof import PROOF, read_proof

REPORT = "report.json"
_REMEDY = "run icicore evaluate with --write-card again"
_NEEDED = frozenset({"main", "models", "curves", "calibration", "subgroups", "features", "decision_curve", "bundles"})


@dataclass(frozen=True)
class Evaluation:
    """What the test of a bundle found; ``source`` is the file it was read from.

    A proof holds fewer sections than a report, under the same keys.
    """

    content: Json
    source: str

    @property
    def whole(self) -> bool:
        """Whether all sections are there."""
        return self.source == REPORT


def keep_report(bundle: Path, report: Json) -> None:
    """Write a report beside the bundle that it examined; no part of the seal, as a bundle can be tested again."""
    write_json(bundle / REPORT, report)


def read_evaluation(bundle: Path, digest: str) -> Evaluation | None:
    """The report of exactly this state of a bundle, else its proof; None when it was not tested.

    Raises
    ------
    BundleError
        a file cannot be read, is newer than this program, or belongs to another state of the bundle
    """
    path = bundle / REPORT
    if not path.is_file():
        proof = read_proof(bundle, digest)
        return None if proof is None else Evaluation(proof, PROOF)
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        missing = sorted(_NEEDED - set(report))
        main = next(row["bundle"] for row in report["models"] if row["name"] == report["main"])
        tested = next(b["digest"] for b in report["bundles"] if b["name"] == main)
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise BundleError(path, f"cannot be read ({type(error).__name__})", remedy=_REMEDY) from error
    if missing or int(report.get("schema", 0)) != 1:
        raise BundleError(path, "was written by another version of this program", remedy=_REMEDY)
    if tested != digest:
        raise BundleError(path, "is that of another state of this model", remedy=_REMEDY)
    return Evaluation(report, REPORT)
