"""The NumPy forward pass says what the models say, for every kind, subset of modalities and measured mask."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from icicore.domain import MODALITIES
from icicore.errors import BundleError
from icicore.models.inputs import CaseInputs, collate
from icicore.models.light import LightEnsemble, LightInputs
from icicore.settings import PROJECT
from icicore.workflows.services import bundle_ref
from tests.factories import CONFIG, make_bundle, make_case
from tests.loaded import strangers_of

KINDS = ("multimodal", "concat", "mean", "image", "genomic", "clinical")


def light_inputs(bundle, case: CaseInputs) -> LightInputs:
    """What the light model is given of a case; the slide embedding comes from the model itself."""
    with torch.inference_mode():
        outputs = bundle.model.member_outputs(collate([case]))
    array = lambda x: None if x is None else x.numpy()  # noqa: E731
    return LightInputs(
        slide=None if case.tiles is None else np.stack([o.slide_embedding[0].numpy() for o in outputs]),
        gene_values=array(case.gene_values),
        gene_measured=array(case.gene_measured),
        clinical_values=array(case.clinical_values),
        clinical_measured=array(case.clinical_measured),
        readable=case.readable,
    )


def saved(folder, *, config=CONFIG, noise=0.2):
    """A bundle whose every weight matters, so that a forgotten one shows."""
    bundle = make_bundle(folder, config=config)
    generator = torch.Generator().manual_seed(3)
    for parameter in bundle.model.parameters():
        parameter.add_(noise * torch.randn(parameter.shape, generator=generator))
    for member in bundle.model.members:
        if "genomics" in member.arms:
            pool = member.encoders["genomics"].pool
            pool.centre.add_(0.3)
            pool.scale.mul_(1.7)
    from icicore.models.bundle import save_bundle

    again = save_bundle(folder, bundle.model, bundle.spec, "", baseline_slide=bundle.baseline_slide)
    ref = bundle_ref(folder.parent, folder.name)
    return again, LightEnsemble.load(folder, ref.spec)


def assert_equal(bundle, light, case):
    expected, found = bundle.score(case), light.score(light_inputs(bundle, case))
    np.testing.assert_allclose(found.member_logits, expected.member_logits, atol=1e-5)
    assert found.probability == pytest.approx(expected.probability, abs=1e-5)
    assert found.interval95 == pytest.approx(expected.interval95, abs=1e-5)
    for modality in MODALITIES:
        a, b = found.modality_weights[modality], expected.modality_weights[modality]
        assert (a is None) == (b is None)
        assert a is None or a == pytest.approx(b, abs=1e-5)


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("weighed", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_and_subset_agrees_with_torch(kind, weighed, scaled, tmp_path):
    config = replace(CONFIG, kind=kind, scale_by_present=scaled, weigh_readable=weighed)
    bundle, light = saved(tmp_path / "b-virtual", config=config)
    rng = np.random.default_rng(5)
    for size in range(4):
        for gone in itertools.combinations(MODALITIES, size):
            for readable in (1.0, 0.4, 0.0):
                assert_equal(bundle, light, replace(make_case(rng), readable=readable).without(*gone))


@pytest.mark.parametrize(
    "change", [{"gene_attention": "full"}, {"gene_layers": 3}, {"gene_heads": 2, "gene_layers": 2}, {"clinical_dim": 8}]
)
def test_every_shape_of_the_encoders_agrees_with_torch(change, tmp_path):
    bundle, light = saved(tmp_path / "b-virtual", config=replace(CONFIG, **change))
    rng = np.random.default_rng(6)
    for _ in range(5):
        assert_equal(bundle, light, make_case(rng))


def test_unmeasured_values_do_not_count_even_when_absurd(tmp_path):
    bundle, light = saved(tmp_path / "b-virtual")
    case = make_case(np.random.default_rng(7))
    inputs = light_inputs(bundle, case)
    odd = np.where(inputs.gene_measured, inputs.gene_values, np.nan).astype(np.float32)
    assert light.score(replace(inputs, gene_values=odd)).logit == light.score(inputs).logit


def test_a_few_measured_genes_agree_with_torch(tmp_path):
    bundle, light = saved(tmp_path / "b-virtual")
    case = make_case(np.random.default_rng(8))
    few = torch.zeros(16, dtype=torch.bool)
    few[[1, 12]] = True
    assert_equal(bundle, light, replace(case, gene_measured=few))
    clinical = torch.tensor([False, False, True, False])
    assert_equal(bundle, light, replace(case, clinical_measured=clinical))


def test_the_shipped_bundle_agrees_with_torch():
    from icicore.models.bundle import load_bundle

    ref = bundle_ref(PROJECT / "checkpoints")
    bundle, light = load_bundle(ref.folder), LightEnsemble.load(ref.folder, ref.spec)
    config, rng = bundle.spec.model, np.random.default_rng(9)
    for _ in range(3):
        assert_equal(bundle, light, make_case(rng, config=config))


def test_other_weights_are_refused(tmp_path):
    make_bundle(tmp_path / "b-virtual")
    path = tmp_path / "b-virtual" / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-4] + b"abcd")
    with pytest.raises(BundleError, match="is not the file that bundle.json describes"):
        LightEnsemble.load(tmp_path / "b-virtual", bundle_ref(tmp_path, "b-virtual").spec)


def test_it_loads_no_torch():
    assert strangers_of(("icicore.models.light", "icicore.models.reference"), ("torch",)) == {}
