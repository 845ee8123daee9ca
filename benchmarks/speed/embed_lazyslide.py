"""Participant of ``speed.embed``, run in an environment with lazyslide. SLIDE WEIGHTS default|bf16."""

import json
import os
import sys
import time
from pathlib import Path

import lazyslide
import torch
import torchvision
from safetensors.torch import load_file
from torchvision.transforms import v2
from wsidata import open_wsi

slide, weights, kind = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
network = torchvision.models.resnet50(weights=None)
network.load_state_dict({k: v.float() for k, v in load_file(next(weights.glob("resnet50*.safetensors"))).items()})
network.fc = torch.nn.Identity()


class InFloat(torch.nn.Module):
    """The network with results that NumPy knows: in bf16 it would not take them."""

    def forward(self, x):
        return network(x).float()


network.eval()
model = InFloat().eval()
transform = v2.Compose(
    [
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ]
)
faster = {"amp": True, "autocast_dtype": torch.bfloat16} if kind == "bf16" else {}
wall, cpu = time.perf_counter(), sum(os.times()[:4])
wsi = open_wsi(slide, store=None)
lazyslide.pp.find_tissues(wsi)
lazyslide.pp.tile_tissues(wsi, 256, mpp=0.5)
found = lazyslide.tl.feature_extraction(
    wsi, model, transform=transform, device="cpu", pbar=False, return_features=True, **faster
)
wall, cpu = time.perf_counter() - wall, sum(os.times()[:4]) - cpu
n = len(wsi.shapes["tiles"])
print(json.dumps({"tiles": n, "cpu_s": cpu, "wall_s": round(wall, 1)}))
