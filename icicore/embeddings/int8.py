"""A backbone quantised to 8 bits and run by OpenVINO: the optional extra ``icicore[int8]``, on the CPU.

Quantised once per machine on painted tiles, the same everywhere, and kept; nothing of a patient is in it.
"""

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import io
import logging
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from icicore.embeddings.calibration import calibration_tiles
from icicore.embeddings.encoder import TileEncoder
from icicore.errors import BackboneUnavailable
from icicore.fingerprint import atomic_path

BATCH = 8
CALIBRATION = 3
"""Raise this when the calibration tiles or the way of quantising change."""


def quantised(encoder: TileEncoder, *, folder: Path | None, streams: int) -> TileEncoder:
    """Return the encoder with an 8-bit engine; its digest covers the versions that made it.

    Parameters
    ----------
    folder : where quantised networks are kept; None quantises anew each time
    streams : how many worker threads will run it at once

    Raises
    ------
    BackboneUnavailable : OpenVINO or NNCF is not installed, or cannot quantise this network.
    """
    try:
        openvino, versions = _openvino(), [importlib.metadata.version(name) for name in ("openvino", "nncf")]
    except (ImportError, importlib.metadata.PackageNotFoundError) as error:
        raise BackboneUnavailable(
            encoder.name, "cannot run in int8", remedy="install icicore[int8] (openvino, nncf), or use fp32"
        ) from error
    digest = hashlib.sha256("/".join([encoder.digest, "int8", str(CALIBRATION), *versions]).encode()).hexdigest()
    try:
        model = _quantised_model(openvino, encoder, None if folder is None else folder / f"{digest[:24]}.xml")
        settings = {"NUM_STREAMS": str(streams), "INFERENCE_NUM_THREADS": str(streams), "ENABLE_CPU_PINNING": "NO"}
        any_up_to = openvino.PartialShape([openvino.Dimension(1, BATCH), 3, encoder.input_px, encoder.input_px])
        model.reshape(any_up_to)  # the last tiles of a slide cost what they are, and not a whole batch
        compiled = openvino.Core().compile_model(_channels_last(openvino, model), "CPU", settings)
    except RuntimeError as error:
        raise BackboneUnavailable(
            encoder.name, f"cannot be quantised ({str(error).splitlines()[0]})", remedy="use fp32"
        ) from error
    return dataclasses.replace(encoder, digest=digest, engine=OpenVinoEngine(compiled))


class OpenVinoEngine(nn.Module):
    """A compiled network as a module without gradients; safe to use from several threads."""

    def __init__(self, compiled: Any) -> None:
        super().__init__()
        self._compiled, self._local = compiled, threading.local()

    def forward(self, x: Tensor) -> Tensor:
        """NCHW float32 in channels-last memory to feature maps, in batches of at most 8."""
        if not hasattr(self._local, "request"):
            self._local.request = self._compiled.create_infer_request()
        values, parts = np.ascontiguousarray(x.detach().permute(0, 2, 3, 1).numpy()), []  # as it lies: no copy
        for start in range(0, len(values), BATCH):
            result = self._local.request.infer([values[start : start + BATCH]], share_inputs=True)[0]
            parts.append(torch.from_numpy(result.copy()))
        return torch.cat(parts) if len(parts) > 1 else parts[0]


def _openvino() -> Any:
    """Import OpenVINO without its telemetry: nothing may leave this machine."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def _channels_last(openvino: Any, model: Any) -> Any:
    """The model with tiles as they lie in memory; the turning is done on the way into its first layer."""
    from openvino.preprocess import PrePostProcessor

    steps = PrePostProcessor(model)
    steps.input().tensor().set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    return steps.build()


def _quantised_model(openvino: Any, encoder: TileEncoder, path: Path | None) -> Any:
    if path is not None and path.is_file() and path.with_suffix(".bin").is_file():
        return openvino.Core().read_model(path)
    model = _quantise(openvino, encoder)
    if path is not None:
        with atomic_path(path.with_suffix(".bin")) as weights, atomic_path(path) as graph:
            openvino.serialize(model, str(graph), str(weights))
        return openvino.Core().read_model(path)
    return model


def _quantise(openvino: Any, encoder: TileEncoder) -> Any:
    import nncf
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    logging.getLogger("nncf").setLevel(logging.ERROR)
    plain = dataclasses.replace(encoder, precision="fp32", engine=None)
    tiles = calibration_tiles()
    with torch.inference_mode():
        shown = [plain.preprocess(tiles[at : at + 1]).numpy() for at in range(len(tiles))]
    with torch.no_grad(), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # about the libraries' own use of torch
        model = openvino.convert_model(encoder.module, example_input=torch.from_numpy(shown[0]))
        side = encoder.input_px
        model.reshape([1, 3, side, side])  # one tile at a time: every layer's output is kept while it is measured
        preset = nncf.QuantizationPreset.MIXED
        # The extremes of all tiles: means of single tiles' extremes would clip what is rare (cosine 0.979, not 0.992).
        extremes = AdvancedQuantizationParameters(activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX)
        data, size = nncf.Dataset(shown), len(shown)
        made = nncf.quantize(model, data, preset=preset, subset_size=size, advanced_parameters=extremes)
        made.reshape([BATCH, 3, side, side])
        return made
