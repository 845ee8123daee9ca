import dataclasses

import numpy as np
import pytest
import torch

from icicore.embeddings.backbones import load_backbone
from icicore.embeddings.cache import EmbeddingCache
from icicore.embeddings.embed import embed_slide
from icicore.errors import Cancelled, InputError
from icicore.explain.gradcam import _Work, cam_of_tiles, read_bag_tile, slide_gradcam, tile_gradients
from icicore.explain.target import Target
from icicore.explain.tile_cam import tile_gradcam
from icicore.models import histology
from icicore.models.inputs import Batch
from icicore.slides.array_reader import ArrayReader
from icicore.slides.stain import normalise
from icicore.slides.tiling import TileGrid
from tests.explain.small_bundles import small_bundle, small_case
from tests.fake_backbones import fake_encoder
from tests.make_slides import make_he_image


@pytest.fixture(params=["fake", "efficientnet_lite0"])
def encoder(request):
    return fake_encoder() if request.param == "fake" else load_backbone(request.param)


def tiles_of(encoder, n=5):
    tiles = np.stack([make_he_image(np.random.default_rng(i), (256, 256)) for i in range(n)])
    return tiles, torch.from_numpy(encoder.encode(tiles)).half().float()


def test_gradient_equals_finite_differences(monkeypatch):
    bundle, case = small_bundle(members=2), small_case(n_tiles=6)
    gradients, target, step = tile_gradients(bundle, case), Target(bundle, case), 1e-4
    bundle.model.double()  # differences of nearly equal numbers need the digits
    batch = Batch(**{k: v.double() if v.is_floating_point() else v for k, v in vars(target.batch).items()})
    spread = batch.tiles.std(dim=-1, keepdim=True, correction=0)  # explanations take it as a constant
    monkeypatch.setattr(
        histology,
        "standardise",
        lambda tiles, **_: (tiles - tiles.mean(dim=-1, keepdim=True)) / (spread**2 + 1e-5).sqrt(),
    )
    rng = np.random.default_rng(0)
    for i in range(6):
        way = torch.zeros_like(batch.tiles)
        way[0, i] = torch.from_numpy(rng.normal(size=16))
        up, down = (
            float(target.logit_of(dataclasses.replace(batch, tiles=batch.tiles + s * way))) for s in (step, -step)
        )
        assert gradients[i] @ way[0, i].numpy() == pytest.approx((up - down) / (2 * step), rel=1e-3, abs=1e-6)


def test_closed_form_agrees_with_pytorch_grad_cam(encoder):
    tiles, embeddings = tiles_of(encoder)
    bundle = small_bundle(tile_dim=encoder.dim)
    case = dataclasses.replace(small_case(), tiles=embeddings)
    closed = cam_of_tiles(encoder, tiles, tile_gradients(bundle, case))
    for i in (0, 3):
        library = tile_gradcam(bundle, case, tile=i, image=tiles[i], encoder=encoder)
        assert closed[i].shape == (8, 8) == library.signed.shape
        for ours, theirs in ((closed[i], library.signed), (np.maximum(closed[i], 0), np.maximum(library.signed, 0))):
            assert np.abs(ours - theirs).max() <= 1e-3 * np.abs(theirs).max()
        assert np.abs(closed[i]).max() > 0
        assert library.image.shape == (256, 256) and 0 <= library.image.min() <= library.image.max() <= 1


def test_a_tile_map_sums_to_gradient_times_embedding(encoder):
    tiles, embeddings = tiles_of(encoder, 3)
    bundle = small_bundle(tile_dim=encoder.dim)
    gradients = tile_gradients(bundle, dataclasses.replace(small_case(), tiles=embeddings))
    total = cam_of_tiles(encoder, tiles, gradients).sum(axis=(1, 2))
    np.testing.assert_allclose(total, (gradients * encoder.encode(tiles)).sum(axis=1), rtol=1e-3, atol=1e-5)


def test_slide_gradcam_is_resumable_and_equals_single_tiles(tmp_path, monkeypatch):
    encoder, bundle = fake_encoder(input_px=64), small_bundle()
    image = make_he_image(np.random.default_rng(0), (64 * 12, 64 * 12))
    reader = ArrayReader(image, mpp=0.5, downsamples=(1, 4))
    bag = embed_slide(
        reader, digest="d", grid=TileGrid(tile_px=64), encoder=encoder, cache=EmbeddingCache(tmp_path / "e")
    )
    case = dataclasses.replace(small_case(), tiles=torch.from_numpy(bag.embeddings).float())
    gradients = tile_gradients(bundle, case)
    seen = []

    def stop_early(done, total, what):
        seen.append((done, total, what))
        if done >= 64:
            raise Cancelled("Grad-CAM")

    arguments = {"encoder": encoder, "gradients": gradients, "cache": tmp_path / "cam"}
    with pytest.raises(Cancelled):
        slide_gradcam(reader, bag, **arguments, progress=stop_early)
    kept = len(list((tmp_path / "cam").rglob("chunk_*")))
    assert 1 <= kept <= 3 and seen[-1][1:] == (len(bag), "Grad-CAM")
    computed = []
    original = _Work.chunk
    monkeypatch.setattr(_Work, "chunk", lambda self, number: computed.append(number) or original(self, number))
    maps = slide_gradcam(reader, bag, **arguments)
    assert len(computed) == 3 - kept, "finished chunks are not computed again"
    np.testing.assert_array_equal(slide_gradcam(reader, bag, **arguments), maps)
    assert len(computed) == 3 - kept
    assert maps.shape == (len(bag), 8, 8) and np.isfinite(maps).all()
    for i in (0, 70, len(bag) - 1):
        tile = normalise(read_bag_tile(reader, bag, i)[None], bag.stain)
        np.testing.assert_allclose(maps[i], cam_of_tiles(encoder, tile, gradients[[i]])[0], rtol=1e-4, atol=1e-7)


def test_slide_gradcam_refuses_another_encoder(tmp_path):
    reader = ArrayReader(make_he_image(np.random.default_rng(0), (512, 512)), mpp=0.5)
    encoder = fake_encoder()
    bag = embed_slide(reader, digest="d", grid=TileGrid(), encoder=encoder, cache=EmbeddingCache(tmp_path))
    other, gradients = fake_encoder(seed=1), np.zeros_like(bag.embeddings, np.float32)
    with pytest.raises(InputError, match=r"was made by fake16@\w+; expected fake16@"):
        slide_gradcam(reader, bag, encoder=other, gradients=gradients, cache=tmp_path)
