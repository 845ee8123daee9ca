"""What a virtual slide shall contain: the request, checked once, in micrometres and cells per mm2."""

from dataclasses import asdict, dataclass

import numpy as np

from icicore.errors import InputError
from icicore.types import Json, Mpp

CLASSES = ("tumour", "stroma", "margin_lymphocytes", "lymphocytes", "necrosis", "fat", "blood", "artefact")
"""Tile classes of the truth; the index is the value in ``SlideTruth.tile_class``, and -1 means no tissue."""
TUMOUR_TYPES = ("melanoma", "nsclc")
PHENOTYPES = ("inflamed", "excluded", "desert")
ARTEFACTS = ("pen", "blur", "fold", "bubble")
N_SITES = 6
"""Number of staining laboratories; ``site`` is taken modulo this."""
TILE_UM = 128.0
"""Side of a truth tile: 256 px at 0.5 um/px."""
MARGIN_UM = 250.0
"""Half width of the invasive margin band around the border of the tumour bulk."""
RICH_PER_MM2 = 1500.0
"""A tile is lymphocyte-rich from this rendered density on (about 25 lymphocytes in a full tile)."""


@dataclass(frozen=True)
class SlideSpec:
    """One virtual slide; equal specs give equal pixels, and ``mpp`` changes the sampling, not the tissue.

    Parameters
    ----------
    seed : non-negative; decides architecture, cells and stain drift
    tumour_type : "melanoma" or "nsclc" (squamous or adenocarcinoma is drawn from the seed)
    phenotype : where lymphocytes go: "inflamed" margin and nests, "excluded" stroma only, "desert" spread thin
    til_density : lymphocytes per mm2 of tissue in the invasive margin band, 0 to 6000
    tumour_fraction : tumour / (tumour + stroma), 0.05 to 0.9
    necrosis : necrotic fraction of the tissue, 0 to 0.6
    site : staining laboratory, 0 to 5
    artefacts : any of "pen", "blur", "fold", "bubble"
    size_um : (width, height) of the slide in um, 300 to 60,000 each
    mpp : pixel size in um, 0.1 to 5
    """

    seed: int
    tumour_type: str = "melanoma"
    phenotype: str = "inflamed"
    til_density: float = 1500.0
    tumour_fraction: float = 0.5
    necrosis: float = 0.05
    site: int = 0
    artefacts: tuple[str, ...] = ()
    size_um: tuple[float, float] = (3000.0, 2500.0)
    mpp: Mpp = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "artefacts", tuple(self.artefacts))
        object.__setattr__(self, "size_um", (float(self.size_um[0]), float(self.size_um[1])))
        self._check_word("tumour_type", self.tumour_type, TUMOUR_TYPES)
        self._check_word("phenotype", self.phenotype, PHENOTYPES)
        for name in self.artefacts:
            self._check_word("artefacts", name, ARTEFACTS)
        self._check_range("seed", self.seed, 0, 2**63)
        self._check_range("til_density", self.til_density, 0, 6000)
        self._check_range("tumour_fraction", self.tumour_fraction, 0.05, 0.9)
        self._check_range("necrosis", self.necrosis, 0, 0.6)
        self._check_range("mpp", self.mpp, 0.1, 5)
        for side in self.size_um:
            self._check_range("size_um", side, 300, 60_000)

    @staticmethod
    def _check_word(name: str, value: str, allowed: tuple[str, ...]) -> None:
        if value not in allowed:
            raise InputError(f"slide spec {name}", f"unknown value {value!r}", expected="one of " + ", ".join(allowed))

    @staticmethod
    def _check_range(name: str, value: float, low: float, high: float) -> None:
        if not low <= value <= high:
            raise InputError(f"slide spec {name}", f"value {value} out of range", expected=f"{low:g} to {high:g}")

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height) in level-0 pixels."""
        return round(self.size_um[0] / self.mpp), round(self.size_um[1] / self.mpp)

    def rng(self, purpose: str) -> np.random.Generator:
        """Return an independent generator for one purpose, so that changing one stage leaves the others alone."""
        return np.random.default_rng([self.seed, *purpose.encode()])

    def to_json(self) -> Json:
        """Return plain JSON values."""
        return asdict(self) | {"artefacts": list(self.artefacts), "size_um": list(self.size_um)}

    @classmethod
    def from_json(cls, data: Json) -> "SlideSpec":
        """Rebuild a spec written by `to_json`."""
        values = dict(data)
        values["artefacts"] = tuple(values["artefacts"])
        values["size_um"] = (values["size_um"][0], values["size_um"][1])
        return cls(**values)
