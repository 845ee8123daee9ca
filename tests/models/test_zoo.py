"""Laws that every variant keeps, whatever its weights."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from icicore.domain import MODALITIES
from icicore.errors import BundleError
from icicore.models.histology import standardise
from icicore.models.inputs import Batch, CaseInputs, collate
from icicore.models.pathways import GeneSets
from icicore.models.zoo import Ensemble, ModelConfig, build, kinds
from tests.factories import CONFIG, make_case, make_model

VARIANTS = [replace(CONFIG, kind=kind) for kind in kinds()] + [replace(CONFIG, gene_attention="full")]
variants = pytest.mark.parametrize("config", VARIANTS, ids=lambda c: f"{c.kind}-{c.gene_attention}")


@pytest.fixture
def case() -> CaseInputs:
    return make_case(np.random.default_rng(1))


def poisoned(batch: Batch) -> Batch:
    """The same batch with NaN wherever the masks say that nothing is there."""
    tiles = batch.tile_mask[..., None] & batch.present[:, :1, None]
    genes, clinical = batch.gene_measured & batch.present[:, 1:2], batch.clinical_measured & batch.present[:, 2:]
    return replace(
        batch,
        tiles=torch.where(tiles, batch.tiles, torch.nan),
        gene_values=torch.where(genes, batch.gene_values, torch.inf),
        clinical_values=torch.where(clinical, batch.clinical_values, torch.nan),
    )


@variants
def test_hidden_content_never_reaches_the_output(config, case):
    rng = np.random.default_rng(2)
    cases = [case, make_case(rng, n_tiles=3), case.without("histology"), case.without("genomics", "clinical")]
    batch = collate(cases)
    absent = ~batch.present[:, :1]
    batch = replace(batch, tile_mask=batch.tile_mask | absent)  # tiles that are marked, of a modality that is absent
    model = make_model(config=config)
    clean, dirty = model(batch), model(poisoned(batch))
    for name in ("logit", "tile_attention", "gene_attention", "modality_weights", "arm_logits", "slide_embedding"):
        assert torch.equal(getattr(clean, name), getattr(dirty, name)), name


@variants
def test_absent_means_exactly_zero(config, case):
    batch = collate([case.without(*gone) for gone in ([], ["histology"], ["genomics"], ["clinical"])])
    output = make_model(config=config)(batch)
    present = batch.present & make_model(config=config).used
    assert (output.modality_weights[~present] == 0).all()
    torch.testing.assert_close(output.modality_weights.sum(dim=1), present.any(dim=1).float())
    assert (output.tile_attention[~batch.tile_mask] == 0).all()
    assert (output.gene_attention[~batch.gene_measured] == 0).all()
    torch.testing.assert_close(output.tile_attention.sum(dim=1), present[:, 0].float())
    torch.testing.assert_close(output.gene_attention.sum(dim=1), present[:, 1].float())


@variants
def test_an_unmeasured_gene_cannot_change_anything(config, case):
    model = make_model(config=config)
    hidden = int((~case.gene_measured).nonzero()[0])
    values = case.gene_values.clone()
    values[hidden] = torch.nan
    changed = replace(case, gene_values=values)
    assert torch.equal(model(collate([case])).logit, model(collate([changed])).logit)
    assert model(collate([changed])).gene_attention[0, hidden] == 0


@variants
def test_the_order_of_tiles_does_not_matter(config, case):
    order = torch.from_numpy(np.random.default_rng(5).permutation(len(case.tiles)))
    model = make_model(config=config)
    straight, mixed = model(collate([case])), model(collate([replace(case, tiles=case.tiles[order])]))
    torch.testing.assert_close(mixed.logit, straight.logit)
    torch.testing.assert_close(mixed.tile_attention, straight.tile_attention[:, order])


@variants
def test_padding_and_neighbours_do_not_matter(config, case):
    model = make_model(config=config)
    long = make_case(np.random.default_rng(8), n_tiles=40)
    alone, together = model(collate([case])), model(collate([case, long]))
    torch.testing.assert_close(together.logit[:1], alone.logit)
    torch.testing.assert_close(together.tile_attention[:1, :7], alone.tile_attention)
    assert (together.tile_attention[0, 7:] == 0).all()


def test_the_slide_embedding_is_the_attention_weighted_sum_of_tile_vectors(case):
    batch = collate([case, make_case(np.random.default_rng(9), n_tiles=12)])
    embedding, attention, hidden = make_model().encode_histology(batch.tiles, batch.tile_mask)
    torch.testing.assert_close(embedding, (attention[..., None] * hidden).sum(dim=1), atol=1e-6, rtol=1e-6)


def test_gene_attention_is_that_of_its_sets_times_its_share_in_each(case):
    encoder = make_model().encoders["genomics"]
    with torch.no_grad():
        encoder.pool.logit.normal_(std=0.2)
        encoder.prior.normal_()
    members, strength = encoder.pool.membership, torch.exp(5 * encoder.pool.logit) * case.gene_measured
    values = 5 * torch.tanh(case.gene_values / 5)
    within = strength[:, None] * members / (strength @ members)
    activity = 4 * torch.tanh((values @ within - encoder.pool.centre) / encoder.pool.scale / 4)
    x = encoder.place + activity[:, None] * encoder.direction
    for layer in encoder.blocks:
        x = layer(x[None], torch.ones(1, len(x), dtype=torch.bool))[0]
    sets = torch.softmax(encoder.prior + encoder.score(x).squeeze(-1), dim=0)
    embedding, attention = encoder(case.gene_values[None], case.gene_measured[None])
    torch.testing.assert_close(attention[0], within @ sets, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(embedding[0], len(x) ** 0.5 * sets @ (x - encoder.place), atol=1e-5, rtol=1e-5)


def test_activities_are_standardised_over_the_training_cases():
    pool = make_model().encoders["genomics"].pool
    rng = np.random.default_rng(3)
    values = torch.from_numpy(rng.normal(0.0, 0.5, (200, len(pool.logit))).astype(np.float32))
    measured = torch.from_numpy(rng.random(values.shape) < 0.9)
    pool.fit(values, measured)
    activity, total = pool(values, measured)
    assert (total > 0).any()
    torch.testing.assert_close(activity.mean(dim=0), torch.zeros(activity.shape[1]), atol=0.05, rtol=0)
    assert ((activity.std(dim=0) > 0.8) & (activity.std(dim=0) < 1.05)).all()


def test_an_ensemble_is_the_mean_of_its_members(case):
    members = [make_model(seed) for seed in range(3)]
    batch = collate([case])
    mean = Ensemble(members)(batch)
    torch.testing.assert_close(mean.logit, torch.stack([m(batch).logit for m in members]).mean(dim=0))
    torch.testing.assert_close(mean.tile_attention.sum(), torch.tensor(1.0))


def test_a_case_without_anything_is_scored_without_nan():
    output = make_model()(collate([CaseInputs("empty")]))
    assert torch.isfinite(output.logit).all()
    assert (output.modality_weights == 0).all()


@pytest.mark.parametrize("gone", MODALITIES)
def test_without_hides_one_modality(gone, case):
    present = case.without(gone).present
    assert present.tolist() == [m != gone for m in MODALITIES]


def test_config_survives_json_and_refuses_the_unknown():
    config = replace(CONFIG, kind="concat")
    assert ModelConfig.from_json(config.to_json()) == config
    with pytest.raises(BundleError, match="unknown key 'depth'"):
        ModelConfig.from_json({**config.to_json(), "depth": 3})
    with pytest.raises(BundleError, match="unknown kind"):
        build(replace(CONFIG, kind="oracle"))


def test_a_set_starts_with_the_share_that_its_start_gives_it_in_its_group_and_groups_with_the_root_of_their_sizes():
    encoder = build(replace(CONFIG, gene_pathways=5)).encoders["genomics"]
    membership = torch.zeros(CONFIG.n_tokens, 5)
    membership[[0, 1, 6, 7, 8], range(5)] = 1  # two sets of mutations, TMB, and two of expression
    start = torch.tensor([1.0, 1.0, 2.0, 3.0, 1.0])
    encoder.set_gene_sets(GeneSets(membership, torch.tensor([False] * 3 + [True] * 2), start))
    share = encoder.prior.detach().exp()
    torch.testing.assert_close(share[3:] / share[:2], torch.tensor([3.0, 1.0]))
    torch.testing.assert_close(share[2] / share[0], 2 * torch.tensor(2.0).sqrt())


def test_scale_of_a_tile_changes_nothing_and_yet_its_gradient_has_a_sum(case):
    model = make_model()
    tiles = case.tiles[None].clone().requires_grad_(True)
    mask = torch.ones(tiles.shape[:2], dtype=torch.bool)
    embedding, _, _ = model.encode_histology(tiles, mask)
    (gradient,) = torch.autograd.grad(embedding.sum(), tiles)
    assert ((gradient * tiles).sum(dim=-1).abs() > 1e-4).all()
    torch.testing.assert_close(model.encode_histology(3 * tiles, mask)[0], embedding, rtol=1e-3, atol=1e-4)


def test_tile_is_the_same_with_and_without_a_gradient_and_training_follows_the_exact_gradient(case):
    tiles = case.tiles.clone().double().requires_grad_(True)
    with torch.no_grad():
        plain = standardise(tiles, spread_is_constant=True)
    torch.testing.assert_close(standardise(tiles, spread_is_constant=True), plain)
    assert torch.autograd.gradcheck(lambda x: standardise(x, spread_is_constant=False), (tiles[:2],))
    weight = torch.linspace(-1, 1, tiles.shape[1], dtype=torch.float64)
    (exact,) = torch.autograd.grad((standardise(tiles, spread_is_constant=False) @ weight).sum(), tiles)
    torch.testing.assert_close((exact * tiles).sum(dim=-1), torch.zeros(len(tiles)).double(), rtol=0, atol=1e-3)
    (explained,) = torch.autograd.grad((standardise(tiles, spread_is_constant=True) @ weight).sum(), tiles)
    torch.testing.assert_close((explained * tiles).sum(dim=-1), plain @ weight)


def test_a_bundle_of_before_the_scaling_is_read_as_it_was_trained():
    given = replace(CONFIG, scale_by_present=True, weigh_readable=True).to_json()
    content = {k: v for k, v in given.items() if k not in ("scale_by_present", "weigh_readable")}
    old = build(ModelConfig.from_json(content))
    assert (old.fusion.complete, old.config.weigh_readable) == (0, False)
    assert build(replace(CONFIG, scale_by_present=True)).fusion.complete == 3
