"""Grad-CAM from the feature maps that embedding kept: the same maps, without reading the slide again."""

import numpy as np
import pytest

from icicore.embeddings.cache import EmbeddingCache
from icicore.embeddings.embed import embed_slide
from icicore.errors import SlideError
from icicore.explain.gradcam import slide_gradcam
from icicore.slides.array_reader import ArrayReader
from icicore.slides.tiling import TileGrid
from tests.fake_backbones import fake_encoder
from tests.make_slides import make_he_image

IMAGE = make_he_image(np.random.default_rng(0), (64 * 13, 64 * 11))
GRID = TileGrid(tile_px=64)
ENCODER = fake_encoder(input_px=64)


class Unreadable(ArrayReader):
    def read_region(self, location_l0, level, size):
        raise AssertionError("the slide was read again")


class PartlyDamaged(ArrayReader):
    def read_region(self, location_l0, level, size):
        if level == 0 and 150 <= location_l0[1] < 300:
            raise SlideError(self.path, "damaged")
        return super().read_region(location_l0, level, size)


def bag_of(folder, reader, *, keep_maps):
    return embed_slide(
        reader, digest="d", grid=GRID, encoder=ENCODER, cache=EmbeddingCache(folder), keep_maps=keep_maps
    )


def cams_of(folder, bag, reader, *, maps=None):
    gradients = np.random.default_rng(1).normal(size=bag.embeddings.shape).astype(np.float32)
    return slide_gradcam(reader, bag, encoder=ENCODER, gradients=gradients, cache=folder / "cam", maps=maps)


def test_kept_maps_give_the_same_grad_cam_and_are_used_up(tmp_path):
    reader = ArrayReader(IMAGE, mpp=0.5, downsamples=(1, 4))
    bag = bag_of(tmp_path / "a", reader, keep_maps=True)
    maps = EmbeddingCache(tmp_path / "a").entry(bag.spec_key).maps
    assert len(list(maps.folder.glob("chunk_*"))) == 3
    kept = cams_of(tmp_path / "a", bag, Unreadable(IMAGE, mpp=0.5), maps=maps)
    again = cams_of(tmp_path / "b", bag_of(tmp_path / "b", reader, keep_maps=False), reader)
    assert kept.shape == again.shape and np.abs(again).max() > 0
    np.testing.assert_allclose(kept, again, atol=2e-3 * np.abs(again).max())
    assert not maps.folder.exists()


def test_no_maps_are_kept_unless_asked_or_where_they_are_too_large(tmp_path, monkeypatch):
    reader = ArrayReader(IMAGE, mpp=0.5, downsamples=(1, 4))
    bag_of(tmp_path / "a", reader, keep_maps=False)
    monkeypatch.setattr("icicore.embeddings.embed.MAPS_BYTES", 1000)
    bag_of(tmp_path / "b", reader, keep_maps=True)
    assert not list(tmp_path.rglob("maps"))


@pytest.mark.parametrize("lost", [0, 2])
def test_a_lost_chunk_of_maps_is_read_again(tmp_path, lost):
    reader = ArrayReader(IMAGE, mpp=0.5, downsamples=(1, 4))
    bag = bag_of(tmp_path, reader, keep_maps=True)
    maps = EmbeddingCache(tmp_path).entry(bag.spec_key).maps
    maps.path(lost).unlink()
    assert np.isfinite(cams_of(tmp_path, bag, reader, maps=maps)).all()


def test_maps_of_a_slide_with_damage_are_dropped(tmp_path):
    reader = PartlyDamaged(IMAGE, mpp=0.5, downsamples=(1, 4))
    bag = bag_of(tmp_path, reader, keep_maps=True)
    assert bag.quality.unreadable_tiles > 0
    assert not EmbeddingCache(tmp_path).entry(bag.spec_key).maps.folder.exists()
