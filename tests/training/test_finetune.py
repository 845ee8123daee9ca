"""The final phase: the last stage is trained with the heads, and what it makes never meets other embeddings."""

import itertools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from icicore.embeddings.bag import BagGrid
from icicore.embeddings.encoder import TileEncoder
from icicore.embeddings.stage import split_last_stage, tuned_encoder
from icicore.errors import BackboneUnavailable, InputError, StudyError
from icicore.explain.gradcam import read_bag_tile
from icicore.models.bundle import load_bundle
from icicore.slides.reader import open_slide
from icicore.training import finetune
from icicore.training.config import TrainConfig
from icicore.training.journal import read_journal
from icicore.training.slide_access import SlideAccess
from icicore.training.train import train
from icicore.workflows.services import Services
from tests.factories import make_bag
from tests.fake_backbones import fake_encoder
from tests.make_slides import make_slide

ENCODER = fake_encoder(8, input_px=64)
SIDE, N = 64, 40
CONFIG = TrainConfig(
    model="image", members=2, epochs=2, bootstrap=20, device="cpu", finetune_epochs=3, finetune_tiles=3
)
HEADER = "PATIENT_ID\tAGE\tSEX\tECOG\tLDH_ULN\tRESPONSE\tTUMOUR_TYPE\tSITE\n"


def paint(responder: bool, seed: int):
    """Stripes across or along; the colours say nothing."""

    def painter(width: int, height: int):
        rng = np.random.default_rng(seed)
        y, x = np.mgrid[:height, :width]
        wave = np.sin((x if responder else y) / 3.0 + rng.uniform(0, 6))
        image = 150 + 40 * wave[..., None] * np.array([1, 0.6, 0.8]) + rng.normal(0, 12, (height, width, 3))
        return np.clip(image, 0, 255).astype(np.uint8)

    return painter


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A study of 40 patients with one slide of 2 x 3 tiles each; the last patient has none."""
    folder = tmp_path_factory.mktemp("slides") / "study"
    folder.mkdir()
    labels = [i % 2 == 0 for i in range(N)]
    rows = [f"P{i}\t60\tFemale\t1\t1.0\t{'PR' if r else 'PD'}\tnsclc\ts\n" for i, r in enumerate(labels)]
    (folder / "data_clinical_patient.txt").write_text(HEADER + "".join(rows))
    for i, responder in enumerate(labels[:-1]):
        make_slide(folder / f"{i}.tiff", size=(3 * SIDE, 2 * SIDE), levels=(1,), tile=SIDE, painter=paint(responder, i))
    (folder / "slides.tsv").write_text("patient\tpath\n" + "".join(f"P{i}\t{i}.tiff\n" for i in range(N - 1)))
    return folder


def embed(path, encoder: TileEncoder):
    index = np.array([(row, col) for row in range(2) for col in range(3)], np.int32)
    bag = make_bag(np.random.default_rng(0), np.zeros((6, encoder.dim)), encoder_id=encoder.identifier)
    grid = BagGrid((0.0, 0.0), SIDE, 2, 3, tile_px=SIDE, mpp=0.5, native_mpp=0.5, min_tissue=0.5, upsampling=1.0)
    bag = replace(
        bag, index=index, coords_l0=index[:, ::-1] * float(SIDE), grid=grid, slide_digest=path.stem.rjust(64, "0")
    )
    with open_slide(path) as reader:
        tiles = np.stack([read_bag_tile(reader, bag, i) for i in range(6)])
    return replace(bag, embeddings=encoder.encode(tiles).astype(np.float16))


def run(folder, out, config=CONFIG, *, slides=True):
    access = SlideAccess(folder, ENCODER, embed) if slides else None
    return train(folder, out, config, embed=lambda path: embed(path, ENCODER), slides=access)


@pytest.fixture(scope="module")
def tuned(folder, tmp_path_factory):
    config = CONFIG.model_copy(update={"finetune_rate": 1e-2, "finetune_epochs": 4})
    return run(folder, tmp_path_factory.mktemp("tuned") / "bundle", config)


def test_a_tuned_bundle_carries_its_stage_and_an_identity_of_its_own(tuned):
    assert tuned.backbone_stage
    assert tuned.spec.backbone == ENCODER.name
    assert not ENCODER.digest.startswith(tuned.spec.backbone_digest)
    again = tuned_encoder(ENCODER, load_bundle(tuned.folder).backbone_stage)
    assert again.identifier == f"{tuned.spec.backbone}@{tuned.spec.backbone_digest}"
    assert again.identity() != ENCODER.identity()
    x = torch.rand(2, 3, SIDE, SIDE)
    assert not torch.allclose(again.embed(x), ENCODER.embed(x))
    assert torch.equal(split_last_stage(again)[0](x), split_last_stage(ENCODER)[0](x))  # the rest is as it was


def test_it_is_calibrated_on_validation_patients_alone(tuned):
    assert tuned.spec.training["calibrate_on"] == "validation"
    assert tuned.spec.training["finetune_epochs"] == 4


def test_the_same_seed_gives_the_same_bundle(tuned, folder, tmp_path):
    again = run(folder, tmp_path / "bundle", CONFIG.model_copy(update={"finetune_rate": 1e-2, "finetune_epochs": 4}))
    assert again.digest == tuned.digest


def test_the_phase_goes_on_in_parts_when_memory_runs_out_and_says_so(tuned, folder, tmp_path, monkeypatch):
    def too_large(self, held):
        raise torch.OutOfMemoryError("CUDA out of memory (pretended)")

    monkeypatch.setattr(finetune.StageModule, "whole_loss", too_large)
    config = CONFIG.model_copy(update={"finetune_rate": 1e-2, "finetune_epochs": 4})
    access, kept = SlideAccess(folder, ENCODER, embed), tmp_path / "events.jsonl"
    halved = train(
        folder, tmp_path / "b", config, embed=lambda path: embed(path, ENCODER), slides=access, keep_journal=kept
    )
    notes = [entry for entry in read_journal(kept) if entry["event"] == "halved"]
    assert [(n["member"], n["cases"]) for n in notes] == [("backbone", -(-config.finetune_batch // 2))]
    assert set(halved.backbone_stage) == set(tuned.backbone_stage)
    for name, value in halved.backbone_stage.items():
        torch.testing.assert_close(value, tuned.backbone_stage[name], rtol=1e-2, atol=1e-3, msg=name)


def test_tuning_that_does_not_help_leaves_the_backbone_as_it_was(folder, tmp_path, monkeypatch):
    worse = itertools.count()
    monkeypatch.setattr(finetune, "balanced_loss", lambda logits, labels: float(next(worse)))
    bundle = run(folder, tmp_path / "bundle")
    assert next(worse) > 1
    plain = run(folder, tmp_path / "plain", CONFIG.model_copy(update={"finetune_epochs": 0}), slides=False)
    assert not bundle.backbone_stage
    assert ENCODER.digest.startswith(bundle.spec.backbone_digest)
    for name, value in bundle.model.state_dict().items():
        assert torch.equal(value, plain.model.state_dict()[name]), name
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bundle", "plain"]


def test_a_study_of_bags_cannot_tune_a_backbone(folder, tmp_path):
    other = tmp_path / "study"
    other.mkdir()
    (other / "data_clinical_patient.txt").write_text((folder / "data_clinical_patient.txt").read_text())
    (other / "slides.tsv").write_text("patient\tpath\nP0\tP0.safetensors\n")
    embed(folder / "0.tiff", ENCODER).save(other / "P0.safetensors")
    with pytest.raises(StudyError, match="is a bag, which holds no pixels"):
        run(other, tmp_path / "out")
    (other / "slides.tsv").unlink()
    with pytest.raises(StudyError, match="has no slides.tsv"):
        run(other, tmp_path / "out")


@pytest.mark.parametrize(("model", "slides"), [("clinical", True), ("image", False)])
def test_a_model_without_slides_is_refused(folder, tmp_path, model, slides):
    with pytest.raises(InputError, match="the model reads no slide files"):
        run(folder, tmp_path / "out", CONFIG.model_copy(update={"model": model}), slides=slides)
    assert list(tmp_path.iterdir()) == []


def test_weights_of_another_backbone_do_not_fit():
    _, stage = split_last_stage(fake_encoder(16, input_px=64))
    with pytest.raises(BackboneUnavailable, match="its tuned stage does not fit"):
        tuned_encoder(ENCODER, stage.state_dict())


def test_a_backbone_without_stages_is_refused():
    flat = replace(ENCODER, module=torch.nn.Conv2d(3, 8, 4, stride=4))
    with pytest.raises(BackboneUnavailable, match="no last stage that can be tuned"):
        split_last_stage(flat)


def test_prediction_takes_the_tuned_encoder_of_a_bundle_and_the_registry_s_otherwise(tuned):
    services = SimpleNamespace(
        encoder=lambda name, precision: ENCODER, _encoders={}, settings=SimpleNamespace(precision="auto")
    )
    found = Services.bundle_encoder(services, tuned)
    assert found.identifier == f"{tuned.spec.backbone}@{tuned.spec.backbone_digest}"
    assert Services.bundle_encoder(services, tuned) is found
    assert Services.bundle_encoder(services, replace(tuned, backbone_stage={})) is ENCODER
