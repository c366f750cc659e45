"""The vision tower against the public network, and its preprocessing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

from longwatch.models.bundled_model import FOLDER
from longwatch.models.efficientnet import CLASSES, HEAD, SIZE, EfficientNetLite2, preprocess
from longwatch.types import Frame
from training import convert_tower

CPU = torch.device("cpu")
TOWER = FOLDER / "tower.safetensors"


@pytest.fixture(scope="module")
def tower() -> EfficientNetLite2:
    network = EfficientNetLite2().eval()
    network.load_state_dict(load_file(TOWER))
    return network


def frame(height: int, width: int, seed: int = 0) -> Frame:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Frame(image, 0.0, 0)


@pytest.mark.slow
def test_the_tower_equals_the_public_network_on_photographs() -> None:
    assert convert_tower.difference(load_file(TOWER)) < 1e-4


@pytest.mark.slow
def test_the_shipped_tower_is_the_converted_public_one() -> None:
    public = torch.load(convert_tower.source(), weights_only=True)
    converted, shipped = convert_tower.convert(public), load_file(TOWER)
    assert converted.keys() == shipped.keys()
    assert all(torch.allclose(converted[k], shipped[k], atol=1e-6) for k in shipped)


def test_the_tower_carries_its_licence_and_checksum() -> None:
    with safe_open(TOWER, "pt") as file:
        metadata = file.metadata()
    assert metadata["license"] == "Apache-2.0"
    assert metadata["sha256"] == convert_tower.checksum(load_file(TOWER))


@torch.inference_mode()
def test_classes_of_a_map_are_classes_of_its_mean(tower: EfficientNetLite2) -> None:
    x = preprocess([frame(90, 160), frame(200, 100, 1)], CPU)
    features = tower.features(x)
    assert features.shape == (2, HEAD, 9, 9)
    cells = tower.classify(features.flatten(2).transpose(1, 2))
    assert cells.shape == (2, 81, CLASSES)
    assert torch.allclose(cells.mean(1), tower(x), atol=1e-4)


@torch.inference_mode()
def test_a_batch_is_the_same_as_its_pictures_one_by_one(tower: EfficientNetLite2) -> None:
    frames = [frame(64, 64, i) for i in range(3)]
    alone = torch.cat([tower(preprocess([f], CPU)) for f in frames])
    assert torch.allclose(tower(preprocess(frames, CPU)), alone, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 3), st.sampled_from([1, 3, 5]), st.integers(0, 9))
def test_convolutions_pad_as_tensorflow_does(size: int, stride: int, kernel: int, at: int) -> None:
    from longwatch.models.efficientnet import _Conv

    conv = _Conv(1, 1, kernel, stride)
    nn.init.ones_(conv.weight)
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    out = -(-size // stride)
    x = torch.rand(size, generator=torch.Generator().manual_seed(at))
    # TensorFlow's SAME: as many outputs as strides begin, the odd zero at the far side.
    total = max((out - 1) * stride + kernel - size, 0)
    padded = torch.cat([torch.zeros(total // 2), x, torch.zeros(total - total // 2)])
    rows = conv(x.expand(1, 1, size, size))[0, 0]
    assert rows.shape == (out, out)
    wanted = torch.stack([padded[i * stride : i * stride + kernel].sum() for i in range(out)])
    middle = out // 2
    ones = min(middle * stride - total // 2 + kernel, size) - max(middle * stride - total // 2, 0)
    assert torch.allclose(rows[middle], wanted * ones, atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (17, 900), (SIZE, SIZE), (480, 640)])
def test_every_picture_fills_the_square(height: int, width: int) -> None:
    x = preprocess([frame(height, width)], CPU)
    assert x.shape == (1, 3, SIZE, SIZE)
    assert -127 / 128 <= float(x.min()) < float(x.max() + 1e-6) <= 1.0 + 1e-6


def test_levels_and_colours_are_kept() -> None:
    image = np.zeros((SIZE, SIZE, 3), np.uint8)
    image[..., 0], image[..., 2] = 255, 127
    x = preprocess([Frame(image, 0.0, 0)], CPU)
    assert x.mean((0, 2, 3)).tolist() == [1.0, -127 / 128, 0.0]


def test_what_is_at_the_left_stays_at_the_left() -> None:
    image = np.zeros((100, 400, 3), np.uint8)
    image[:, :200] = 255
    x = preprocess([Frame(image, 0.0, 0)], CPU)
    assert bool((x[..., : SIZE // 2 - 4] == 1.0).all())
    assert bool((x[..., SIZE // 2 + 4 :] == -127 / 128).all())
