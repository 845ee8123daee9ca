"""Fit the tile-class head on virtual tiles and measure it: virtual slides, composed bags, real tiles.

    python benchmarks/tile_classes.py --write                                   fit from the seed and ship it
    python benchmarks/tile_classes.py --shipped --real FOLDER --study STUDY     measure the shipped head

FOLDER holds real tiles as <class>/<slide>_<x>_<y>.png, 256 px at about 0.5 um/px; STUDY is a virtual study with its
bags and its truth. Painting the tiles takes about ten minutes on two cores, once; they are kept under ICICORE_HOME, and
so is the bank of whole slides (about ten minutes more), which the head never sees and on which it is tested.
"""

import argparse
import json
import re
import sys
from pathlib import Path

import cv2
import numpy as np
import torch

from icicore.embeddings.bag import Bag
from icicore.embeddings.embed import encode_in_batches
from icicore.explain.histology import TIL_DENSITY, TUMOUR_STROMA, histology_measures
from icicore.models.tile_classes import TABLES, TILE_CLASSES, TileClassHead, load_tile_head
from icicore.settings import read_settings
from icicore.simulate.truth_store import read_study_truth
from icicore.slides.stain import fit_stain, normalise
from icicore.workflows.services import Services, build_services
from icicore.workflows.tile_classes import HeadPlan, agreement, bank_of, fit_head, labelled_tiles, measure_on_slides

REAL_CLASSES = {
    "lymphocyte_rich": "lymphocytes",
    "tumour_squamous": "tumour",
    "stroma_desmoplastic": "stroma",
    "fibrous_stroma": "stroma",
    "artefact_black_ink": "artefact",
} | {name: name for name in TILE_CLASSES}


def progress(done: int, total: int, what: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{what}: {done} of {total}   ")


def tile_files(folder: Path) -> list[Path]:
    """Pictures of all real tiles; ends the program where there are none."""
    files = sorted(p for p in folder.glob("*/*.png") if p.parent.name in REAL_CLASSES)
    if not files:
        raise SystemExit(f"{folder}: holds no tiles; expected <class>/<slide>_<x>_<y>.png")
    return files


def real_tiles(services: Services, backbone: str, folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings, folder name and slide of all real tiles; stains are fitted per slide, as on a whole slide."""
    files = tile_files(folder)
    name = np.array([p.parent.name for p in files])
    slide = np.array([re.sub(r"_\d+_\d+$", "", p.stem) for p in files])
    tiles = np.stack([cv2.imread(str(p))[..., ::-1] for p in files])
    for one in np.unique(slide):
        rows = np.flatnonzero(slide == one)
        tiles[rows] = normalise(tiles[rows], fit_stain(tiles[rows][:, ::4, ::4].reshape(-1, 3)))
    return encode_in_batches(services.encoder(backbone), tiles).astype(np.float16), name, slide


def on_real_tiles(head: TileClassHead, embeddings: np.ndarray, name: np.ndarray, slide: np.ndarray) -> list[dict]:
    seen = head(embeddings)
    rows = []
    for group in sorted(set(zip(name.tolist(), slide.tolist(), strict=True))):
        here = (name == group[0]) & (slide == group[1])
        counts = np.bincount(seen.tile_class[here], minlength=len(TILE_CLASSES))
        rows.append(
            {
                "folder": group[0],
                "slide": group[1],
                "n": int(here.sum()),
                "recall": round(float(counts[TILE_CLASSES.index(REAL_CLASSES[group[0]])] / here.sum()), 3),
                "seen_as": {TILE_CLASSES[k]: int(counts[k]) for k in np.argsort(-counts) if counts[k]},
                "lymphocytes_per_mm2": round(float(np.median(seen.lymphocytes_per_mm2[here]))),
            }
        )
    return rows


def on_study(head: TileClassHead, study: Path) -> dict:
    """Agreement of the measures of composed bags with what was planted in each patient's slide request."""
    found, planted, informative = [], [], []
    for patient, truth in read_study_truth(study).iterrows():
        path = study / "bags" / f"{patient}.safetensors"
        if path.exists():
            bag = Bag.load(path)
            measures = histology_measures(head, bag.embeddings, bag.index)
            found.append((measures.til_density_margin, measures.tumour_stroma_ratio))
            planted.append((float(truth["til"]), float(truth["tumour_share"])))
            informative.append(bool(int(truth["informative_histology"])))
    a, b, good = np.array(found), np.array(planted), np.array(informative)
    return {
        f"{name}, {who}": agreement(a[keep, k], b[keep, k])
        for k, name in enumerate((TIL_DENSITY, TUMOUR_STROMA))
        for who, keep in (("all", np.ones(len(a), bool)), ("informative slides", good))
    }


def show(title: str, rows: object) -> None:
    print(f"\n{title}")
    for row in rows if isinstance(rows, list) else rows.items() if isinstance(rows, dict) else [rows]:
        print("  ", *(row if isinstance(row, tuple) else [json.dumps(row)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--slides", type=int, default=HeadPlan.slides, help="painted slides to fit and test on")
    parser.add_argument("--seed", type=int, default=HeadPlan.seed)
    parser.add_argument("--bank", type=int, default=48, help="whole slides to test on; 0 for none")
    parser.add_argument("--shipped", action="store_true", help="measure the shipped head instead of fitting one")
    parser.add_argument("--real", type=Path, help="folder of real tiles")
    parser.add_argument("--study", type=Path, help="virtual study with bags and truth")
    parser.add_argument("--write", action="store_true", help="write the head to the program's tables")
    parser.add_argument("--json", type=Path, help="write all figures here")
    options = parser.parse_args()
    torch.set_num_threads(1)
    services = build_services(read_settings())
    encoder_id = services.encoder(options.backbone).identifier
    if options.shipped:
        head = load_tile_head(encoder_id)
        if head is None:
            raise SystemExit(f"{encoder_id}: no head is shipped for it; fit one without --shipped")
    else:
        plan = HeadPlan(options.backbone, options.slides, options.seed)
        head = fit_head(labelled_tiles(services, plan, progress=progress), encoder_id, plan)
    figures: dict = {"card": head.card}
    show("recall on painted tiles of held-out slides", head.card["test_recall"])
    show("the same in other looks", head.card["test_recall_varied"])
    if options.bank:
        slides = bank_of(services, backbone=options.backbone, n_slides=options.bank, progress=progress)
        figures["bank"] = measure_on_slides(head, slides)
        show("whole virtual slides never fitted on", figures["bank"])
    if options.study:
        figures["study"] = on_study(head, options.study)
        show("composed bags", figures["study"])
    if options.real:
        figures["real"] = on_real_tiles(head, *real_tiles(services, options.backbone, options.real))
        show("real tiles", figures["real"])
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    if options.write:
        print("\nwritten:", head.save(TABLES))


if __name__ == "__main__":
    main()
