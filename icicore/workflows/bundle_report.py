"""The evaluation report of a bundle, kept beside it: what the cohort page shows. Needs no torch."""

from dataclasses import dataclass
from pathlib import Path

from icicore.fingerprint import write_json
from icicore.types import Json
from icicore.workflows.proof import PROOF, read_proof
from icicore.workflows.tested import read_tested

REPORT = "report.json"
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
        a file cannot be read, is of another version of this program, or belongs to another state of the bundle
    """
    report = read_tested(bundle / REPORT, digest, tested=_main_digest, needed=_NEEDED)
    if report is not None:
        return Evaluation(report, REPORT)
    proof = read_proof(bundle, digest)
    return None if proof is None else Evaluation(proof, PROOF)


def _main_digest(report: Json) -> str:
    main = next(row["bundle"] for row in report["models"] if row["name"] == report["main"])
    return str(next(b["digest"] for b in report["bundles"] if b["name"] == main))
