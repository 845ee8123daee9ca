"""The tile bank: virtual slides rendered and embedded once, from which the bags of a whole cohort are composed."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from icicore.embeddings.bag import Bag
from icicore.embeddings.cache import EmbeddingCache
from icicore.fingerprint import fingerprint, write_bytes
from icicore.simulate.spec import SlideSpec
from icicore.simulate.truth import SlideTruth
from icicore.types import Progress
from icicore.workflows.pool import run_missing

VERSION = 1
"""Raise this when rendering or embedding changes."""
_WHAT = "rendering and embedding the tile bank"


@dataclass(frozen=True)
class BankPlace:
    """Where a bank is kept and how it is embedded; ``encoder_id`` belongs to ``backbone``."""

    folder: Path
    backbone: str
    encoder_id: str
    weights_dir: Path | None

    def paths(self, spec: SlideSpec) -> tuple[Path, Path]:
        """Bag and truth file of one bank slide."""
        key = fingerprint("bank", VERSION, spec, self.encoder_id)
        return self.folder / f"{key}.safetensors", self.folder / f"{key}.npz"


def bank_slides(place: BankPlace, specs: Sequence[SlideSpec], *, progress: Progress) -> list[tuple[Bag, SlideTruth]]:
    """Bag and truth of every bank slide, in the order of ``specs``.

    One process per core renders and embeds whole slides; each is kept once done, so an interrupted bank continues.
    """
    missing = [s for s in specs if not place.paths(s)[0].exists()]
    run_missing(partial(_make, place), missing, total=len(specs), progress=progress, what=_WHAT)
    return [(Bag.load(bag), SlideTruth.load(truth)) for bag, truth in map(place.paths, specs)]


def _make(place: BankPlace, spec: SlideSpec) -> None:
    """Render and embed one slide in a process of its own; the picture is not kept."""
    import torch

    from icicore.embeddings.backbones import load_backbone
    from icicore.embeddings.embed import embed_slide
    from icicore.embeddings.precision import precision_of
    from icicore.simulate.render import render_slide
    from icicore.slides.reader import open_slide, slide_digest
    from icicore.slides.tiling import TileGrid

    torch.set_num_threads(1)
    bag_path, truth_path = place.paths(spec)
    with tempfile.TemporaryDirectory(prefix="icicore-bank-") as scratch:
        slide = Path(scratch) / "slide.tif"
        truth = render_slide(spec, slide)
        with open_slide(slide) as reader:
            bag = embed_slide(
                reader,
                digest=slide_digest(slide),
                grid=TileGrid(),
                encoder=load_backbone(
                    place.backbone, weights_dir=place.weights_dir, precision=precision_of(place.encoder_id)
                ),
                cache=EmbeddingCache(Path(scratch) / "cache"),
            )
        truth_file = Path(scratch) / "truth.npz"
        truth.save(truth_file)
        write_bytes(truth_path, truth_file.read_bytes())
        bag.save(bag_path)
