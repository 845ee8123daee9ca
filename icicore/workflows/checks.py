"""What a preflight depends on, and so which preflight belongs to which training."""

from dataclasses import replace

from icicore.types import Json
from icicore.workflows.candidates import TrainingRequest

_ARCHITECTURE = ("model", "width", "depth", "gene_attention", "gene_signatures")


def check_request(request: TrainingRequest) -> TrainingRequest:
    """What a preflight looks at: study, parts, and the architecture where weights are continued."""
    names = ("seed", *(_ARCHITECTURE if request.continued else ()))
    config: Json = {name: request.config[name] for name in names if name in request.config}
    return replace(request, name="check", config=config)
