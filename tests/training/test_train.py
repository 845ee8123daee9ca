"""Training from end to end on a small planted study: finds the signal, finds none where none is, can be resumed."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from icicore.errors import Cancelled, InputError, StudyError
from icicore.evaluation.metrics import auc_roc
from icicore.models.bundle import load_bundle
from icicore.models.inputs import CaseInputs, collate
from icicore.models.scoring import member_interval
from icicore.training.card import write_card
from icicore.training.config import TrainConfig, read_config, with_options
from icicore.training.dataset import ScaledStudy, Scalers
from icicore.training.fit import member_rows, model_config
from icicore.training.leakage import checked_split, part_of
from icicore.training.train import train_on
from tests.factories import make_study, shuffled

CONFIG = TrainConfig(
    members=2, epochs=6, learning_rate=3e-3, comparisons=("clinical",), bootstrap=50, device="cpu", patience=4
)


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


def test_the_card_says_that_attention_was_guided_where_it_was(bundle):
    spec = replace(bundle.spec, backbone="efficientnet_lite0", backbone_digest="e8309ce24f73")
    told = "Tile attention was guided"
    assert told in write_card(spec)
    assert told not in write_card(bundle.spec), "no tile-class head for this encoder"
    assert told not in write_card(replace(spec, model=replace(spec.model, kind="genomic")))
    assert told not in write_card(replace(spec, training={**spec.training, "attention_guide": 0.0}))


@pytest.mark.parametrize(
    ("members", "options", "rests_on"),
    [
        (2, {}, ("2 members on bootstrap resamples", "training patients that it left out")),
        (3, {"folds": 3}, ("3 members on cross-validation folds", "training patients that it left out")),
        (2, {"calibrate_on": "validation"}, ("2 members on bootstrap resamples", "fixed on validation patients.")),
        (1, {}, ("one member on all training patients", "fixed on validation patients.")),
    ],
)
def test_the_card_says_what_members_and_calibration_rest_on(bundle, members, options, rests_on):
    card = write_card(replace(bundle.spec, members=members, training={**bundle.spec.training, **options}))
    assert all(text in card for text in rests_on)


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


@pytest.fixture(scope="module")
def folded(tmp_path_factory):
    """A quick run over folds that writes its comparison models too."""
    config = CONFIG.model_copy(
        update={"folds": 3, "epochs": 2, "comparisons": ("image", "clinical", "concat"), "save_comparisons": True}
    )
    digests = tuple((f"{i:064x}",) for i in range(100))
    out = tmp_path_factory.mktemp("folded") / "main"
    return train_on(replace(make_study(100), slide_digests=digests), out, config)


def test_comparison_models_become_bundles_of_their_own(folded):
    names = sorted(path.name for path in folded.folder.parent.iterdir())
    assert names == ["main", "main-clinical", "main-concat", "main-image"]
    for kind in ("image", "clinical", "concat"):
        other = load_bundle(folded.folder.with_name(f"main-{kind}"))
        assert other.spec.model.kind == other.spec.training["model"] == kind
        assert other.spec.virtual
        assert "virtual" in other.spec.name
        assert set(other.spec.metrics["models"]) == {kind}
        assert other.spec.cohort["case_hashes"] == folded.spec.cohort["case_hashes"]
        assert other.spec.calibration != folded.spec.calibration
        assert other.spec.threshold != folded.spec.threshold
    image = load_bundle(folded.folder.with_name("main-image"))
    assert image.spec.metrics["models"]["image"] == folded.spec.metrics["models"]["image"]


def test_without_the_flag_only_the_main_bundle_is_written(bundle):
    assert [path.name for path in bundle.folder.parent.iterdir()] == ["planted"]


def test_an_ensemble_over_folds_has_a_member_per_fold_and_the_jackknife_interval(folded):
    assert folded.spec.members == len(folded.model.members) == 3
    score = folded.score(CaseInputs("x", clinical_values=torch.zeros(4), clinical_measured=torch.ones(4).bool()))
    assert score.interval95 == member_interval(list(score.member_logits), folds=True)
    low, high = member_interval(list(score.member_logits))
    assert score.interval95[0] < low < high < score.interval95[1]


def test_every_training_patient_is_left_out_by_one_fold():
    labels, rows = np.arange(200) % 3 == 0, np.arange(20, 160, dtype=np.int32)
    config = TrainConfig(folds=4)
    shares = [member_rows(rows, labels, config, index=k, rng=np.random.default_rng(k)) for k in range(4)]
    assert sorted(np.concatenate([left for _, left in shares]).tolist()) == rows.tolist()
    for own, left in shares:
        assert not set(own) & set(left)
        assert len(own) + len(left) == len(rows)
        assert labels[left].mean() == pytest.approx(labels[rows].mean(), abs=0.03)


def test_more_folds_than_responders_are_refused(tmp_path):
    with pytest.raises(StudyError, match="49 folds, but the rarer class has"):
        train_on(make_study(60), tmp_path / "none", CONFIG.model_copy(update={"folds": 49}))


def test_the_split_is_stored_as_salted_hashes_of_patients_and_slides(folded):
    cohort = folded.spec.cohort
    assert {part: len(hashes) for part, hashes in cohort["slide_hashes"].items()} == cohort["n"]
    split = checked_split(make_study(100), CONFIG.seed)
    parts = part_of(cohort, make_study(100).patients)
    assert [i for i, part in enumerate(parts) if part == "test"] == split.test.tolist()
    assert not any(f"{i:064x}" in str(cohort) for i in range(100))


def test_the_study_is_refused_before_training_where_something_could_leak(tmp_path):
    study = replace(make_study(60), slide_digests=(("a" * 64,),) * 60)
    with pytest.raises(StudyError, match="share a slide"):
        train_on(study, tmp_path / "none", CONFIG)
    assert list(tmp_path.iterdir()) == []


def test_width_and_depth_reach_the_architecture():
    study = make_study(40)
    scaled = ScaledStudy(study, Scalers.fit(study, np.arange(40, dtype=np.int32)))
    plain = model_config(scaled, CONFIG, "multimodal")
    wide = model_config(scaled, CONFIG.model_copy(update={"width": 2.0, "depth": 3}), "multimodal")
    assert wide.fusion_dim == 2 * plain.fusion_dim
    assert wide.gene_dim == 2 * plain.gene_dim
    assert wide.gene_layers == 3
    assert model_config(scaled, TrainConfig(dropout=0.1), "multimodal").dropout == 0.1


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
    with pytest.raises(InputError, match="folds"):
        with_options(TrainConfig(), {"folds": 1})
    with pytest.raises(InputError, match="fold: Extra inputs"):
        with_options(TrainConfig(), {"fold": 5})
    assert with_options(TrainConfig(), {"folds": 5}).n_members == 5
