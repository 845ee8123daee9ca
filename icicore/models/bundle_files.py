"""The files of a bundle, checked without loading the model. Needs no torch."""

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open

from icicore.errors import BundleError
from icicore.fingerprint import file_digest, fingerprint
from icicore.models.faithfulness import FILE as FAITHFULNESS
from icicore.models.reference import REFERENCE
from icicore.types import Json

SPEC, WEIGHTS, CARD, PROOF, DRIFT = "bundle.json", "weights.safetensors", "card.md", "proof.json", "drift.safetensors"
TILES, TILES_NOTE = "tiles.safetensors", "tiles.json"
NEEDED = (SPEC, WEIGHTS, CARD)
OPTIONAL = (REFERENCE, DRIFT, TILES, TILES_NOTE, FAITHFULNESS, PROOF)
"""What may lie beside the needed files; ``reference.safetensors`` is needed where the seal names it."""
SCHEMA = 1


def check_files(folder: Path) -> tuple[Json, str]:
    """Check that every file is the one that the seal in bundle.json describes.

    Returns
    -------
    content of bundle.json, and the digest of the bundle

    Raises
    ------
    BundleError
        a file is missing, was changed, or is no safetensors file; or bundle.json is newer than this program
    """
    spec = _spec(folder)
    seal = spec["seal"]
    content = {key: value for key, value in spec.items() if key != "seal"}
    if fingerprint(content) != seal["spec_sha256"]:
        raise BundleError(folder / SPEC, "was changed after it was written", remedy="copy the bundle again")
    _check_tensors(folder / WEIGHTS, seal["weights_sha256"])
    if "reference_sha256" in seal:
        _check_tensors(folder / REFERENCE, seal["reference_sha256"])
    return spec, fingerprint(seal)


def _spec(folder: Path) -> Json:
    path = folder / SPEC
    try:
        spec = json.loads(path.read_text(encoding="utf-8"))
        seal, schema, name = spec["seal"], spec["schema"], spec["name"]
        sealed = isinstance(name, str) and {"weights_sha256", "spec_sha256"} <= set(seal)
    except FileNotFoundError:
        raise BundleError(folder / SPEC, "is missing", expected="a bundle", remedy="copy it again") from None
    except (ValueError, KeyError, TypeError) as error:
        problem = f"is not that of a bundle ({type(error).__name__})"
        raise BundleError(path, problem, expected="a sealed bundle.json", remedy="copy it again") from None
    if not sealed or not isinstance(schema, int):
        raise BundleError(path, "carries no seal", expected="the digests of its files", remedy="copy it again")
    if schema > SCHEMA:
        raise BundleError(path, f"schema {schema} is newer than this program", expected=f"{SCHEMA}", remedy="update it")
    return dict(spec)


def _check_tensors(path: Path, digest: object) -> None:
    if not path.is_file():
        raise BundleError(path, "is missing", expected="a bundle", remedy="copy it again")
    if file_digest(path) != digest:
        raise BundleError(path, "is not the file that bundle.json describes", remedy="copy the bundle again")
    check_safetensors(path)


def check_safetensors(path: Path) -> None:
    """Refuse a file that is no safetensors file; only its header is read."""
    try:
        with safe_open(path, framework="numpy"):
            pass
    except SafetensorError as error:
        raise BundleError(path, f"is not a safetensors file ({error})", remedy="copy the bundle again") from None
