"""Is the slide fit to be read? Focus, pen, folds, stain: measured, and put into words for a clinician."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from icicore.domain import HISTOLOGY, Reason
from icicore.slides.base import SlideReader
from icicore.slides.focus import FOCUS_MPP, FOCUS_PX, FOCUS_WINDOWS, is_blurred
from icicore.slides.fold import find_folds
from icicore.slides.overview import Overview, read_overview
from icicore.slides.pen import find_pen
from icicore.slides.sampling import sample_windows
from icicore.slides.stain_kind import FLUORESCENCE, HE, IHC, UNKNOWN, stain_kind
from icicore.slides.tissue import TissueMask
from icicore.types import Json

MAX_BLUR = 0.20
MAX_PEN = 0.02
MAX_FOLD = 0.05
MAX_UNREADABLE = 0.05
MAX_UPSAMPLING = 1.1
FEW_TILES = 20

_KIND_WORDS = {
    IHC: "looks like immunohistochemistry, not H&E",
    FLUORESCENCE: "looks like a fluorescence scan, not H&E",
    UNKNOWN: "does not show the colours of H&E",
}


@dataclass(frozen=True)
class QualityReport:
    """What was measured on a slide.

    Attributes
    ----------
    tissue_mm2 : tissue area without pen
    blur_fraction : share of sampled tissue windows that are out of focus
    pen_fraction : area of pen or ink, as a share of pen and tissue together
    fold_fraction : share of the tissue that lies in folds
    stain_kind : "H&E", "IHC", "fluorescence" or "unknown"
    damaged_fraction : share of the scanned area that the file cannot give back
    n_tiles, unreadable_tiles : tissue tiles used, and those that could not be read
    stain_method, stain_note : of the `StainFit`
    upsampling : factor by which tiles had to be enlarged, 1 if they were not
    """

    tissue_mm2: float
    blur_fraction: float
    pen_fraction: float
    fold_fraction: float
    stain_kind: str
    damaged_fraction: float = 0.0
    n_tiles: int = 0
    unreadable_tiles: int = 0
    stain_method: str = ""
    stain_note: str = ""
    upsampling: float = 1.0

    def to_json(self) -> Json:
        """Plain values, as in prediction.json."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Json) -> "QualityReport":
        """Inverse of `to_json`."""
        return cls(**content)

    def reasons(self) -> tuple[Reason, ...]:
        """Limits of what can be concluded from this slide, most serious first; empty for a good slide."""
        total = self.n_tiles + self.unreadable_tiles
        found: list[tuple[bool, str, str]] = [
            (
                self.stain_kind != HE,
                "not_he",
                f"The slide {_KIND_WORDS.get(self.stain_kind, _KIND_WORDS[UNKNOWN])}; "
                "the model was trained on H&E only.",
            ),
            (
                total > 0 and self.unreadable_tiles > MAX_UNREADABLE * total,
                "unreadable_tiles",
                f"{self.unreadable_tiles} of {total} tissue tiles could not be read from the file and were left out; "
                "copy or export the slide again.",
            ),
            (
                self.upsampling > MAX_UPSAMPLING,
                "coarse_resolution",
                f"The scan is {self.upsampling:.2g} times coarser than the 20x the model was trained on; "
                "fine detail is missing. Rescan at 20x or higher if possible.",
            ),
            (
                0 < total < FEW_TILES,
                "few_tiles",
                f"Only {self.n_tiles} tissue tiles ({self.tissue_mm2:.2f} mm²) were found; "
                "little tissue makes the result uncertain.",
            ),
            (
                self.blur_fraction > MAX_BLUR,
                "blur",
                f"{self.blur_fraction:.0%} of the tissue is out of focus; rescan if possible.",
            ),
            (
                self.pen_fraction > MAX_PEN,
                "pen",
                f"Pen or ink marks cover an area of {self.pen_fraction:.0%} of the tissue; marked areas were left out.",
            ),
            (
                self.fold_fraction > MAX_FOLD,
                "fold",
                f"{self.fold_fraction:.0%} of the tissue lies in folds, which look denser than they are.",
            ),
            (
                self.stain_method == "identity",
                "stain_not_normalised",
                f"Staining could not be matched to the reference ({self.stain_note}); colours were used as scanned.",
            ),
        ]
        return tuple(Reason(code, message, HISTOLOGY) for applies, code, message in found if applies)


def assess(
    reader: SlideReader,
    tissue: TissueMask,
    *,
    overview: Overview | None = None,
    blurred: Sequence[bool] | None = None,
) -> QualityReport:
    """Measure the quality of a slide; tile counts, stain fit and upsampling are filled in later by the caller.

    Parameters
    ----------
    tissue : as found by `find_tissue`; may be empty
    overview : the image ``tissue`` was found on, if it is at hand
    blurred : whether tiles spread over the tissue are out of focus, if somebody has looked; else windows are read
    """
    view = overview or read_overview(reader)
    um_per_px = view.scale_l0 * reader.mpp
    pen = find_pen(view.image, um_per_px)
    folds = find_folds(view.image, tissue.mask, um_per_px)
    if blurred is None:
        windows = sample_windows(reader, tissue, count=FOCUS_WINDOWS, side_px=FOCUS_PX, um_per_px=FOCUS_MPP)
        blurred = [is_blurred(window) for window in windows]
    colours = sample_windows(reader, tissue, count=32, side_px=64, um_per_px=2.0).reshape(-1, 3)
    n_tissue, n_pen = int(tissue.mask.sum()), int(pen.sum())
    return QualityReport(
        tissue_mm2=tissue.area_mm2(reader.mpp),
        blur_fraction=float(np.mean(blurred)) if blurred else 0.0,
        pen_fraction=n_pen / max(1, n_tissue + n_pen),
        fold_fraction=float((folds & tissue.mask).sum()) / max(1, n_tissue),
        stain_kind=stain_kind(view.image, colours),
        damaged_fraction=float(1 - view.readable.mean()),
    )
