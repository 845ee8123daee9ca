"""Bags of a study come back as they were written, from memory or from disk, and training from disk is the same."""

import dataclasses

import numpy as np
import pytest

from icicore.embeddings.bag import Bag
from icicore.training.dataset import ScaledStudy, Scalers, TrainingBatches
from icicore.training.pool import pool_studies
from icicore.training.study_slides import read_tiles
from icicore.training.tile_file import TileFile, joined
from tests.factories import make_bag, make_study


def parts(rng, n=7, dim=5):
    return [rng.normal(size=(int(m), dim)).astype(np.float16) for m in rng.integers(0, 9, n)]


@pytest.mark.parametrize("limit", [0, 60, 2**20])
def test_rows_come_back_in_their_order(limit):
    given = parts(np.random.default_rng(0))
    found = joined(given, limit)
    assert isinstance(found, np.memmap) == (limit < 2**20)
    assert found.dtype == np.float16 and np.array_equal(found, np.concatenate(given))


def test_no_rows_are_an_empty_matrix():
    assert joined([]).shape == (0, 0)


def test_bags_of_two_widths_are_refused():
    with TileFile(0) as file, pytest.raises(ValueError, match="6 numbers after some of 5"):
        file.append(np.zeros((2, 5), np.float16))
        file.append(np.zeros((2, 6), np.float16))


def test_the_file_has_no_name_and_outlives_its_writer(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    given = parts(np.random.default_rng(1))
    found = joined(given, 0)
    assert list(tmp_path.iterdir()) == [] and np.array_equal(found, np.concatenate(given))


def write_study(folder, rng):
    """Bags listed in another order than the patients', the second patient with two of them, the third with none."""
    bags = {name: make_bag(rng, rng.normal(size=(n, 4))) for name, n in (("b", 3), ("a1", 4), ("a2", 2))}
    for name, bag in bags.items():
        bag.save(folder / f"{name}.safetensors")
    lines = ["patient\tpath", "P2\tb.safetensors", "P1\ta1.safetensors", "P1\ta2.safetensors", "P9\tb.safetensors"]
    (folder / "slides.tsv").write_text("\n".join(lines) + "\n")
    return bags


@pytest.mark.parametrize("limit", [0, 2**20])
def test_bags_are_read_in_the_order_of_the_patients(tmp_path, limit):
    bags = write_study(tmp_path, np.random.default_rng(2))
    found = read_tiles(tmp_path, ["P1", "P3", "P2"], None, lambda *_: None, limit_bytes=limit)
    wanted = [bags[name].embeddings for name in ("a1", "a2", "b")]
    assert np.array_equal(found.tiles, np.concatenate(wanted)) and found.offsets.tolist() == [0, 6, 6, 9]
    assert found.digests == ((bags["a1"].slide_digest, bags["a2"].slide_digest), (), (bags["b"].slide_digest,))
    assert isinstance(found.first, Bag) and found.first.slide_digest == bags["b"].slide_digest


def batches(study):
    scaled = ScaledStudy(study, Scalers.fit(study, np.arange(len(study), dtype=np.int32)))
    rows = np.arange(len(study), dtype=np.int32)
    return list(TrainingBatches(scaled, rows, 8, 5, np.random.default_rng(3)))


def test_batches_from_disk_are_those_from_memory():
    study = make_study(40)
    mapped = dataclasses.replace(study, tiles=joined([study.tiles[:50], study.tiles[50:]], 0))
    assert isinstance(mapped.tiles, np.memmap) and mapped.digest() == study.digest()
    for (one, labels), (other, same) in zip(batches(study), batches(mapped), strict=True):
        assert one.tiles.equal(other.tiles) and one.tile_mask.equal(other.tile_mask) and labels.equal(same)


def test_pooled_studies_keep_their_tiles():
    one, other = make_study(30), make_study(30, seed=4)
    other = dataclasses.replace(other, name="other", patients=tuple(f"Q{i}" for i in range(30)))
    pooled = pool_studies([one, other], name="both")
    assert np.array_equal(pooled.tiles, np.concatenate([one.tiles, other.tiles]))
