"""The economical scorer says exactly what scoring one case after the other says."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from icicore.domain import CLINICAL, GENOMICS, HISTOLOGY, MODALITIES
from icicore.errors import BundleError
from icicore.explain.modalities import explain_modalities
from icicore.models.bundle import load_bundle
from icicore.workflows.evaluation.scoring import CohortScorer, scaled_cases
from icicore.workflows.unlearnt import unlearnt_by

ROWS = np.arange(20, dtype=np.int32)


@pytest.fixture(scope="module")
def scorer(world, multimodal) -> CohortScorer:
    return CohortScorer(multimodal, scaled_cases(world.study, multimodal, ROWS))


def test_every_case_gets_the_score_it_gets_alone(scorer, multimodal):
    alone = [multimodal.score(case).logit for case in scorer.cases]
    np.testing.assert_allclose(scorer.logit(), alone, atol=1e-5)


@pytest.mark.parametrize("hidden", MODALITIES)
def test_hiding_a_modality_is_leaving_it_out(scorer, multimodal, hidden):
    visible = np.array([m != hidden for m in MODALITIES])
    alone = [multimodal.score(case.without(hidden)).logit for case in scorer.cases]
    np.testing.assert_allclose(scorer.logit(visible=visible), alone, atol=1e-5)


def test_nothing_visible_gives_the_base_rate(scorer, multimodal):
    np.testing.assert_array_equal(scorer.logit(visible=np.zeros(3, bool)), multimodal.spec.base_logit)


def test_contributions_are_the_shapley_values_of_each_case(scorer, multimodal):
    found = scorer.contributions()
    for i in (0, 7):
        expected = explain_modalities(multimodal, scorer.cases[i]).contributions
        np.testing.assert_allclose(found[i], [expected[m] or 0.0 for m in MODALITIES], atol=1e-5)


def test_encoding_anew_changes_nothing_and_permuting_does(scorer):
    for modality, encode in ((GENOMICS, scorer.encode_genes), (CLINICAL, scorer.encode_clinical)):
        again = scorer.logit(instead={modality: encode(*scorer.table(modality))})
        np.testing.assert_allclose(again, scorer.logit(), atol=1e-5)
    order = np.arange(20, dtype=np.int32)
    np.testing.assert_allclose(scorer.permuted(HISTOLOGY, order), scorer.logit(), atol=1e-6)
    assert np.abs(scorer.permuted(HISTOLOGY, order[::-1].copy()) - scorer.logit()).max() > 1e-3


def test_weights_sum_to_one_over_what_is_present(scorer):
    weights = scorer.weights()
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-6)
    assert (weights[~scorer.present] == 0).all()


def test_a_weight_is_called_built_in_only_where_a_slide_can_hardly_be_read(world, multimodal):
    """An encoder without a tile-class head gives every slide the share 1: then nothing is built in."""
    cases = scaled_cases(world.study, multimodal, ROWS)
    whole = [replace(case, readable=1.0) for case in cases]
    spoiled = [*whole[:-1], replace(whole[-1], readable=0.4)]
    told = multimodal.spec.model.weigh_readable
    assert [CohortScorer(multimodal, c).weighs_readable for c in (whole, spoiled)] == [False, told]
    assert told, "the default recipe tells the fusion"


def test_a_single_arm_gives_base_rate_to_who_lacks_it(world):
    bundle = load_bundle(world.bundles["image"])
    rows = np.flatnonzero(np.diff(world.study.offsets) == 0)[:2].astype(np.int32)
    assert len(rows)
    scorer = CohortScorer(bundle, scaled_cases(world.study, bundle, rows))
    np.testing.assert_array_equal(scorer.logit(), bundle.spec.base_logit)


def test_a_study_of_another_encoder_or_panel_is_refused(world, multimodal):
    with pytest.raises(BundleError, match="was trained on tiles of"):
        scaled_cases(replace(world.study, backbone="other"), multimodal, ROWS)
    with pytest.raises(BundleError, match="was trained on gene panel"):
        scaled_cases(replace(world.study, tokens=world.study.tokens[::-1]), multimodal, ROWS)


def test_slides_are_left_out_of_a_model_that_was_trained_without_any(world, multimodal):
    bare = replace(multimodal, spec=replace(multimodal.spec, backbone="", backbone_digest=""))
    cases = scaled_cases(replace(world.study, backbone="any", backbone_digest="0"), bare, ROWS)
    assert not any(case.present[0] for case in cases)
    assert any(case.present[0] for case in scaled_cases(world.study, multimodal, ROWS))


def test_threads_do_not_change_the_result(scorer, two_threads):
    assert np.array_equal(scorer.logit(), scorer.logit())
    assert torch.get_num_threads() == two_threads


def test_what_a_study_has_and_a_bundle_never_learnt_is_named(world, multimodal):
    kinds = np.array(multimodal.spec.token_kinds)
    spec = replace(
        multimodal.spec,
        backbone="",
        token_scaler=replace(multimodal.spec.token_scaler, seen=kinds != "expression"),
        clinical_scaler=replace(multimodal.spec.clinical_scaler, seen=np.array([True, True, True, False])),
    )
    study = replace(world.study, backbone="any")
    n = int((kinds == "expression").sum())
    assert [r.message for r in unlearnt_by(spec, study, ROWS)] == [
        "slides are not used: no training patient of this model had any",
        f"expression of {n} genes is not used: no training patient of this model had it",
        "LDH is not used: no training patient of this model had it",
    ]
    assert not unlearnt_by(multimodal.spec, world.study, ROWS)
