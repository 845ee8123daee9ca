"""The truth of a virtual slide: what was really placed, counted per 128 um tile and over the margin band."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from icicore.errors import InputError
from icicore.simulate.artefacts import Artefacts
from icicore.simulate.cells import Cells, Kind, vessel_mask
from icicore.simulate.spec import CLASSES, MARGIN_UM, RICH_PER_MM2, TILE_UM, SlideSpec
from icicore.simulate.tissue import Architecture
from icicore.types import F32, Mask

_MIN_TISSUE = 0.3
_SCHEMA = 1


@dataclass(frozen=True)
class SlideTruth:
    """Planted truth on the grid of 256 px tiles at 0.5 um/px whose first tile starts at (0, 0).

    Parameters
    ----------
    tile_class : int8 (rows, cols), index into `CLASSES`, -1 where less than 30 % of the tile is tissue
    lymphocytes_per_mm2 : float32 (rows, cols), lymphocytes per mm2 of tissue in the tile, 0 without tissue
    fractions : float32 (rows, cols, 6), share of the tile that is tumour, stroma, necrosis, fat, blood, artefact
    til_density_margin : lymphocytes per mm2 of tissue in the margin band
    tumour_stroma_ratio : tumour / (tumour + stroma) by area
    necrosis_fraction : necrotic share of the tissue
    """

    spec: SlideSpec
    tile_class: npt.NDArray[np.int8]
    lymphocytes_per_mm2: F32
    fractions: F32
    til_density_margin: float
    tumour_stroma_ratio: float
    necrosis_fraction: float

    def save(self, path: Path) -> None:
        """Write one .npz that holds arrays and the spec as JSON text, no pickle."""
        head = {"schema": _SCHEMA, "spec": self.spec.to_json(), "classes": list(CLASSES)} | {
            name: getattr(self, name) for name in ("til_density_margin", "tumour_stroma_ratio", "necrosis_fraction")
        }
        part = path.with_name(path.name + ".part.npz")
        np.savez_compressed(part, head=np.array(json.dumps(head)), tile_class=self.tile_class,
                            lymphocytes_per_mm2=self.lymphocytes_per_mm2, fractions=self.fractions)  # fmt: skip
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> "SlideTruth":
        """Read a file written by `save`; raises InputError for anything else."""
        try:
            with np.load(path, allow_pickle=False) as data:
                head: dict[str, Any] = json.loads(str(data["head"]))
                arrays = {name: data[name] for name in ("tile_class", "lymphocytes_per_mm2", "fractions")}
        except (OSError, ValueError, KeyError) as error:
            raise InputError(path, f"is no slide truth ({error})", expected="an .npz written with the slide") from error
        if head.pop("schema") != _SCHEMA or tuple(head.pop("classes")) != CLASSES:
            raise InputError(path, "was written by another version", remedy="render the slide again")
        return cls(spec=SlideSpec.from_json(head.pop("spec")), **arrays, **head)


def _per_tile(mask: Mask, cell: float, shape: tuple[int, int]) -> F32:
    """Share of every tile that a coarse mask covers."""
    k = round(TILE_UM / cell)
    padded = np.zeros((shape[0] * k, shape[1] * k), dtype=np.float32)
    h, w = min(mask.shape[0], padded.shape[0]), min(mask.shape[1], padded.shape[1])
    padded[:h, :w] = mask[:h, :w]
    return np.asarray(cv2.resize(padded, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), dtype=np.float32)


def count_truth(spec: SlideSpec, arch: Architecture, cells: Cells, artefacts: Artefacts) -> SlideTruth:
    """Count what was placed; plasma cells are not lymphocytes here."""
    cell = arch.cell_um
    shape = (int(np.ceil(spec.size_um[1] / TILE_UM)), int(np.ceil(spec.size_um[0] / TILE_UM)))
    parts = _parts(arch)
    fractions = {name: _per_tile(mask, cell, shape) for name, mask in parts.items()}
    tissue = np.asarray(sum(fractions.values()), dtype=np.float32)
    spoiled = _per_tile(artefacts.mask(arch.tissue.shape), cell, shape)
    ly = cells.of(Kind.LYMPHOCYTE)
    counts = np.zeros(shape, dtype=np.float32)
    np.add.at(counts, ((ly.y / TILE_UM).astype(int), (ly.x / TILE_UM).astype(int)), 1)
    area = np.maximum(tissue, 0.05) * (TILE_UM / 1000) ** 2
    density = np.where(tissue > 0.05, counts / area, 0).astype(np.float32)
    band = arch.margin
    in_band = (np.abs(arch.at(arch.bulk, ly.x, ly.y)) <= MARGIN_UM) & (arch.at(arch.fat, ly.x, ly.y) < 0)
    band_mm2 = float(band.sum()) * (cell / 1000) ** 2
    tumour, stroma = float(parts["tumour"].sum()), float(parts["stroma"].sum())
    front = _per_tile(_lymphoid_reach(spec, arch), cell, shape)
    return SlideTruth(
        spec,
        _classify(fractions, tissue, spoiled, density, front),
        density,
        np.stack([*fractions.values(), spoiled], axis=-1),
        float(in_band.sum()) / band_mm2 if band_mm2 else 0.0,
        tumour / max(1.0, tumour + stroma),
        float(parts["necrosis"].sum()) / max(1.0, float((arch.tissue > 0).sum())),
    )


def _parts(arch: Architecture) -> dict[str, Mask]:
    """Split tissue cells of the coarse grid among compartments, in the order of ``fractions``."""
    inside = arch.tissue > 0
    blood = inside & ((arch.bleeding > 0) | vessel_mask(arch))
    fat = inside & (arch.fat > 0) & ~blood
    necrosis = inside & (arch.necrosis > 0) & ~blood & ~fat
    tumour = inside & (arch.tumour > 0) & ~blood & ~fat & ~necrosis
    return {"tumour": tumour, "stroma": inside & ~blood & ~fat & ~necrosis & ~tumour, "necrosis": necrosis, "fat": fat,
            "blood": blood}  # fmt: skip


def _lymphoid_reach(spec: SlideSpec, arch: Architecture) -> Mask:
    """Where a rich tile counts as margin: the band, and the whole bulk of inflamed tumours."""
    band = np.abs(arch.bulk) <= MARGIN_UM
    return np.asarray(band | (arch.bulk > 0) if spec.phenotype == "inflamed" else band)


def _classify(fractions: dict[str, F32], tissue: F32, spoiled: F32, density: F32, front: F32) -> npt.NDArray[np.int8]:
    names = ("tumour", "stroma", "necrosis", "fat", "blood")
    # blood is conspicuous well before it fills half a tile
    stack = np.stack([fractions[n] * (1.8 if n == "blood" else 1.0) for n in names])
    out = np.array([CLASSES.index(n) for n in names], dtype=np.int8)[np.argmax(stack, axis=0)]
    rich = density >= RICH_PER_MM2
    out[rich] = CLASSES.index("lymphocytes")
    out[rich & (front >= 0.5)] = CLASSES.index("margin_lymphocytes")
    out[spoiled > 0.4] = CLASSES.index("artefact")
    out[tissue < _MIN_TISSUE] = -1
    return np.asarray(out, dtype=np.int8)
