"""Training from end to end on a small planted study: finds the signal, finds none where none is, can be resumed."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from icicore.errors import Cancelled, InputError, StudyError
from icicore.evaluation.metrics import auc_roc
from icicore.models.bundle import load_bundle
from icicore.models.inputs import CaseInputs, collate
from icicore.training.config import TrainConfig, read_config
from icicore.training.dataset import ScaledStudy, Scalers
from icicore.training.train import train_on
from tests.factories import make_study, shuffled

CONFIG = TrainConfig(
    members=2, epochs=6, learning_rate=3e-3, comparisons=("clinical",), bootstrap=50, device="cpu", patience=4
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def study():
    return make_study(240)


@pytest.fixture(scope="module")
def bundle(study, tmp_path_factory):
    return train_on(study, tmp_path_factory.mktemp("trained") / "planted", CONFIG)


@pytest.fixture(scope="module")
def unseen():
    """Patients of another draw, unscaled."""
    return make_study(200, seed=99)


def auc(bundle, study, *gone):
    """AUC over a study, scaled as the bundle says, without some modalities."""
    scaled = ScaledStudy(study, Scalers(bundle.spec.token_scaler, bundle.spec.clinical_scaler))
    with torch.inference_mode():
        logits = bundle.model(collate([case.without(*gone) for case in scaled.cases])).logit
    return auc_roc(study.responder, logits.numpy())


def test_the_planted_signal_is_found_in_patients_never_seen(bundle, unseen):
    assert bundle.spec.metrics["models"]["multimodal"]["auc_roc"]["value"] > 0.75
    assert auc(bundle, unseen) > 0.75


def test_any_subset_of_modalities_scores_better_than_chance_and_less_well_than_all(bundle, unseen):
    whole = auc(bundle, unseen)
    for gone in (["histology"], ["genomics"], ["clinical"], ["histology", "clinical"], ["genomics", "clinical"]):
        assert 0.6 < auc(bundle, unseen, *gone) < whole, gone


def test_no_arm_takes_the_softmax(bundle, study):
    case = CaseInputs(
        "x",
        torch.from_numpy(study.tiles[:8]).float(),
        torch.zeros(16),
        torch.ones(16, dtype=torch.bool),
        torch.zeros(4),
        torch.ones(4, dtype=torch.bool),
    )
    weights = bundle.score(case).modality_weights
    assert max(weights.values()) < 0.9


def test_shuffled_labels_teach_nothing(study, tmp_path):
    quick = CONFIG.model_copy(update={"epochs": 2, "comparisons": ()})
    values = [
        train_on(shuffled(study, seed), tmp_path / f"control{seed}", quick).spec.metrics["models"]["multimodal"]
        for seed in range(3)
    ]
    assert np.mean([v["auc_roc"]["value"] for v in values]) == pytest.approx(0.5, abs=0.13)


def test_the_bundle_says_what_it_is(bundle):
    spec = bundle.spec
    assert spec.virtual
    assert "virtual" in spec.name
    assert spec.cohort["n"] == {"train": 168, "val": 24, "test": 48}
    assert spec.base_logit == pytest.approx(np.log(spec.cohort["prevalence"] / (1 - spec.cohort["prevalence"])))
    assert set(spec.metrics["models"]) == {"multimodal", "clinical"}
    assert spec.metrics["models"]["multimodal"]["sensitivity"]["interval95"] is not None
    assert bundle.baseline_slide.shape == (2, spec.model.histology_dim)
    assert "Research use only" in bundle.card
    assert "Never for real patients" in bundle.card
    assert not any("P0" in text for text in map(str, spec.cohort["case_hashes"]["train"]))
    assert load_bundle(bundle.folder).digest == bundle.digest


def test_an_interrupted_run_continues_to_the_same_bundle_and_leaves_no_half_one(study, bundle, tmp_path):
    out, calls = tmp_path / "planted", []

    def stop_late(done: int, total: int, what: str) -> None:
        calls.append(what)
        if what == "training multimodal-0":
            raise Cancelled("training")

    with pytest.raises(Cancelled):
        train_on(study, out, CONFIG, stop_late)
    assert not out.exists()
    seen = []
    resumed = train_on(study, out, CONFIG, lambda done, total, what: seen.append((done, total, what)))
    assert resumed.digest == bundle.digest
    assert "training image-0" in calls
    assert not any(what == "training image-0" for _, _, what in seen)
    assert seen[-1][0] == seen[-1][1]
    assert [d for d, _, _ in seen] == sorted(d for d, _, _ in seen)
    assert [p.name for p in tmp_path.iterdir()] == ["planted"]


def test_another_recipe_does_not_reuse_members(study, tmp_path):
    def stop(done: int, total: int, what: str) -> None:
        if what == "trained image-0":
            raise Cancelled("training")

    with pytest.raises(Cancelled):
        train_on(study, tmp_path / "b", CONFIG, stop)
    seen = []

    def watch(done: int, total: int, what: str) -> None:
        seen.append(what)
        stop(done, total, what)

    with pytest.raises(Cancelled):
        train_on(study, tmp_path / "b", CONFIG.model_copy(update={"seed": 5}), watch)
    assert "training image-0" in seen


def test_a_study_without_slides_trains_on_the_rest(tmp_path):
    study = make_study(80)
    bare = replace(study, tiles=np.zeros((0, 0), np.float16), offsets=np.zeros(81, np.int64))
    bundle = train_on(bare, tmp_path / "bare", CONFIG.model_copy(update={"epochs": 1, "members": 1}))
    assert bundle.spec.model.tile_dim == 1280
    assert torch.isfinite(bundle.baseline_slide).all()


def test_a_study_of_one_class_is_refused(tmp_path):
    study = make_study(30)
    study.responder[:] = False
    with pytest.raises(StudyError, match="0 responders"):
        train_on(study, tmp_path / "none", CONFIG)
    assert list(tmp_path.iterdir()) == []


def test_a_recipe_with_an_unknown_key_is_refused(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text("epochs = 3\nlearningrate = 0.1\n")
    with pytest.raises(InputError, match="learningrate"):
        read_config(path)
    path.write_text("epochs = 3\nmembers = 4\n")
    assert read_config(path).members == 4
