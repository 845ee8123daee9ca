"""The fusion layer against the reference listing, written out here in NumPy on its own."""

import numpy as np
import pytest
import torch

from icicore.models.fusion import AttentionFusion, ConcatFusion, MeanFusion

DIMS, DIM, N = (24, 16, 32), 64, 5


def listing(x: list[np.ndarray], w: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Three projections with tanh, one shared score, softmax, weighted sum, 64-ReLU-1."""
    hidden = [np.tanh(x[m] @ w[f"projections.{m}.weight"].T + w[f"projections.{m}.bias"]) for m in range(3)]
    scores = np.stack([h @ w["score.weight"][0] + w["score.bias"][0] for h in hidden], axis=1)
    alpha = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    z = sum(alpha[:, m, None] * hidden[m] for m in range(3))
    inner = np.maximum(z @ w["classifier.0.weight"].T + w["classifier.0.bias"], 0)
    return inner @ w["classifier.2.weight"][0] + w["classifier.2.bias"][0], alpha


@pytest.fixture
def embeddings() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return [torch.randn(N, d, generator=generator, dtype=torch.float64) for d in DIMS]


@pytest.fixture
def fusion() -> AttentionFusion:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        return AttentionFusion(DIMS, DIM).double().eval()


def test_without_a_mask_the_fusion_is_the_reference_listing(fusion, embeddings):
    logit, weights = fusion(embeddings, torch.ones(N, 3, dtype=torch.bool))
    state = {k: v.numpy() for k, v in fusion.state_dict().items()}
    expected_logit, expected_weights = listing([x.numpy() for x in embeddings], state)
    np.testing.assert_allclose(logit.detach().numpy(), expected_logit, atol=1e-6, rtol=0)
    np.testing.assert_allclose(weights.detach().numpy(), expected_weights, atol=1e-6, rtol=0)


def test_an_absent_modality_is_left_out_of_the_softmax(fusion, embeddings):
    present = torch.tensor([[True, False, True]] * N)
    _, weights = fusion(embeddings, present)
    assert (weights[:, 1] == 0).all()
    hidden = [torch.tanh(p(x)) for p, x in zip(fusion.projections, embeddings, strict=True)]
    scores = torch.stack([fusion.score(hidden[m]).squeeze(-1) for m in (0, 2)], dim=1)
    torch.testing.assert_close(weights[:, [0, 2]], torch.softmax(scores, dim=1))


@pytest.mark.parametrize("kind", [AttentionFusion, ConcatFusion, MeanFusion])
@pytest.mark.parametrize("content", [float("nan"), float("inf"), 1e30])
def test_an_absent_modality_has_no_influence_whatever_its_content(kind, content, embeddings):
    fusion = kind(DIMS, DIM).double().eval()
    present = torch.tensor([[True, True, False]] * N)
    other = [*embeddings[:2], torch.full_like(embeddings[2], content)]
    for got, expected in zip(fusion(other, present), fusion(embeddings, present), strict=True):
        assert torch.equal(got, expected)


def test_with_nothing_present_all_weights_are_zero(fusion, embeddings):
    logit, weights = fusion(embeddings, torch.zeros(N, 3, dtype=torch.bool))
    assert (weights == 0).all()
    assert torch.isfinite(logit).all()


def test_mean_fusion_weighs_what_is_present_alike(embeddings):
    fusion = MeanFusion(DIMS, DIM).double().eval()
    present = torch.tensor([[True, True, True], [True, False, True], [False, True, False], [False] * 3, [True] * 3])
    logit, weights = fusion(embeddings, present)
    expected = [[1 / 3] * 3, [0.5, 0, 0.5], [0, 1, 0], [0] * 3, [1 / 3] * 3]
    torch.testing.assert_close(weights, torch.tensor(expected, dtype=torch.float64))
    hidden = [torch.tanh(p(x)) for p, x in zip(fusion.projections, embeddings, strict=True)]
    two = fusion.classifier((hidden[0] + hidden[2]) / 2).squeeze(-1)
    torch.testing.assert_close(logit[1], two[1])
    assert not any(name.startswith("score") for name in fusion.state_dict())


@pytest.mark.parametrize("kind", [AttentionFusion, MeanFusion])
def test_what_is_missing_adds_nothing_and_a_complete_case_stays_the_listing(kind, embeddings):
    """Scaled by the share present, the sum is that of the listing with nothing in the place of what is missing."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        fusion = kind(DIMS, DIM).double().eval()
    everything, some = torch.ones(N, 3, dtype=torch.bool), torch.tensor([[True, False, True]] * N)
    plain, weights = fusion(embeddings, everything), fusion(embeddings, some)[1]
    fusion.complete = 3
    torch.testing.assert_close(fusion(embeddings, everything), plain)
    logit, same = fusion(embeddings, some)
    torch.testing.assert_close(same, weights)
    hidden = [torch.tanh(p(x)) for p, x in zip(fusion.projections, embeddings, strict=True)]
    expected = fusion.classifier((weights[:, :1] * hidden[0] + weights[:, 2:] * hidden[2]) * 2 / 3).squeeze(-1)
    torch.testing.assert_close(logit, expected)


@pytest.mark.parametrize("kind", [AttentionFusion, MeanFusion])
def test_what_can_hardly_be_read_is_between_present_and_missing(kind, embeddings):
    """The softmax starts from the shares; with nearly nothing left the modality is as good as missing."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        fusion = kind(DIMS, DIM).double().eval()
    fusion.complete = 3
    everything = torch.ones(N, 3, dtype=torch.bool)
    shares = torch.ones(N, 3, dtype=torch.float64)
    logit, weights = fusion(embeddings, everything)
    for found, expected in zip(fusion(embeddings, everything, shares), (logit, weights), strict=True):
        torch.testing.assert_close(found, expected)
    shares[:, 0] = 0.25
    half, lower = fusion(embeddings, everything, shares)
    odds = weights * shares
    torch.testing.assert_close(lower, odds / odds.sum(dim=1, keepdim=True))
    hidden = torch.stack([torch.tanh(p(x)) for p, x in zip(fusion.projections, embeddings, strict=True)], dim=1)
    by_hand = fusion.classifier(torch.einsum("bm,bmd->bd", lower, hidden) * 2.25 / 3).squeeze(-1)
    torch.testing.assert_close(half, by_hand)
    gone = fusion(embeddings, torch.tensor([[False, True, True]] * N))[0]
    shares[:, 0] = 0.0
    least = fusion(embeddings, everything, shares)[0]
    assert ((least - gone).abs() < 0.1 * (logit - gone).abs().clamp_min(0.05)).all()


def test_concatenation_does_not_look_at_the_shares(embeddings):
    fusion = ConcatFusion(DIMS, DIM).double().eval()
    everything = torch.ones(N, 3, dtype=torch.bool)
    plain = fusion(embeddings, everything)[0]
    assert torch.equal(fusion(embeddings, everything, torch.full((N, 3), 0.3, dtype=torch.float64))[0], plain)
