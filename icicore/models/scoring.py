"""One case to one calibrated probability with an interval."""

from dataclasses import dataclass

import torch
from torch import Tensor

from icicore.domain import MODALITIES
from icicore.errors import BundleError, InputError
from icicore.models.inputs import Batch, CaseInputs, ModelOutput, collate
from icicore.models.interval import member_interval as member_interval
from icicore.models.interval import sigmoid as sigmoid
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
