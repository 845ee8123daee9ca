import re
import urllib.request
from urllib.error import URLError

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from sklearn.datasets import load_sample_image
from timm.layers import BatchNormAct2d
from torch import nn

from icicore.embeddings.backbones import backbones, lite0_key, load_backbone
from icicore.embeddings.fold import fold_batch_norm, same_output
from icicore.embeddings.weights import read_state
from icicore.errors import BackboneUnavailable
from tests.make_slides import make_he_image
from tests.shared_data import shared

TILES = np.stack([make_he_image(np.random.default_rng(i), (256, 256)) for i in range(3)])


@pytest.fixture(scope="module")
def lite0():
    return load_backbone("efficientnet_lite0")


@pytest.fixture(scope="module")
def whole_lite0():
    """The whole classifier, filled through the translation of names that the encoder uses."""
    (status,) = [s for s in backbones() if s.name == "efficientnet_lite0"]
    state = {lite0_key(name): value for name, value in read_state(status.source).items()}
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    network.load_state_dict(state, strict=True)
    return network


@pytest.fixture
def offline(monkeypatch, tmp_path):
    def refuse(*args, **kwargs):
        raise URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))


def photograph(name):
    image = load_sample_image(name)
    side = min(image.shape[:2])
    y, x = ((n - side) // 2 for n in image.shape[:2])
    square = torch.from_numpy(image[y : y + side, x : x + side].copy()).permute(2, 0, 1)[None].float()
    return nn.functional.interpolate(square, size=(256, 256), mode="bicubic", antialias=True).clamp(0, 255)


@pytest.mark.parametrize(("name", "label"), [("china.jpg", 698), ("flower.jpg", 985)])  # palace, daisy
def test_lite0_recognises_photographs(whole_lite0, name, label):
    with torch.inference_mode():
        logits = whole_lite0((photograph(name)[:, :, 16:240, 16:240] - 127) / 128)
    assert int(logits.argmax()) == label


def test_lite0_sees_inputs_as_in_its_training(whole_lite0, lite0):
    """Statistics that batch norms kept from training match only under the right input scale and padding."""
    measured = {}

    def watch(name):
        return lambda module, inputs: measured.update({name: (inputs[0].var((0, 2, 3)), module.running_var)})

    norms = [(n, m) for n, m in whole_lite0.named_modules() if isinstance(m, BatchNormAct2d)]
    hooks = [norm.register_forward_pre_hook(watch(name)) for name, norm in norms]
    crops = torch.cat(
        [
            photograph(n)[:, :, y : y + 192, x : x + 192]
            for n in ("china.jpg", "flower.jpg")
            for y in (0, 32, 64)
            for x in (0, 32, 64)
        ]
    )
    x = nn.functional.interpolate(crops, size=(224, 224), mode="bicubic", antialias=True).clamp(0, 255)
    x = (x - torch.tensor(lite0.mean)[:, None, None]) / torch.tensor(lite0.std)[:, None, None]
    with torch.inference_mode():
        whole_lite0(x)
    for hook in hooks:
        hook.remove()
    ratios = [float((seen / kept.clamp(min=1e-6)).median()) for seen, kept in measured.values()]
    assert 0.75 < ratios[0] < 1.33, "with the usual ImageNet normalisation the first ratio is about 5"
    assert 0.6 < np.median(ratios) < 1.6


def test_lite0_encoder_is_the_folded_classifier_body(whole_lite0, lite0):
    x = lite0.preprocess(TILES)
    assert torch.equal(x[0, :, 3, 5], (torch.from_numpy(TILES[0, 3, 5]).float() - 127) / 128)
    with torch.inference_mode():
        expected = whole_lite0.forward_features(x)
        maps = lite0.feature_maps(x)
    assert maps.shape == (3, 1280, 8, 8)
    assert (maps - expected).abs().max() < 1e-3 * expected.abs().max()
    np.testing.assert_allclose(lite0.encode(TILES), expected.mean((2, 3)), atol=1e-3)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in lite0.module.modules())


def test_identity_is_stable_and_follows_the_weights(lite0):
    assert re.fullmatch(r"efficientnet_lite0@[0-9a-f]{12}", lite0.identifier)
    assert load_backbone("efficientnet_lite0").digest == lite0.digest
    assert lite0.encode(TILES).tobytes() == lite0.encode(TILES.copy()).tobytes()


def test_bf16_is_close_but_another_identity(lite0):
    half = load_backbone("efficientnet_lite0", precision="bf16")
    a, b = lite0.encode(TILES), half.encode(TILES)
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert cosine.min() > 0.98 and half.identity() != lite0.identity()


def test_resnet50_from_a_local_file():
    encoder = load_backbone("resnet50", weights_dir=shared("weights"))
    network = __import__("torchvision").models.resnet50(weights=None).eval()
    network.load_state_dict(
        {k: v.float() for k, v in read_state(shared("weights/resnet50_imagenet_ktb.safetensors")).items()}
    )
    network.fc = nn.Identity()
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = ((torch.from_numpy(TILES).float() / 255 - mean) / std).permute(0, 3, 1, 2)
    with torch.inference_mode():
        expected = network(x).numpy()
    found = encoder.encode(TILES)
    assert found.shape == (3, 2048)
    assert np.abs(found - expected).max() < 1e-3 * np.abs(expected).max()
    assert encoder.feature_maps(encoder.preprocess(TILES[:1])).shape == (1, 2048, 8, 8)


def test_resnet50_without_weights_is_one_line(offline, tmp_path):
    with pytest.raises(BackboneUnavailable, match="ICICORE_WEIGHTS_DIR") as caught:
        load_backbone("resnet50", weights_dir=tmp_path)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.rglob("*.pth")), "a failed download leaves nothing"
    status = {s.name: s for s in backbones(weights_dir=tmp_path)}
    assert not status["resnet50"].available and status["efficientnet_lite0"].available


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("resnet50-0676ba61.pth", b"not torch", "cannot be read"),
        ("resnet50-0676ba61.pth", b"", "cannot be read"),
        ("resnet50.safetensors", b"\x00" * 40, "cannot be read"),
    ],
)
def test_damaged_weights_are_one_line(offline, tmp_path, name, content, problem):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BackboneUnavailable, match=problem):
        load_backbone("resnet50", weights_dir=tmp_path)


def test_weights_of_another_network_are_refused(offline, tmp_path):
    save_file({"conv1.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / "resnet50.safetensors")
    with pytest.raises(BackboneUnavailable, match="weights do not fit"):
        load_backbone("resnet50", weights_dir=tmp_path)


class Evil:
    def __reduce__(self):
        return (print, ("executed",))


def test_a_pickle_is_never_run(offline, tmp_path, capsys):
    torch.save({"conv1.weight": Evil()}, tmp_path / "resnet50-0676ba61.pth")
    with pytest.raises(BackboneUnavailable, match="cannot be read"):
        load_backbone("resnet50", weights_dir=tmp_path)
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize(("name", "spatial"), [("test_resnet", True), ("test_efficientnet", True), ("test_vit", False)])
def test_timm_networks_load_from_the_weights_folder(offline, tmp_path, name, spatial):
    torch.manual_seed(0)
    network = timm.create_model(name, pretrained=False).eval()
    save_file(network.state_dict(), tmp_path / f"{name}.safetensors")
    encoder = load_backbone(f"timm:{name}", weights_dir=tmp_path)
    embeddings = encoder.encode(TILES)
    assert encoder.spatial is spatial and embeddings.shape == (3, encoder.dim) and np.isfinite(embeddings).all()
    reference = timm.create_model(name, pretrained=False, num_classes=0).eval()
    reference.load_state_dict(network.state_dict(), strict=False)
    with torch.inference_mode():
        expected = reference(encoder.preprocess(TILES)).numpy()
    np.testing.assert_allclose(embeddings, expected, atol=1e-3 * np.abs(expected).max())
    if not spatial:
        with pytest.raises(ValueError, match="no feature maps"):
            encoder.feature_maps(encoder.preprocess(TILES))


@pytest.mark.parametrize("name", ["resnet51", "timm:nonsense", "timm:test_resnet", ""])
def test_unknown_or_absent_backbones_are_one_line(offline, tmp_path, name):
    with pytest.raises(BackboneUnavailable) as caught:
        load_backbone(name, weights_dir=tmp_path)
    assert "\n" not in str(caught.value) and "Traceback" not in str(caught.value)


def test_an_unknown_precision_is_refused():
    with pytest.raises(BackboneUnavailable, match="expected fp32, bf16, int8"):
        load_backbone("efficientnet_lite0", precision="int4")


def test_folding_keeps_the_output_and_notices_when_it_cannot():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.BatchNorm2d(4))
    for norm in (network[1], network[4]):
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    network.eval()
    assert same_output(network, fold_batch_norm(network))
    assert not same_output(network, nn.Sequential(network, nn.Softplus()))
