"""The comparison of a candidate with the promoted bundle, kept beside the candidate and sealed. Needs no torch.

The seal is an HMAC with the secret of this installation: a comparison that was edited, or that came with a bundle from
elsewhere, opens nothing.
"""

import hashlib
import hmac
import json
from pathlib import Path

from icicore.addresses import installation_secret
from icicore.fingerprint import fingerprint, write_json
from icicore.store.registry import BundleRow
from icicore.types import Json
from icicore.workflows.services import BundleRef, Services

COMPARISON = "comparison.json"
SCHEMA = 1


def write_comparison(services: Services, folder: Path, comparison: Json) -> None:
    """Write the comparison into the folder of the candidate."""
    # As JSON will give it back, or its digest would differ after reading.
    content = json.loads(json.dumps(comparison, allow_nan=False))
    write_json(folder / COMPARISON, {**content, "seal": _seal(services, content)})


def read_comparison(services: Services, ref: BundleRef, champion: BundleRow) -> Json | None:
    """The comparison of exactly these two bundles, None where there is none that this installation made."""
    try:
        content = json.loads((ref.folder / COMPARISON).read_text(encoding="utf-8"))
        seal = str(content.pop("seal"))
        pair = (content["challenger"]["digest"], content["champion"]["digest"])
        schema = int(content["schema"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if schema != SCHEMA or pair != (ref.digest, champion.digest):
        return None
    return dict(content) if hmac.compare_digest(seal, _seal(services, content)) else None


def allowed(comparison: Json) -> bool:
    """Whether every check of the comparison was passed."""
    return bool(comparison["checks"]) and all(check["passed"] for check in comparison["checks"])


def worst_subgroup(comparison: Json) -> tuple[bool, str]:
    """For which group the candidate loses most, in words, and whether the loss is more than chance; it stops nothing.

    The words hold the difference in AUC with its interval, n and responders, and among how many groups it is the worst.
    """
    worst, rows = comparison.get("worst_loss"), comparison.get("subgroup_losses") or []
    if worst is None:
        return False, "no subgroup is large enough to be measured"
    difference, bounds = float(worst["auc_difference"]), worst["interval95"]
    known = bounds is not None and None not in bounds
    low, high = (_signed(b) for b in bounds) if known else ("unknown", "unknown")
    sure = bool(known and bounds[1] < 0)
    lead = "loses most" if difference < 0 else "gains least"
    verdict = ": worse for this group" if sure else ", within chance" if difference < 0 else ""
    return sure, (
        f"{worst['group']} ({worst['grouping']}) {lead}: AUC difference {_signed(difference)} ({low} to {high}), "
        f"n {worst['n']} with {worst['responders']} responders, of {len(rows)} groups{verdict}"
    )


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def _seal(services: Services, content: Json) -> str:
    secret = installation_secret(services.settings.home).encode()
    return hmac.new(secret, b"icicore-comparison:" + fingerprint(content).encode(), hashlib.sha256).hexdigest()
