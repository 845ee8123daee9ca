"""Reference tiles: chosen evenly from training patients alone, with their pictures, and found again by likeness."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from icicore.embeddings.bag import Bag
from icicore.errors import BundleError, StudyError
from icicore.models.bundle import ModelBundle, save_bundle
from icicore.models.bundle_files import TILES, TILES_NOTE
from icicore.models.tile_library import read_tile_library
from icicore.settings import read_settings
from icicore.simulate.slide_specs import bank_specs
from icicore.training.leakage import case_hash
from icicore.workflows import cohort_tiles
from icicore.workflows.cases import CaseResult
from icicore.workflows.cohort_neighbours import cohort_likeness
from icicore.workflows.cohort_tiles import even_choice, make_tile_library
from icicore.workflows.services import Services, build_services
from icicore.workflows.simulation import BANK_SEED
from icicore.workflows.tile_bank import BankPlace
from icicore.workflows.tile_pictures import BankTile, bank_tiles, tile_key
from tests.factories import make_bag, make_bundle
from tests.training.study_folder import N, edit, write_small_study, write_table

ENCODER, TILES_EACH, TRAINED = "fake@0123456789ab", 9, range(16)


@pytest.fixture
def services(tmp_path: Path):
    env = {"ICICORE_HOME": str(tmp_path / "home"), "ICICORE_CHECKPOINTS": str(tmp_path / "checkpoints")}
    built = build_services(read_settings(env))
    yield built
    built.database.close()


@pytest.fixture
def bundle(services: Services) -> ModelBundle:
    """A bundle that says it was trained on P00 to P15."""
    folder = services.settings.checkpoints / "mine"
    plain = make_bundle(folder, name="mine")
    hashes = {"train": [case_hash("salt", f"P{i:02d}") for i in TRAINED], "val": [], "test": []}
    spec = replace(plain.spec, cohort={"study": "s", "salt": "salt", "case_hashes": hashes})
    return save_bundle(folder, plain.model, spec, "# mine\n", baseline_slide=plain.baseline_slide)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A bag for each patient; the first number of an embedding is that of the patient. Two sites."""
    folder = write_small_study(tmp_path / "study")
    rng = np.random.default_rng(0)
    for i in range(N):
        embeddings = rng.normal(size=(TILES_EACH, 4)).astype(np.float16)
        embeddings[:, 0] = i + 1
        make_bag(rng, embeddings).save(folder / "bags" / f"P{i:02d}.safetensors")
    write_table(
        folder / "slides.tsv", ("patient", "path"), [(f"P{i:02d}", f"bags/P{i:02d}.safetensors") for i in range(N)]
    )
    table = folder / "data_clinical_patient.txt"
    edit(table, lambda rows: [rows[0], *([*r[:-1], f"site{k % 2}"] for k, r in enumerate(rows[1:]))])
    return folder


@pytest.fixture
def painted(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bank that holds every tile of the study; its picture is as grey as its patient's number."""
    tiles = {}
    for i in range(N):
        for embedding in Bag.load(study / "bags" / f"P{i:02d}.safetensors").embeddings:
            tiles[tile_key(embedding)] = BankTile(None, float(i), 0.0, 256.0)  # type: ignore[arg-type]
    monkeypatch.setattr(cohort_tiles, "bank_tiles", lambda *_: tiles)
    monkeypatch.setattr(cohort_tiles, "paint_tile", lambda t: np.full((256, 256, 3), 10 * int(t.x_l0), np.uint8))


@pytest.mark.usefixtures("painted")
def test_tiles_are_those_of_training_patients_with_their_picture_site_and_outcome(services, bundle, study):
    made = make_tile_library(services, "mine", study, tiles=24)
    assert len(made) == 24 and made.encoder_id == ENCODER and made.side_um == 128.0
    patients = made.embeddings[:, 0].astype(int) - 1
    assert set(patients) <= set(TRAINED) and made.patients == len(set(patients))
    assert max(Counter(patients).values()) <= 2, "no patient is in many tiles"
    assert np.array_equal(made.responder, patients % 3 == 0)
    assert [made.sites[k] for k in made.site] == [f"site{p % 2}" for p in patients]
    for picture, patient in zip(made.pictures, patients, strict=True):
        pixels = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
        assert pixels.shape == (128, 128, 3) and abs(float(pixels.mean()) - 10 * patient) < 3
    found = read_tile_library(bundle.folder, bundle.digest)
    assert found is not None and np.array_equal(found.embeddings, made.embeddings)
    for name in (TILES, TILES_NOTE):
        content = (bundle.folder / name).read_bytes()
        assert not any(f"P{i:02d}".encode() in content for i in range(N)), "no patient identifier"


@pytest.mark.usefixtures("painted")
def test_the_same_seed_gives_the_same_files(services, bundle, study):
    make_tile_library(services, "mine", study, tiles=10)
    first = [(bundle.folder / name).read_bytes() for name in (TILES, TILES_NOTE)]
    make_tile_library(services, "mine", study, tiles=10)
    assert first == [(bundle.folder / name).read_bytes() for name in (TILES, TILES_NOTE)]


@pytest.mark.usefixtures("painted")
def test_outcomes_and_sites_are_about_equally_many(services, bundle, study):
    made = make_tile_library(services, "mine", study, tiles=16)
    assert Counter(zip(made.site.tolist(), made.responder.tolist(), strict=True)) == dict.fromkeys(
        [(0, False), (0, True), (1, False), (1, True)], 4
    )


def test_a_bag_without_slide_and_bank_is_refused_with_what_to_do(services, bundle, study):
    with pytest.raises(StudyError, match="not in the tile bank.*ICICORE_HOME"):
        make_tile_library(services, "mine", study)
    assert not (bundle.folder / TILES_NOTE).exists()


def test_another_study_or_encoder_is_refused(services, bundle, study):
    rng = np.random.default_rng(1)
    make_bag(rng, rng.normal(size=(4, 4)), encoder_id="other@1").save(study / "bags" / "P03.safetensors")
    with pytest.raises(StudyError, match="comes from other@1; expected fake@0123456789ab"):
        make_tile_library(services, "mine", study)
    edit(study / "data_clinical_patient.txt", lambda rows: rows[:-10])
    with pytest.raises(BundleError, match="holds 14 of them; expected all 16 training patients"):
        make_tile_library(services, "mine", study)


@pytest.mark.usefixtures("painted")
def test_the_most_alike_are_found_and_those_of_other_sites_kept_back(services, bundle, study, tmp_path):
    made = make_tile_library(services, "mine", study, tiles=24)
    result = CaseResult({"bundle": {"name": "mine"}}, tmp_path, (), bundle.digest)
    found = cohort_likeness(services, result, made.embeddings[5], ENCODER, most=4)
    assert found is not None and found.tiles[0].picture == made.pictures[5]
    assert found.tiles[0].cosine == pytest.approx(1, abs=1e-3) and found.n == 24 and found.side_um == 128.0
    assert [t.cosine for t in found.tiles] == sorted((t.cosine for t in found.tiles), reverse=True)
    limited = cohort_likeness(services, result, made.embeddings[5], ENCODER, sites=("site1",))
    assert limited is not None and {t.site for t in limited.tiles} == {"site1"} and limited.n < 24
    assert cohort_likeness(services, result, made.embeddings[5], ENCODER, sites=("elsewhere",)) is None
    assert cohort_likeness(services, result, made.embeddings[5], "other@1") is None
    other = replace(result, bundle_digest="0" * 64)
    assert cohort_likeness(services, other, made.embeddings[5], ENCODER) is None, "made for another state of the bundle"


def test_a_choice_takes_turns():
    class One:
        def __init__(self, kind: str) -> None:
            self.stratum = (kind, "", True)

    many = [One("a") for _ in range(50)] + [One("b") for _ in range(3)]
    chosen = Counter(c.stratum[0] for c in even_choice(many, 10, np.random.default_rng(0)))  # type: ignore[arg-type]
    assert chosen == {"a": 7, "b": 3}


def test_a_tile_of_the_bank_is_found_by_its_embedding(services):
    spec = bank_specs(48, BANK_SEED)[7]
    place = BankPlace(services.settings.home / "bank", "", ENCODER, None)
    rng = np.random.default_rng(0)
    bag = make_bag(rng, rng.normal(size=(5, 4)))
    path, _ = place.paths(spec)
    path.parent.mkdir(parents=True)
    bag.save(path)
    found = bank_tiles(services, ENCODER)
    assert len(found) == 5
    assert found[tile_key(bag.embeddings[3])] == BankTile(spec, 3 * 512.0, 0.0, 512.0)
    assert bank_tiles(services, "other@1") == {}
