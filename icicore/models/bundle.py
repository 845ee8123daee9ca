"""Model bundles: weights.safetensors, bundle.json, card.md and, if known, reference.safetensors. Never a pickle."""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from icicore.errors import BundleError
from icicore.fingerprint import file_digest, fingerprint, write_bytes, write_json
from icicore.models.inputs import CaseInputs
from icicore.models.reference import REFERENCE, Reference, read_reference
from icicore.models.scoring import Score, score_case
from icicore.models.spec import BundleSpec
from icicore.models.zoo import Ensemble, build
from icicore.types import Json

WEIGHTS, SPEC, CARD = "weights.safetensors", "bundle.json", "card.md"
_BASELINE = "baseline.slide"
_STAGE = "backbone."
_PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".joblib")


@dataclass(frozen=True, eq=False)
class ModelBundle:
    """A loaded model with all that prediction needs.

    Attributes
    ----------
    name, folder : the bundle's name and place
    model : the ensemble, in eval mode, on the CPU
    spec : everything in bundle.json
    digest : SHA-256 over weights and specification
    baseline_slide : float (members, d), mean slide embedding of the training patients, per member
    card : text of card.md
    backbone_stage : weights of the backbone's last stage where it was tuned with the model, else empty
    reference : distributions over the training patients; None in a bundle that was written without
    """

    name: str
    folder: Path
    model: Ensemble
    spec: BundleSpec
    digest: str
    baseline_slide: Tensor
    card: str = ""
    backbone_stage: Mapping[str, Tensor] = field(default_factory=dict)
    reference: Reference | None = None

    def score(self, inputs: CaseInputs) -> Score:
        """Score one case; see ``scoring.score_case``."""
        return score_case(self.model, self.spec, inputs)

    def calibrated(self, member_logits: Tensor) -> Tensor:
        """Calibrated logit of raw logits."""
        return self.spec.calibration.slope * member_logits + self.spec.calibration.intercept


@dataclass(frozen=True)
class BundleInfo:
    """A bundle folder as listed: its specification, or the one line that says why it cannot be used."""

    name: str
    folder: Path
    spec: BundleSpec | None
    problem: str | None = None


def save_bundle(
    folder: Path,
    model: Ensemble,
    spec: BundleSpec,
    card: str,
    *,
    baseline_slide: Tensor,
    backbone_stage: Mapping[str, Tensor] | None = None,
    reference: Reference | None = None,
) -> ModelBundle:
    """Write a bundle folder atomically, replacing one of the same name, and return it as loaded again."""
    tensors = {k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()}
    tensors[_BASELINE] = baseline_slide.detach().cpu().contiguous()
    tensors |= {f"{_STAGE}{k}": v.detach().cpu().contiguous() for k, v in (backbone_stage or {}).items()}
    with atomic_folder(folder) as temporary:
        write_bytes(temporary / WEIGHTS, save_tensors(tensors))
        content = spec.to_json()
        seal = {"weights_sha256": file_digest(temporary / WEIGHTS), "spec_sha256": fingerprint(_plain(content))}
        if reference is not None:
            write_bytes(temporary / REFERENCE, reference.to_bytes())
            seal["reference_sha256"] = file_digest(temporary / REFERENCE)
        write_json(temporary / SPEC, {**content, "seal": seal})
        write_bytes(temporary / CARD, card.encode())
    return load_bundle(folder)


def load_bundle(folder: Path) -> ModelBundle:
    """Load a bundle.

    Raises
    ------
    BundleError
        a file is missing, corrupt, changed since it was written, a pickle, or newer than this program
    """
    spec, seal = _read_spec(folder)
    weights = _required(folder, WEIGHTS)
    if file_digest(weights) != seal["weights_sha256"]:
        _refuse_pickle(weights)
        raise BundleError(weights, "is not the file that bundle.json describes", remedy="copy the bundle again")
    try:
        tensors = load_tensors(weights.read_bytes())
    except SafetensorError as error:
        raise BundleError(weights, f"is not a safetensors file ({error})", remedy="copy the bundle again") from error
    baseline = tensors.pop(_BASELINE, None)
    stage = {name: tensors.pop(name) for name in [*tensors] if name.startswith(_STAGE)}
    model = Ensemble([build(spec.model) for _ in range(spec.members)])
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise BundleError(weights, "does not fit the architecture in bundle.json", remedy="copy it again") from error
    if baseline is None:
        raise BundleError(weights, f"lacks the tensor {_BASELINE}", remedy="copy the bundle again")
    card = folder / CARD
    return ModelBundle(
        name=spec.name,
        folder=folder,
        model=model.eval().requires_grad_(requires_grad=False),
        spec=spec,
        digest=fingerprint(seal),
        baseline_slide=baseline,
        card=card.read_text(encoding="utf-8") if card.is_file() else "",
        backbone_stage={name.removeprefix(_STAGE): value for name, value in stage.items()},
        reference=read_reference(folder, seal, n_tokens=spec.model.n_tokens),
    )


def list_bundles(checkpoints: Path) -> list[BundleInfo]:
    """List the bundle folders in ``checkpoints``, by name; weights are not read."""
    if not checkpoints.is_dir():
        return []
    found = []
    for folder in sorted(p for p in checkpoints.iterdir() if p.is_dir() and not p.name.startswith(".")):
        try:
            found.append(BundleInfo(folder.name, folder, _read_spec(folder)[0]))
        except BundleError as error:
            found.append(BundleInfo(folder.name, folder, None, str(error)))
    return found


@contextlib.contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``target``; on success it replaces ``target``, otherwise nothing stays."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        yield temporary
        temporary.chmod(0o755)
        if target.exists():
            old = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.old."))
            target.rename(old / target.name)
            temporary.rename(target)
            shutil.rmtree(old)
        else:
            temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _read_spec(folder: Path) -> tuple[BundleSpec, Json]:
    path = _required(folder, SPEC)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BundleError(path, f"is not JSON ({error})", remedy="copy the bundle again") from error
    if not isinstance(content, dict):
        raise BundleError(path, "is not a JSON object", remedy="copy the bundle again")
    seal = content.pop("seal", None)
    spec = BundleSpec.from_json(content, source=f"{folder.name}/{SPEC}")
    if not isinstance(seal, dict) or set(seal) - {"reference_sha256"} != {"weights_sha256", "spec_sha256"}:
        raise BundleError(
            path, "carries no seal", expected="the digests of weights and content", remedy="copy it again"
        )
    if fingerprint(content) != seal["spec_sha256"]:
        raise BundleError(path, "was changed after it was written", remedy="copy the bundle again or train anew")
    return spec, seal


def _required(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        if folder.is_dir():
            for other in folder.iterdir():
                _refuse_pickle(other)
        raise BundleError(f"{folder.name}/{name}", "is missing", expected="a bundle folder", remedy="copy it again")
    return path


def _refuse_pickle(path: Path) -> None:
    """Name pickled checkpoints for what they are: loading one runs whatever code it holds."""
    if not path.is_file():
        return
    with path.open("rb") as stream:
        start = stream.read(4)
    if path.suffix in _PICKLES or start[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        raise BundleError(
            path, "is a pickled checkpoint", expected=WEIGHTS, remedy="pickles are never loaded; export as safetensors"
        )


def _plain(content: Json) -> Json:
    """Return the content as JSON will give it back (tuples become lists)."""
    return json.loads(json.dumps(content, allow_nan=False))  # type: ignore[no-any-return]
