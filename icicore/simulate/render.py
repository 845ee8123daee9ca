"""Render a virtual H&E slide: architecture, cells, matrix, stain, artefacts, pixels, file; and its truth."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from icicore.simulate.artefacts import Artefacts, blur_pixels, fold_density, ink_density, plan_artefacts
from icicore.simulate.cells import Cells, Kind, place_cells
from icicore.simulate.matrix import Ground, Scene, paint_matrix, survey
from icicore.simulate.noise import smoothstep
from icicore.simulate.nuclei import SpriteBank, open_bank
from icicore.simulate.slide_writer import write_pyramid
from icicore.simulate.spec import CLASSES, SlideSpec
from icicore.simulate.stains import Stain, slide_stain
from icicore.simulate.texture import Window
from icicore.simulate.tissue import build_architecture
from icicore.simulate.truth import SlideTruth, count_truth
from icicore.types import F32, Progress, Rgb, no_progress

__all__ = ["CLASSES", "SlideSpec", "SlideTruth", "render_slide"]

_CORE_PX = 1024
_PAD_UM = 44.0
_ORDER = (Kind.MACROPHAGE, Kind.FIBROBLAST, Kind.TUMOUR, Kind.MITOSIS, Kind.APOPTOTIC, Kind.DEBRIS, Kind.RED_CELL,
          Kind.ENDOTHELIAL, Kind.NEUTROPHIL, Kind.PLASMA, Kind.LYMPHOCYTE)  # fmt: skip


@dataclass(frozen=True)
class Painter:
    """Everything that was decided for one slide before its first pixel."""

    scene: Scene
    bank: SpriteBank
    stain: Stain
    artefacts: Artefacts

    @classmethod
    def prepare(cls, spec: SlideSpec) -> "Painter":
        """Lay out a slide."""
        arch = build_architecture(spec)
        scene = Scene.arrange(spec, arch, place_cells(spec, arch))
        return cls(
            scene, open_bank(spec, arch.style), slide_stain(spec), plan_artefacts(spec, arch.tissue, arch.cell_um)
        )

    def truth(self) -> SlideTruth:
        """Count what was laid out."""
        return count_truth(self.scene.spec, self.scene.arch, self.scene.cells, self.artefacts)

    def paint(self, x0: int, y0: int, width: int, height: int) -> Rgb:
        """Return level-0 pixels (height, width, 3); any window of a slide gives the same pixels."""
        mpp = self.scene.spec.mpp
        pad = int(np.ceil(_PAD_UM / mpp))
        window = Window(x0 - pad, y0 - pad, width + 2 * pad, height + 2 * pad, mpp)
        if self._is_glass(window):
            density = np.zeros((*window.shape, 4), dtype=np.float32)
        else:
            ground = survey(self.scene, window)
            density = paint_matrix(self.scene, ground)
            _stamp(density, self.scene.near(window, 12), window, self.bank)
            _tear(density, ground)
            fold_density(self.artefacts, window, density)
        pixels = self._expose(density, window)
        return np.ascontiguousarray(pixels[pad : pad + height, pad : pad + width])

    def _is_glass(self, window: Window) -> bool:
        part = window.part(self.scene.arch.tissue, self.scene.arch.cell_um)
        return not part.size or float(part.max()) < -15

    def _expose(self, density: F32, window: Window) -> Rgb:
        """Turn densities into the pixels of a camera: light, optics, noise."""
        _dust(density, self.scene, window)
        pixels = self.stain.to_rgb(density, ink_density(self.artefacts, window))
        soft = cv2.GaussianBlur(pixels, (0, 0), max(0.30 / window.mpp, 0.3))
        if self.stain.sharpen:
            wide = cv2.GaussianBlur(soft, (0, 0), max(0.8 / window.mpp, 0.5))
            soft = cv2.addWeighted(soft, 1 + self.stain.sharpen, wide, -self.stain.sharpen, 0)
        soft = blur_pixels(self.artefacts, window, np.asarray(soft, dtype=np.uint8))
        tex = self.scene.textures
        noisy = soft + np.stack([tex.crop(tex.white, window, 100 + 211 * c) for c in range(3)], axis=-1)
        return np.asarray(np.clip(noisy, 0, 255), dtype=np.uint8)


def _stamp(density: F32, cells: Cells, window: Window, bank: SpriteBank) -> None:
    """Stamp all cells into the canvas in place, small dark ones last."""
    height, width = window.shape
    for kind in _ORDER:
        some = cells.of(kind)
        px = (some.x / window.mpp - window.x0).tolist()
        py = (some.y / window.mpp - window.y0).tolist()
        for x, y, angle, tone, pick in zip(
            px, py, some.angle.tolist(), some.tone.tolist(), some.pick.tolist(), strict=True
        ):
            sprite = bank.pick(kind, angle, pick)
            h, w = sprite.keep.shape[:2]
            left, top = round(x - w / 2), round(y - h / 2)
            if left < 0 or top < 0 or left + w > width or top + h > height:
                continue  # only in the padding, which is cut away
            view = density[top : top + h, left : left + w]
            view *= sprite.keep
            view += sprite.add * np.float32(tone)


def _tear(density: F32, ground: Ground) -> None:
    """End the tissue at its ragged border, and give all of it the grain of fixed protein."""
    density *= (smoothstep(-1.2, 1.2, ground.tissue) * ground.thickness * (1 + 0.07 * ground.grain))[..., None]


def _dust(density: F32, scene: Scene, window: Window) -> None:
    """Leave faint specks on the glass."""
    tex = scene.textures
    specks = smoothstep(3.9, 4.6, tex.crop(tex.mottle, window, 77))
    density[..., 0] += 0.25 * specks
    density[..., 1] += 0.10 * specks


def render_slide(spec: SlideSpec, out: Path, *, progress: Progress = no_progress) -> SlideTruth:
    """Render a slide into a pyramidal TIFF and return its truth.

    Parameters
    ----------
    spec : what the slide shall contain
    out : path of the .tif to write, atomically
    progress : called after every painted block

    Raises
    ------
    Cancelled : when ``progress`` does; nothing is left behind
    """
    painter = Painter.prepare(spec)
    truth = painter.truth()
    width, height = spec.size_px
    columns = range(0, width, _CORE_PX)
    total = len(columns) * -(-height // _CORE_PX)
    done = 0

    def band(y0: int, rows: int) -> Rgb:
        nonlocal done
        pixels = np.empty((rows, width, 3), dtype=np.uint8)
        for x0 in columns:
            pixels[:, x0 : x0 + _CORE_PX] = painter.paint(x0, y0, min(_CORE_PX, width - x0), rows)
            done += 1
            progress(done, total, "rendering slide")
        return pixels

    note = {"MPP": f"{spec.mpp:g}", "seed": spec.seed, "site": spec.site}
    write_pyramid(out, (width, height), band, mpp=spec.mpp, note=note)
    return truth
