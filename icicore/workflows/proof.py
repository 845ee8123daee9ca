"""The proof of a bundle: what an evaluation found on patients it was not trained on, small enough for the case page.

It lies as ``proof.json`` beside bundle.json and names the state of the bundle that was tested. It is no part of the
seal: a bundle can be tested again. Needs no torch.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from icicore.evaluation.groups import SEXES, age_band
from icicore.fingerprint import write_json
from icicore.types import Json
from icicore.workflows.tested import SCHEMA, read_tested

PROOF = "proof.json"
_ROW = ("name", "kind", "n", "responders", "threshold", "auc_roc", "sensitivity", "specificity", "brier", "ece")
_NEEDED = frozenset({"main", "models", "against", "curves", "calibration", "subgroups", "n"})
_PAIR = ("n", "auc_difference", "interval95", "delong_p")
COMPARATORS: Mapping[str, str] = {"tmb": "TMB", "pdl1": "PD-L1 (CD274)", "loris": "LORIS"}
"""Names of the comparison scores of a prediction in reports."""


def proof_of(report: Json) -> Json:
    """The part of a report that proves its main model; the same keys, so that figures can be drawn from either."""
    main = report["main"]
    bundle = next(b for b in report["bundles"] if b["name"] == _row(report, main)["bundle"])
    return {
        "schema": SCHEMA,
        "bundle": bundle["name"],
        "bundle_digest": bundle["digest"],
        **{name: report[name] for name in ("study", "virtual_study", "virtual", "external", "endpoint")},
        **{name: report[name] for name in ("n", "responders", "prevalence", "bootstrap", "main")},
        "models": [{key: row[key] for key in _ROW} for row in report["models"]],
        "against": {row["b"] if row["a"] == main else row["a"]: _against(row, main) for row in _pairs(report, main)},
        "curves": {main: {"roc": report["curves"][main]["roc"]}} if main in report["curves"] else {},
        "calibration": {main: report["calibration"][main]} if main in report["calibration"] else {},
        "subgroups": report["subgroups"],
        "created_with": report["created_with"],
    }


def _row(report: Json, name: str) -> Json:
    return dict(next(row for row in report["models"] if row["name"] == name))


def _pairs(report: Json, main: str) -> list[Json]:
    return [row for row in report["pairs"] if main in (row["a"], row["b"])]


def _against(row: Json, main: str) -> Json:
    """A pair as main model minus the other."""
    found: Json = {key: row[key] for key in _PAIR}
    if row["b"] == main and row["auc_difference"] is not None:
        low, high = row["interval95"]
        found |= {"auc_difference": -row["auc_difference"], "interval95": [-high, -low]}
    return found


def write_proof(bundle: Path, report: Json) -> None:
    """Write proof.json into a bundle folder."""
    write_json(bundle / PROOF, proof_of(report))


def read_proof(bundle: Path, digest: str) -> Json | None:
    """The proof of exactly this state of a bundle; None when it was not tested.

    Raises
    ------
    BundleError
        the file cannot be read, is of another version of this program, or belongs to another state of the bundle
    """
    return read_tested(bundle / PROOF, digest, tested=lambda proof: str(proof["bundle_digest"]), needed=_NEEDED)


def verdict(proof: Json, comparator: str) -> Json | None:
    """How the main model did against a comparison score of a prediction (``tmb``, ``pdl1``, ``loris``).

    Returns
    -------
    ``n``, ``auc_difference`` (model minus score), ``interval95`` and ``beats``: True when the whole interval is above
    0; None when the two were not compared
    """
    row = proof["against"].get(COMPARATORS[comparator])
    if row is None or row["auc_difference"] is None:
        return None
    return {**row, "beats": row["interval95"][0] > 0}


def rows_of_patient(proof: Json, prediction: Json) -> list[Json]:
    """The subgroup rows of the test patients that a case belongs to: tumour type, sex and age band."""
    groups = patient_groups(prediction)
    return [row for row in proof["subgroups"] if groups.get(row["grouping"]) == row["group"]]


def patient_groups(prediction: Json) -> dict[str, str]:
    """The groups of a case by grouping, as far as they are known."""
    values = {row["name"]: row["value"] for row in prediction.get("clinical") or ()}
    age = values.get("age")
    found = {
        "tumour type": prediction.get("tumour_type"),
        "sex": SEXES.get(str(values.get("sex"))),
        "age": age_band(None if age is None else float(age)),
    }
    return {name: str(group) for name, group in found.items() if group is not None}


def not_beaten(proof: Json, names: Sequence[str]) -> list[str]:
    """Those of the comparison scores that the main model was compared with and does not beat."""
    found = {name: verdict(proof, name) for name in names}
    return [name for name, row in found.items() if row is not None and not row["beats"]]
