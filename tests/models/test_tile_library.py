"""Reference tiles beside a bundle: they come back as written, belong to one bundle, and are refused when damaged."""

import json
from dataclasses import replace

import numpy as np
import pytest

from icicore.errors import BundleError
from icicore.models.bundle import load_bundle
from icicore.models.bundle_files import TILES, TILES_NOTE
from icicore.models.tile_library import TileLibrary, read_tile_library, write_tile_library
from icicore.slides.deepzoom import encode_jpeg
from tests.factories import make_bundle


def library(n: int = 6) -> TileLibrary:
    rng = np.random.default_rng(0)
    pictures = tuple(encode_jpeg(rng.integers(0, 255, (16, 16, 3), np.uint8)) for _ in range(n))
    index = np.arange(n, dtype=np.int32)
    return TileLibrary(
        rng.normal(size=(n, 4)).astype(np.float16), pictures, index % 2, index % 3, index % 2 == 0,
        ("tumour", "stroma"), ("North", "South", ""), "fake@0123456789ab", 128.0, 5,
    )  # fmt: skip


def test_it_comes_back_as_written_and_changes_no_digest(tmp_path):
    bundle, made = make_bundle(tmp_path / "b"), library()
    assert read_tile_library(bundle.folder, bundle.digest) is None
    write_tile_library(bundle.folder, bundle.digest, made)
    assert load_bundle(bundle.folder).digest == bundle.digest
    found = read_tile_library(bundle.folder, bundle.digest)
    assert found is not None and found.pictures == made.pictures and len(found) == 6
    for name in ("embeddings", "tile_class", "site", "responder"):
        assert np.array_equal(getattr(found, name), getattr(made, name)), name
    told = (found.classes, found.sites, found.encoder_id, found.side_um, found.patients)
    assert told == (made.classes, made.sites, made.encoder_id, made.side_um, made.patients)
    assert read_tile_library(bundle.folder, "0" * 64) is None, "it belongs to another bundle"


def test_sites_are_told_apart():
    assert library().of_sites(None).all()
    assert library().of_sites(("South",)).tolist() == [False, True, False, False, True, False]
    assert not library().of_sites(("East",)).any()


def test_a_damaged_file_is_one_line_that_says_what_to_do(tmp_path):
    bundle = make_bundle(tmp_path / "b")
    write_tile_library(bundle.folder, bundle.digest, library())
    note = json.loads((bundle.folder / TILES_NOTE).read_text())
    (bundle.folder / TILES).write_bytes(b"\x80\x04 no tensors")
    (bundle.folder / TILES_NOTE).write_text(json.dumps(note | {"tiles": 7}))
    with pytest.raises(BundleError, match="is not the file that tiles.json describes; run icicore bundle tiles again"):
        read_tile_library(bundle.folder, bundle.digest)
    (bundle.folder / TILES_NOTE).write_text("{")
    with pytest.raises(BundleError, match="cannot be read"):
        read_tile_library(bundle.folder, bundle.digest)


def test_a_picture_that_is_no_jpeg_and_a_class_without_a_name_are_refused(tmp_path):
    bundle, made = make_bundle(tmp_path / "b"), library()
    for wrong in (
        replace(made, pictures=(b"<svg onload=alert(1)>", *made.pictures[1:])),
        replace(made, classes=("tumour",)),
        replace(made, embeddings=made.embeddings[:-1]),
    ):
        write_tile_library(bundle.folder, bundle.digest, wrong)
        with pytest.raises(BundleError, match="cannot be read"):
            read_tile_library(bundle.folder, bundle.digest)
