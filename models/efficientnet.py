"""EfficientNet-Lite2 for inference: the vision tower of the bundled model."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from longwatch.types import Frame

SIZE = 260  # pixels a side that the weights were trained at
STEM = 32
HEAD = 1280
CLASSES = 1000
TOP = 3  # last blocks, which `middle` leaves out
MIDDLE = 208  # channels there


class Stage(NamedTuple):
    """Blocks of one width; only the first of them may have a stride."""

    blocks: int
    kernel: int
    stride: int
    expand: int
    width: int


# EfficientNet-B0's stages, 1.1 times as wide and 1.2 times as deep; first and last stay shallow.
STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(3, 3, 2, 6, 24),
    Stage(3, 5, 2, 6, 48),
    Stage(4, 3, 2, 6, 88),
    Stage(4, 5, 1, 6, 120),
    Stage(5, 5, 2, 6, 208),
    Stage(1, 3, 1, 6, 352),
)


class EfficientNetLite2(nn.Module):
    """The network of arXiv 1905.11946 in its Lite form: ReLU6, no squeeze-and-excite.

    Batch norms are folded into the convolutions, so this is for inference only.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = _Conv(3, STEM, 3, 2)
        self.blocks = nn.Sequential(*_blocks())
        self.head = _Conv(STAGES[-1].width, HEAD, 1)
        self.classifier = nn.Linear(HEAD, CLASSES)

    def features(self, x: Tensor) -> Tensor:
        """Return the last map, (b, 1280, 9, 9), of pictures as `preprocess` gives them."""
        return self.last(self.middle(x))

    def middle(self, x: Tensor) -> Tensor:
        """Return the map, (b, 208, 9, 9), that the last TOP blocks start from."""
        return self.blocks[:-TOP](functional.relu6(self.stem(x)))  # type: ignore[no-any-return]

    def last(self, middle: Tensor) -> Tensor:
        """Return the last map, (b, 1280, 9, 9), of a middle one."""
        return functional.relu6(self.head(self.blocks[-TOP:](middle)))

    def classify(self, features: Tensor) -> Tensor:
        """Return logits, (..., 1000), of ImageNet's classes for features, (..., 1280)."""
        out: Tensor = self.classifier(features)
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Return one row of logits a picture, (b, 1000)."""
        return self.classify(self.features(x).mean((2, 3)))


class Top(nn.Module):
    """The last TOP blocks and the head once more, for weights with another purpose."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*list(_blocks())[-TOP:])
        self.head = _Conv(STAGES[-1].width, HEAD, 1)

    def forward(self, middle: Tensor) -> Tensor:
        """Return a map, (b, 1280, 9, 9), of the tower's middle one, (b, 208, 9, 9)."""
        return functional.relu6(self.head(self.blocks(middle)))

    def start(self, tower: EfficientNetLite2) -> None:
        """Take the tower's own weights."""
        self.blocks.load_state_dict(nn.Sequential(*list(tower.blocks)[-TOP:]).state_dict())
        self.head.load_state_dict(tower.head.state_dict())


class _Conv(nn.Conv2d):
    """A convolution that pads as TensorFlow does: more at the far side when it is uneven."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        even = kernel // 2 if stride == 1 else 0
        super().__init__(inputs, outputs, kernel, stride, padding=even, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        if self.stride[0] > 1:
            (top, bottom), (left, right) = map(self._pad, x.shape[2:])
            x = functional.pad(x, (left, right, top, bottom))
        return super().forward(x)

    def _pad(self, size: int) -> tuple[int, int]:
        stride, kernel = self.stride[0], self.kernel_size[0]
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        return total // 2, total - total // 2


class _Block(nn.Module):
    """Widen, filter each channel by itself, narrow."""

    def __init__(self, inputs: int, stage: Stage, stride: int) -> None:
        super().__init__()
        inner = inputs * stage.expand
        self.expand = _Conv(inputs, inner, 1) if stage.expand > 1 else None
        self.depthwise = _Conv(inner, inner, stage.kernel, stride, groups=inner)
        self.project = _Conv(inner, stage.width, 1)
        self.skip = stride == 1 and inputs == stage.width

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else functional.relu6(self.expand(x))
        out: Tensor = self.project(functional.relu6(self.depthwise(y)))
        return out + x if self.skip else out


def _blocks() -> Iterator[_Block]:
    width = STEM
    for stage in STAGES:
        for i in range(stage.blocks):
            yield _Block(width, stage, stage.stride if i == 0 else 1)
            width = stage.width


def preprocess(frames: Sequence[Frame], device: torch.device) -> Tensor:
    """Return pictures of any sizes as the network wants them, (b, 3, 260, 260) fp32.

    The whole frame is squeezed into the square, so that every place in it has its cell.
    """
    squares = torch.cat([_square(frame) for frame in frames])
    return (squares.to(device).float() - 127) / 128


def _square(frame: Frame) -> Tensor:
    image = torch.tensor(frame.image).permute(2, 0, 1)[None]
    # On the CPU: CUDA has no antialiased resampling of whole numbers.
    return functional.interpolate(image, (SIZE, SIZE), mode="bicubic", antialias=True)


def channels_last(module: nn.Module) -> None:
    """Lay the convolutions' weights out with channels last, in place: faster on a CPU."""
    for weight in module.parameters():
        if weight.ndim == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
