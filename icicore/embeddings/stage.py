"""The last stage of an image backbone, apart from what lies before it: for tuning, and for encoders tuned so."""

import copy
import dataclasses
import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from icicore.embeddings.encoder import TileEncoder
from icicore.embeddings.fold import same_output
from icicore.embeddings.trunks import TimmMaps
from icicore.embeddings.weights import weights_digest
from icicore.errors import BackboneUnavailable


def split_last_stage(encoder: TileEncoder) -> tuple[nn.Sequential, nn.Sequential]:
    """Return copies of what comes before the last stage and of the last stage; one after the other is the encoder.

    Raises
    ------
    BackboneUnavailable
        the backbone has no stages that this program knows
    """
    parts, cut = _parts(encoder.module)
    if cut > 0:
        before, last = (nn.Sequential(*copy.deepcopy(part)) for part in (parts[:cut], parts[cut:]))
        if same_output(encoder.module, nn.Sequential(before, last), input_px=encoder.input_px):
            return before.eval(), last.eval()
    raise BackboneUnavailable(
        encoder.name, "has no last stage that can be tuned", expected="efficientnet_lite0, resnet50 or alike"
    )


def tuned_encoder(encoder: TileEncoder, last: Mapping[str, Tensor]) -> TileEncoder:
    """Return the encoder with other weights in its last stage.

    Its digest covers them, so its identifier differs and its embeddings never meet those of the original.

    Raises
    ------
    BackboneUnavailable
        the weights are not those of this backbone's last stage
    """
    if encoder.engine is not None:
        raise BackboneUnavailable(
            encoder.name, f"cannot be tuned in {encoder.precision}", expected="fp32 or bf16 embeddings"
        )
    before, stage = split_last_stage(encoder)
    try:
        stage.load_state_dict(dict(last))
    except RuntimeError as error:
        raise BackboneUnavailable(
            encoder.name, "its tuned stage does not fit", expected="the backbone that the bundle names"
        ) from error
    digest = hashlib.sha256(f"{encoder.digest}/{weights_digest(stage)}".encode()).hexdigest()
    module = nn.Sequential(before, stage).requires_grad_(False).eval()  # noqa: FBT003 (torch's own signature)
    module = module.to(encoder.device).to(memory_format=torch.channels_last)
    return dataclasses.replace(encoder, digest=digest, module=module)


def _parts(module: nn.Module) -> tuple[list[nn.Module], int]:
    """Modules that run one after the other, and the number of those before the last stage; 0 where unknown."""
    if isinstance(module, TimmMaps):
        network = module.network
        names = ("conv_stem", "bn1", "blocks", "conv_head", "bn2")
        if not all(isinstance(getattr(network, name, None), nn.Module) for name in names):
            return [], 0
        stem, norm, blocks, head, last = (getattr(network, name) for name in names)
        return [stem, norm, *blocks, head, last], 1 + len(blocks)
    if isinstance(module, nn.Sequential):
        children = list(module)
        learnt = [k for k, child in enumerate(children) if any(True for _ in child.parameters())]
        return children, learnt[-1] if learnt else 0
    return [], 0
