import dataclasses
import errno
import json
import os

import cv2
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from torch import nn

from icicore.embeddings.bag import Bag, join_embeddings, split_tiles
from icicore.embeddings.cache import VERSION, EmbeddingCache
from icicore.embeddings.embed import embed_slide, embedding_spec
from icicore.embeddings.encoder import TileEncoder
from icicore.errors import Cancelled, InputError, NoTissue, SlideError
from icicore.slides import quality
from icicore.slides.array_reader import ArrayReader
from icicore.slides.stain import normalise
from icicore.slides.tiling import TileGrid
from icicore.types import no_progress
from tests.fake_backbones import fake_encoder
from tests.make_slides import he_on_glass, make_he_image

SMALL = TileGrid(tile_px=64)
IMAGE = make_he_image(np.random.default_rng(0), (64 * 13, 64 * 11))

GOLDEN_SHAPE = (47, 10, 13)
GOLDEN_MEAN = [0.9448, 0.5042, 0.2882, 0.0055, 0.7721, 0.1421]


def small_encoder(seed=0):
    return fake_encoder(seed=seed, input_px=64)


def slide(image=IMAGE, mpp=0.5):
    return ArrayReader(image, mpp=mpp, downsamples=(1, 4))


def embed(folder, reader=None, *, encoder=None, grid=None, digest="d", progress=no_progress):
    return embed_slide(
        reader or slide(),
        digest=digest,
        grid=grid or SMALL,
        encoder=encoder or small_encoder(),
        cache=EmbeddingCache(folder),
        progress=progress,
    )


def same(a: Bag, b: Bag) -> bool:
    return a.embeddings.tobytes() == b.embeddings.tobytes() and np.array_equal(a.index, b.index)


def test_every_tile_is_embedded_where_it_lies(tmp_path):
    """An encoder that returns the mean colour shows that order, place, stain and scale are right."""
    colour = TileEncoder("colour", "c" * 64, 3, nn.AvgPool2d(8), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), 64)
    image = np.full((650, 725, 3), 243, np.uint8)
    image[100:550, 75:600] = make_he_image(np.random.default_rng(2), (525, 450))
    reader = slide(image, mpp=0.4)
    bag = embed(tmp_path, reader, encoder=colour)
    assert bag.embeddings.dtype == np.float16 and bag.coords_l0.dtype == np.float64 and bag.index.dtype == np.int32
    assert bag.grid.tile_l0 == pytest.approx(80) and bag.grid.native_mpp == 0.4
    np.testing.assert_allclose(bag.coords_l0, bag.index[:, ::-1] * 80.0)
    for i in (0, 13, len(bag) - 1):
        tile = reader.read_area(tuple(bag.coords_l0[i]), (80, 80), size_px=(64, 64))
        expected = normalise(tile[None], bag.stain)[0].mean(axis=(0, 1))
        np.testing.assert_allclose(bag.embeddings[i], expected, rtol=2e-3)
    assert bag.quality.n_tiles == len(bag) and bag.quality.unreadable_tiles == 0
    assert bag.quality.stain_method == bag.stain.method == "macenko"


def test_a_finished_bag_is_found_again_and_equal(tmp_path):
    first = embed(tmp_path)
    seen = []
    again = embed(tmp_path, progress=lambda *state: seen.append(state))
    assert same(first, again) and again.spec_key == first.spec_key and again.quality == first.quality
    assert again.stain == first.stain and again.grid == first.grid
    assert seen == [(143, 143, "embedding")]
    assert same(first, embed(tmp_path / "elsewhere"))


def test_cancelled_work_continues_and_gives_the_same_bits(tmp_path):
    whole = embed(tmp_path / "whole")

    def stop(done, total, what):
        if done >= 64:
            raise Cancelled("embedding")

    with pytest.raises(Cancelled):
        embed(tmp_path / "cut", progress=stop)
    parts = list((tmp_path / "cut").rglob("chunk_*.safetensors"))
    assert 1 <= len(parts) <= 3
    assert not list((tmp_path / "cut").rglob("bag.safetensors"))
    assert same(whole, embed(tmp_path / "cut"))
    assert not list((tmp_path / "cut").rglob("chunk_*"))


def test_sprite_sheets_are_complete(tmp_path):
    reader, encoder = slide(), small_encoder()
    bag = embed(tmp_path, reader, encoder=encoder)
    spec = embedding_spec(reader, digest="d", grid=SMALL, encoder=encoder)
    entry = EmbeddingCache(tmp_path).entry(spec.key)
    sheet, *pages = entry.sheet_files()
    content = json.loads(sheet.read_text())
    assert content == {"tile_px": 64, "per_row": 16, "per_page": 256, "pages": ["sheet_000.jpg"], "n": len(bag)}
    assert [p.name for p in pages] == content["pages"] and all(p.is_file() for p in pages)


class HalfBroken(ArrayReader):
    """Level-0 reads in a band of the image fail, as in a truncated file."""

    def read_region(self, location_l0, level, size):
        if level == 0 and 150 <= location_l0[1] < 300:
            raise SlideError(self.path, "damaged")
        return super().read_region(location_l0, level, size)


class AllBroken(ArrayReader):
    def read_region(self, location_l0, level, size):
        if level == 0:
            raise SlideError(self.path, "damaged")
        return super().read_region(location_l0, level, size)


def test_unreadable_tiles_are_left_out_and_counted(tmp_path):
    good = embed(tmp_path / "good")
    reader = HalfBroken(IMAGE, mpp=0.5, downsamples=(1, 4))
    bag = embed(tmp_path / "bad", reader)
    broken = [i for i, (_, y) in enumerate(good.coords_l0) if 150 <= y < 300]
    assert bag.quality.unreadable_tiles == len(broken) == 26 and len(bag) == 143 - 26 == bag.quality.n_tiles
    kept = np.setdiff1d(np.arange(143), broken)
    np.testing.assert_array_equal(bag.index, good.index[kept])
    assert {"unreadable_tiles"} <= {r.code for r in bag.quality.reasons()}


def test_a_slide_without_one_readable_tile_is_an_error(tmp_path):
    with pytest.raises(SlideError, match="not a single tile can be read"):
        embed(tmp_path, AllBroken(IMAGE, mpp=0.5, downsamples=(1, 4)))
    assert not list(tmp_path.rglob("bag.safetensors"))


def blurred_fraction(folder, image, mpp=0.5):
    return embed(folder, slide(image, mpp), grid=TileGrid()).quality.blur_fraction


@pytest.mark.parametrize("mpp", [0.5, 0.53])
def test_focus_is_judged_on_the_tiles_that_are_read_anyway(tmp_path, monkeypatch, mpp):
    """Of a slide that is a little too coarse tiles are enlarged: windows are read, some over the edge."""
    image = make_he_image(np.random.default_rng(4), (256 * 5, 256 * 4))
    image[:, 512:] = cv2.GaussianBlur(image[:, 512:], (0, 0), 3)
    sizes = []
    windows = quality.sample_windows
    monkeypatch.setattr(quality, "sample_windows", lambda *a, **k: sizes.append(k["side_px"]) or windows(*a, **k))
    assert blurred_fraction(tmp_path / "half", image, mpp) == pytest.approx(0.5, abs=0.15)
    assert (256 in sizes) == (mpp > 0.5)
    assert blurred_fraction(tmp_path / "sharp", np.ascontiguousarray(image[:, :512]), mpp) == 0
    assert blurred_fraction(tmp_path / "blurred", np.ascontiguousarray(image[:, 512:]), mpp) > 0.5


def test_a_part_of_an_earlier_version_is_made_again(tmp_path):
    image = make_he_image(np.random.default_rng(4), (256 * 4, 256 * 4))
    with pytest.raises(Cancelled):
        embed(tmp_path, slide(image), grid=TileGrid(), progress=cancel_after_first_part)
    (part,) = tmp_path.rglob("chunk_*.safetensors")
    arrays = load_file(part)
    assert arrays.pop("blurred").shape == (16,)
    save_file(arrays, part)
    bag = embed(tmp_path, slide(image), grid=TileGrid())
    assert bag.quality == embed(tmp_path / "new", slide(image), grid=TileGrid()).quality and len(bag) == 16


def cancel_after_first_part(done, total, what):
    if done:
        raise Cancelled


def test_empty_glass_is_an_error(tmp_path):
    with pytest.raises(NoTissue):
        embed(tmp_path, slide(np.full((800, 800, 3), 244, np.uint8)))


def test_a_full_disk_is_one_line_and_leaves_nothing_half(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("icicore.fingerprint.os.fsync", full)
    with pytest.raises(InputError, match="the disk is full; make room and run it again") as caught:
        embed(tmp_path)
    assert "\n" not in str(caught.value)
    left = [p.name for p in tmp_path.rglob("*") if p.is_file() and "locks" not in p.parts]
    assert left == []
    monkeypatch.undo()
    assert len(embed(tmp_path)) == 143


def test_a_damaged_cache_entry_is_made_again(tmp_path):
    first = embed(tmp_path)
    (path,) = tmp_path.rglob("bag.safetensors")
    path.write_bytes(path.read_bytes()[:1000])
    assert same(first, embed(tmp_path))


def test_a_bag_in_the_wrong_place_is_not_believed(tmp_path):
    embed(tmp_path, digest="one")
    (one,) = tmp_path.rglob("bag.safetensors")
    spec = embedding_spec(slide(), digest="two", grid=SMALL, encoder=small_encoder())
    two = EmbeddingCache(tmp_path).entry(spec.key).bag_path
    two.parent.mkdir(parents=True)
    two.write_bytes(one.read_bytes())
    assert EmbeddingCache(tmp_path).load(spec) is None and not two.exists()


FLIPS = {
    "slide_digest": "other",
    "mpp": 0.49,
    "bounds_l0": (0, 0, 1, 1),
    "stain": {"method": "identity"},
    "resampler": "bicubic",
    "chunk": 32,
    "batch": 8,
    "version": 99,
}


def test_the_key_covers_every_setting():
    spec = embedding_spec(slide(), digest="d", grid=SMALL, encoder=small_encoder())
    changed = [dataclasses.replace(spec, **{name: value}) for name, value in FLIPS.items()]
    for field in dataclasses.fields(TileGrid):
        grid = dataclasses.replace(spec.grid, **{field.name: getattr(spec.grid, field.name) * 2})
        changed.append(dataclasses.replace(spec, grid=grid))
    for name in spec.encoder:
        changed.append(dataclasses.replace(spec, encoder=spec.encoder | {name: "other"}))
    assert {f.name for f in dataclasses.fields(spec)} == {*FLIPS, "grid", "encoder"}, "a new field needs a flip here"
    assert {"name", "digest", "mean", "std", "input_px", "precision"} == set(spec.encoder)
    keys = [s.key for s in (spec, *changed)]
    assert len(set(keys)) == len(keys)


def test_bags_survive_their_file_and_refuse_others(tmp_path):
    bag = embed(tmp_path / "cache", slide(he_on_glass(np.random.default_rng(3), (800, 640))))
    bag.save(tmp_path / "bag.safetensors")
    loaded = Bag.load(tmp_path / "bag.safetensors")
    assert same(bag, loaded) and np.array_equal(bag.coords_l0, loaded.coords_l0)
    for name in ("slide_digest", "grid", "encoder_id", "stain", "quality", "spec_key"):
        assert getattr(bag, name) == getattr(loaded, name)
    (tmp_path / "text.safetensors").write_text("no")
    for name in ("text.safetensors", "absent.safetensors"):
        with pytest.raises(InputError, match="is not a readable bag"):
            Bag.load(tmp_path / name)


def test_bags_of_a_case_are_joined_and_split(tmp_path):
    a = embed(tmp_path)
    b = embed(tmp_path, slide(IMAGE[:256, :256]), digest="b")
    joined = join_embeddings([a, b])
    assert joined.shape == (143 + 16, 16)
    parts = split_tiles(joined, [a, b])
    np.testing.assert_array_equal(parts[0], a.embeddings)
    np.testing.assert_array_equal(parts[1], b.embeddings)
    other = embed(tmp_path, encoder=small_encoder(seed=1))
    with pytest.raises(InputError, match="come from 2 encoders"):
        join_embeddings([a, other])
    with pytest.raises(ValueError, match="159"):
        split_tiles(joined[:-1], [a, b])


def test_the_recorded_numbers_still_hold(tmp_path):
    """A cached bag is found by its key alone: when these numbers change, raise ``VERSION`` in embeddings/cache.py."""
    bag = embed(tmp_path, slide(he_on_glass(np.random.default_rng(5), (1000, 800)), mpp=0.4))
    assert VERSION == 1
    assert (len(bag), bag.grid.rows, bag.grid.cols) == GOLDEN_SHAPE
    np.testing.assert_allclose(bag.embeddings.astype(float).mean(axis=0)[:6], GOLDEN_MEAN, rtol=0.01, atol=2e-3)
