"""Any timm network as backbone, for pathology foundation models; weights from local files first."""

from pathlib import Path
from typing import Any

import torch

from icicore.embeddings.encoder import TileEncoder
from icicore.embeddings.trunks import Rgb3, TimmMaps, encoder_of_maps
from icicore.embeddings.weights import download, fill, first_file, hub_checkpoints, read_state, weights_digest
from icicore.errors import BackboneUnavailable


def load_timm(name: str, weights_dir: Path | None) -> TileEncoder:
    """Build ``timm:<name>``: convolutional networks give feature maps, others only their pooled embedding.

    Raises
    ------
    BackboneUnavailable : unknown architecture, or its weights are neither on this machine nor downloadable.
    """
    import timm  # noqa: PLC0415 (slow to import)

    if not timm.is_model(name):
        raise BackboneUnavailable(f"timm:{name}", "is not an architecture of the installed timm")
    network: Any = timm.create_model(name, pretrained=False, num_classes=0).eval()
    config: dict[str, Any] = network.pretrained_cfg
    path = find_timm(name, config, weights_dir) or _download(name, config)
    fill(network, read_state(path), source=path, optional=(f"{config.get('classifier') or 'head'}.",))
    return _encoder(name, network)


def find_timm(name: str, config: dict[str, Any], weights_dir: Path | None) -> Path | None:
    """Weights of a timm network: the user's folder, torch's cache, then the Hugging Face cache."""
    patterns = [f"{name}{suffix}" for suffix in (".safetensors", ".pth", ".bin")]
    patterns += [f"{name}/*.safetensors", f"{name}/*.bin"]
    if url := config.get("url"):
        patterns.append(str(url).rsplit("/", 1)[-1])
    found = first_file((weights_dir, hub_checkpoints()), patterns)
    if found is None and (repository := config.get("hf_hub_id")):
        from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 (only for this network)

        for file in ("model.safetensors", "pytorch_model.bin"):
            cached = try_to_load_from_cache(str(repository), file)
            if isinstance(cached, str):
                return Path(cached)
    return found


def _download(name: str, config: dict[str, Any]) -> Path:
    try:
        repository = config.get("hf_hub_id") or ""
        url = f"https://huggingface.co/{repository}/resolve/main/model.safetensors"
        return download(url, hub_checkpoints() / f"{name}.safetensors")
    except BackboneUnavailable as error:
        raise BackboneUnavailable(
            f"timm:{name}",
            "its weights are not on this machine and cannot be downloaded",
            remedy=f"put {name}.safetensors into the folder ICICORE_WEIGHTS_DIR",
        ) from error


def _encoder(name: str, network: Any) -> TileEncoder:
    config = network.pretrained_cfg
    mean: Rgb3 = tuple(255 * v for v in config["mean"])
    std: Rgb3 = tuple(255 * v for v in config["std"])
    dim = int(network.num_features)
    input_px = int(config["input_size"][-1]) if config.get("fixed_input_size") else 256
    probe = torch.zeros(1, 3, input_px, input_px)
    with torch.inference_mode():
        maps, pooled = network.forward_features(probe), network(probe)
    averaged = maps.dim() == 4 and maps.shape[1] == dim and bool(torch.allclose(maps.mean((2, 3)), pooled, atol=1e-4))
    if averaged:
        encoder = encoder_of_maps(f"timm:{name}", TimmMaps(network), dim=dim, mean=mean, std=std)
        return TileEncoder(**{**vars(encoder), "input_px": input_px})
    network.requires_grad_(False)  # noqa: FBT003 (torch's own signature)
    digest = weights_digest(network)
    return TileEncoder(f"timm:{name}", digest, pooled.shape[1], network, mean, std, input_px, spatial=False)
