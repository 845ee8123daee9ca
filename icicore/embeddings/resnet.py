"""ResNet-50 as a plain network, up to its last feature maps, without loading torchvision.

The order and names of layers are those of torchvision's children, so its weights and their digest stay the same.
"""

from collections.abc import Mapping

from torch import Tensor, nn

DIM = 2048
_EXPANSION = 4
_STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
_CHILDREN = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")


class Bottleneck(nn.Module):
    """Narrow, convolve with the stride, widen; the input is added before the last activation."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        wide = width * _EXPANSION
        self.conv1 = nn.Conv2d(width_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, wide, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(wide)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride != 1 or width_in != wide:
            shortcut = nn.Conv2d(width_in, wide, 1, stride=stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(wide))

    def forward(self, x: Tensor) -> Tensor:
        """NCHW to NCHW."""
        same = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += same
        result: Tensor = self.relu(out)
        return result


def resnet50_trunk() -> nn.Sequential:
    """NCHW to (n, 2048, h / 32, w / 32)."""
    layers: list[nn.Module] = [
        nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2, padding=1),
    ]
    width_in = 64
    for width, blocks, stride in _STAGES:
        stage = []
        for number in range(blocks):
            stage.append(Bottleneck(width_in, width, stride if number == 0 else 1))
            width_in = width * _EXPANSION
        layers.append(nn.Sequential(*stage))
    return nn.Sequential(*layers)


def trunk_key(name: str) -> str:
    """Translate a weight's name from torchvision's network to the trunk: ``layer1.0.conv1.weight`` is ``4.0...``."""
    child, _, rest = name.partition(".")
    return f"{_CHILDREN.index(child)}.{rest}" if child in _CHILDREN else name


def trunk_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of torchvision's network under the trunk's names."""
    return {trunk_key(name): value for name, value in state.items()}
