"""What a bundle says about itself, as frozen values and as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields

from icicore.clinical.features import ClinicalScaler
from icicore.errors import BundleError
from icicore.genomics.features import TokenScaler
from icicore.models.multimodal import ModelConfig
from icicore.types import Json

SCHEMA = 1
"""Version of bundle.json that this program writes and the newest that it reads."""


@dataclass(frozen=True)
class Calibration:
    """Platt scaling: calibrated logit = slope * mean member logit + intercept."""

    slope: float = 1.0
    intercept: float = 0.0


@dataclass(frozen=True, eq=False)
class BundleSpec:
    """All that prediction needs besides the weights.

    Attributes
    ----------
    name : of the bundle; a bundle trained on virtual data says so here
    virtual : trained on simulated patients
    model : architecture of every member
    members : number of members in the ensemble
    panel : name and version of the gene panel
    tokens, token_kinds : symbol and kind of each gene token, in model order
    token_scaler, clinical_scaler : statistics of the training patients
    backbone, backbone_digest : tile encoder and the first 12 hex digits of its digest, as in ``Bag.encoder_id``
    grid : tile size, mpp and the other fields of the tile grid
    stain : stain normalisation settings that the bags were made with
    calibration, threshold : threshold is a calibrated probability, chosen for sensitivity first
    base_logit : calibrated logit of a patient of whom nothing is known (training prevalence)
    cohort : study, numbers per split, prevalence, salted case hashes
    training : the recipe as it was run
    metrics : held-out test metrics per model, with intervals
    created_with : versions
    """

    name: str
    virtual: bool
    model: ModelConfig
    members: int
    panel: str
    tokens: tuple[str, ...]
    token_kinds: tuple[str, ...]
    token_scaler: TokenScaler
    clinical_scaler: ClinicalScaler
    backbone: str
    backbone_digest: str
    grid: Json = field(default_factory=dict)
    stain: Json = field(default_factory=dict)
    calibration: Calibration = Calibration()
    threshold: float = 0.5
    base_logit: float = 0.0
    cohort: Json = field(default_factory=dict)
    training: Json = field(default_factory=dict)
    metrics: Json = field(default_factory=dict)
    created_with: Json = field(default_factory=dict)
    schema: int = SCHEMA

    def to_json(self) -> Json:
        """As in bundle.json."""
        content: Json = {f.name: getattr(self, f.name) for f in fields(self)}
        special = {
            "model": self.model.to_json(),
            "token_scaler": self.token_scaler.to_json(),
            "clinical_scaler": self.clinical_scaler.to_json(),
            "calibration": asdict(self.calibration),
        }
        return {"schema": self.schema, **content, **special}

    @classmethod
    def from_json(cls, content: Mapping[str, object], *, source: str) -> "BundleSpec":
        """Read what ``to_json`` wrote.

        Raises
        ------
        BundleError
            newer schema, missing or unknown keys, values of the wrong kind
        """
        schema = content.get("schema")
        if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
            raise BundleError(
                source, "states no schema version", expected=f"1 to {SCHEMA}", remedy="it is not a bundle"
            )
        if schema > SCHEMA:
            raise BundleError(
                source, f"schema {schema} is newer than this program", expected=f"at most {SCHEMA}", remedy="update it"
            )
        names = {f.name for f in fields(cls)}
        odd = sorted(names ^ set(content))
        if odd:
            problem = "is missing" if odd[0] in names else "is unknown"
            raise BundleError(source, f"key {odd[0]!r} {problem}", remedy="copy the bundle again")
        try:
            return cls(**_typed(dict(content)))
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            raise BundleError(source, f"cannot be read ({error})", remedy="copy the bundle again") from error


def _typed(content: Json) -> Json:
    return {
        **content,
        "model": ModelConfig.from_json(content["model"]),
        "token_scaler": TokenScaler.from_json(content["token_scaler"]),
        "clinical_scaler": ClinicalScaler.from_json(content["clinical_scaler"]),
        "tokens": tuple(content["tokens"]),
        "token_kinds": tuple(content["token_kinds"]),
        "calibration": Calibration(**content["calibration"]),
        "threshold": float(content["threshold"]),
        "base_logit": float(content["base_logit"]),
    }
