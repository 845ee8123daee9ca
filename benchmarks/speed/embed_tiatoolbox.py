"""Participant of ``speed.embed``, run in an environment with tiatoolbox. SLIDE WEIGHTS default."""

import json
import logging
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torchvision
from safetensors.torch import load_file
from tiatoolbox.models.architecture.vanilla import CNNBackbone
from tiatoolbox.models.engine.deep_feature_extractor import DeepFeatureExtractor
from tiatoolbox.models.engine.io_config import IOPatchPredictorConfig

MEAN, STD = np.float32((0.485, 0.456, 0.406)), np.float32((0.229, 0.224, 0.225))


def normalised(tile: np.ndarray) -> np.ndarray:
    """As the network was trained: 0 to 1, then mean and standard deviation of ImageNet."""
    return (np.float32(tile) / 255 - MEAN) / STD


slide, weights = sys.argv[1], Path(sys.argv[2])
logging.disable(logging.WARNING)
network = torchvision.models.resnet50(weights=None)
network.load_state_dict({k: v.float() for k, v in load_file(next(weights.glob("resnet50*.safetensors"))).items()})
model = CNNBackbone("resnet50")
model.feat_extract = torch.nn.Sequential(*list(network.children())[:-2])
model.preproc_func = normalised
model.eval()
at = [{"units": "mpp", "resolution": 0.5}]
layout = IOPatchPredictorConfig(
    input_resolutions=at, output_resolutions=at, patch_input_shape=(256, 256), stride_shape=(256, 256)
)
extractor = DeepFeatureExtractor(model=model, batch_size=32, num_workers=0, device="cpu", verbose=False)
with tempfile.TemporaryDirectory() as folder:
    wall, cpu = time.perf_counter(), sum(os.times()[:4])
    found = extractor.run(
        [Path(slide)],
        patch_mode=False,
        ioconfig=layout,
        save_dir=Path(folder) / "out",
        output_type="zarr",
        device="cpu",
    )
    wall, cpu = time.perf_counter() - wall, sum(os.times()[:4]) - cpu
    import zarr

    group = zarr.open(str(next(iter(found.values()))), mode="r")
    n = max(group[name].shape[0] for name in group.array_keys() if group[name].ndim)
print(json.dumps({"tiles": n, "cpu_s": cpu, "wall_s": round(wall, 1)}))
