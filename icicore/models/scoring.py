"""One case to one calibrated probability with an interval."""

from dataclasses import dataclass

import torch
from scipy import stats
from torch import Tensor

from icicore.domain import MODALITIES
from icicore.errors import BundleError, InputError
from icicore.models.inputs import Batch, CaseInputs, ModelOutput, collate
from icicore.models.spec import BundleSpec
from icicore.models.zoo import Ensemble, mean_output


@dataclass(frozen=True, eq=False)
class Score:
    """What a bundle says about one case.

    Attributes
    ----------
    logit : calibrated
    probability : of response
    interval95 : of the probability
    member_logits : calibrated logit of each member
    modality_weights : per modality, None where absent
    output : mean ``ModelOutput`` of the members, batch of one, logit not calibrated
    """

    logit: float
    probability: float
    interval95: tuple[float, float]
    member_logits: tuple[float, ...]
    modality_weights: dict[str, float | None]
    output: ModelOutput


def score_case(model: Ensemble, spec: BundleSpec, inputs: CaseInputs) -> Score:
    """Score one case; a case of which nothing is present gets the training prevalence.

    Raises
    ------
    BundleError
        widths that the bundle was not trained for
    InputError
        a present value that is not finite
    """
    batch = collate([inputs])
    _check(batch, spec, inputs)
    with torch.inference_mode():
        outputs = model.member_outputs(batch)
    mean = mean_output(outputs)
    calibration = spec.calibration
    members = [calibration.slope * float(o.logit[0]) + calibration.intercept for o in outputs]
    known = [bool(p) for p in (batch.present & model.used)[0]]
    if not any(known):
        members = [spec.base_logit] * len(members)
    logit = sum(members) / len(members)
    weights = [float(w) if k else None for w, k in zip(mean.modality_weights[0], known, strict=True)]
    return Score(
        logit=logit,
        probability=sigmoid(logit),
        interval95=member_interval(members, folds=bool(spec.training.get("folds"))),
        member_logits=tuple(members),
        modality_weights=dict(zip(MODALITIES, weights, strict=True)),
        output=mean,
    )


def member_interval(member_logits: list[float], *, level: float = 0.95, folds: bool = False) -> tuple[float, float]:
    """Interval of the probability under another draw of training patients.

    Members are trained on bootstrap resamples of the training patients, so their standard deviation estimates the
    standard error of the score; mean +- Student's t (members - 1 degrees of freedom) x standard deviation, on the
    calibrated logit. Members of a cross-validation (``folds``) share most of their patients and differ less than
    resamples do; their spread becomes a standard error as in the delete-a-group jackknife, (n - 1) / sqrt(n) times the
    standard deviation. It covers what the model does not know for want of training patients, not whether this one
    patient will respond. A single member says nothing about its error: (0, 1).
    """
    n = len(member_logits)
    if n < 2:
        return 0.0, 1.0
    logits = torch.tensor(member_logits, dtype=torch.float64)
    error = float(logits.std()) * ((n - 1) / n**0.5 if folds else 1.0)
    half = float(stats.t.ppf(0.5 + level / 2, n - 1)) * error
    middle = float(logits.mean())
    return sigmoid(middle - half), sigmoid(middle + half)


def sigmoid(logit: float) -> float:
    """Probability of a logit."""
    return float(torch.sigmoid(torch.tensor(logit, dtype=torch.float64)))


def _check(batch: Batch, spec: BundleSpec, inputs: CaseInputs) -> None:
    parts: list[tuple[str, Tensor, Tensor, int]] = [
        ("tile embeddings", batch.tiles, batch.tile_mask[..., None].expand_as(batch.tiles), spec.model.tile_dim),
        ("gene tokens", batch.gene_values, batch.gene_measured, spec.model.n_tokens),
        ("clinical values", batch.clinical_values, batch.clinical_measured, spec.model.n_clinical),
    ]
    for what, values, mask, width in parts:
        if values.shape[-1] not in (0, width):
            raise BundleError(
                spec.name,
                f"case {inputs.case_id} has {values.shape[-1]} {what}",
                expected=f"{width} (backbone {spec.backbone}, panel {spec.panel})",
                remedy="prepare the case with the settings of the bundle",
            )
        if not bool(torch.isfinite(values[mask]).all()):
            raise InputError(
                inputs.case_id, f"{what} hold NaN or infinity", expected="finite values", remedy="check it"
            )
