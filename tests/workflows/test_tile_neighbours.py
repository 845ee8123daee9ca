"""Tiles that look alike: the nearest by cosine, never the tile itself or what touches it; nothing when not kept."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from icicore.embeddings.bag import Bag, BagGrid
from icicore.embeddings.cache import EmbeddingCache
from icicore.errors import InputError
from icicore.settings import read_settings
from icicore.slides.quality import QualityReport
from icicore.slides.stain import StainFit
from icicore.workflows.cases import CaseResult
from icicore.workflows.services import Services, build_services
from icicore.workflows.tile_neighbours import BAG_FILE, _loaded, _scanned, find_bag, likeness, stain_of

KEY, DIGEST = "7" * 64, "c" * 64
FIT = StainFit((0.9, 0.1, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0), "macenko")


@pytest.fixture
def services(tmp_path: Path):
    built = build_services(read_settings({"ICICORE_HOME": str(tmp_path / "home")}))
    yield built
    built.database.close()
    _loaded.cache_clear()
    _scanned.cache_clear()


def bag(n: int = 40) -> Bag:
    """Tiles in one row, their embeddings turning slowly: tile i is most like i + 1, then i + 2 ..."""
    angle = np.linspace(0, np.pi, n)
    embeddings = np.zeros((n, 4), np.float16)
    embeddings[:, 0], embeddings[:, 1] = np.cos(angle), np.sin(angle)
    index = np.stack([np.zeros(n), np.arange(n)], axis=1).astype(np.int32)
    grid = BagGrid((0.0, 0.0), 256.0, 1, n, tile_px=256, mpp=0.5, native_mpp=0.5, min_tissue=0.1, upsampling=1.0)
    known = {f.name: 0.0 for f in dataclasses.fields(QualityReport)}
    quality = QualityReport(**{**known, "stain_kind": "H&E", "stain_method": "macenko", "stain_note": "", "n_tiles": n})
    return Bag(
        embeddings, index[:, ::-1] * 256.0, index, grid=grid,
        slide_digest=DIGEST, encoder_id="none@0", spec_key=KEY, stain=FIT, quality=quality,
    )  # fmt: skip


def result(tmp_path: Path) -> CaseResult:
    folder = tmp_path / "result"
    (folder / "slides" / DIGEST[:16]).mkdir(parents=True, exist_ok=True)
    return CaseResult({}, folder, ({"digest": DIGEST},), "b" * 64)


def keep(services: Services) -> Path:
    path = EmbeddingCache(services.settings.embeddings_dir).entry(KEY).bag_path  # the place is the cache's own
    path.parent.mkdir(parents=True)
    bag().save(path)
    return path


def test_the_nearest_by_cosine_without_the_tile_and_what_touches_it(services, tmp_path):
    keep(services)
    (result(tmp_path).folder / "slides" / DIGEST[:16] / BAG_FILE).write_text(json.dumps({"spec_key": KEY}))
    found = likeness(services, result(tmp_path), DIGEST, 10, most=4)
    assert [t.index for t in found.tiles] == [8, 12, 7, 13] and found.n == 37
    expected = np.cos(2 * np.pi / 39)
    assert found.tiles[0].cosine == pytest.approx(expected, abs=2e-3)
    assert found.stain == FIT and found.bag == KEY and found.classes == ()


def test_an_older_result_finds_its_bag_by_the_slide(services, tmp_path):
    keep(services)
    assert likeness(services, result(tmp_path), DIGEST, 0).tiles[0].index == 2


def test_without_its_bag_it_says_what_to_do(services, tmp_path):
    with pytest.raises(InputError, match="not kept any more; score the case again"):
        likeness(services, result(tmp_path), DIGEST, 0)
    keep(services).write_bytes(b"damaged")
    assert find_bag(services, result(tmp_path), DIGEST[:16]) is None


def test_no_tile_beyond_the_bag(services, tmp_path):
    keep(services)
    for tile in (-1, 40):
        with pytest.raises(InputError):
            likeness(services, result(tmp_path), DIGEST, tile)


def test_the_stain_of_a_bag_is_told_only_for_its_own_slide(services):
    keep(services)
    assert stain_of(services, DIGEST[:16], KEY) == FIT
    assert stain_of(services, "d" * 16, KEY) is None and stain_of(services, DIGEST[:16], "8" * 64) is None
