"""Linear layers in eight bits against those in fp32."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from benchmarks.exactness import TURNS, ask, video, watch
from longwatch.models.families import FAMILIES
from longwatch.models.int8 import LEVELS, NARROW, Int8Linear, quantize

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from longwatch.models.base import VideoLM


def linear(inputs: int, outputs: int, *, bias: bool = True, seed: int = 0) -> nn.Linear:
    torch.manual_seed(seed)
    return nn.Linear(inputs, outputs, bias=bias).requires_grad_(False)


narrow = pytest.mark.parametrize("narrow", [True, False])


def relative(x: Tensor, truth: Tensor) -> float:
    return float((x - truth).norm() / truth.norm())


@narrow
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", [1, 2, 17, 64])
@pytest.mark.parametrize(("inputs", "outputs"), [(64, 96), (33, 17), (7, 5), (256, 1)])
def test_the_product_is_close_for_any_shape(
    rows: int, inputs: int, outputs: int, bias: bool, narrow: bool
) -> None:
    plain = linear(inputs, outputs, bias=bias)
    x = torch.randn(2, rows, inputs, generator=torch.Generator().manual_seed(1))
    out = Int8Linear(plain, narrow=narrow)(x)
    assert out.shape == (2, rows, outputs)
    size = x.norm() * plain.weight.norm() / inputs**0.5  # of the product of unrelated factors
    assert (out - plain(x)).norm() < 0.04 * size


@narrow
def test_whole_numbers_of_the_scale_are_exact_and_never_saturate(narrow: bool) -> None:
    plain = linear(512, 3, bias=False)
    draw = torch.Generator().manual_seed(0)
    plain.weight.copy_(torch.randint(-127, 128, (3, 512), generator=draw))
    plain.weight[:, 0] = 127  # so that the scale is one
    plain.weight[2] = 127
    levels = NARROW if narrow else LEVELS
    x = torch.randint(-levels, levels + 1, (4, 512), generator=draw).float()
    x[:, 0] = levels
    x[3] = levels
    assert Int8Linear(plain, narrow=narrow)(x).equal(plain(x))


@narrow
def test_a_token_has_a_scale_of_its_own(narrow: bool) -> None:
    plain = linear(64, 32)
    x = torch.randn(2, 64, generator=torch.Generator().manual_seed(2))
    loud = torch.stack([x[0], 1000 * x[1]])
    layer = Int8Linear(plain, narrow=narrow)
    assert layer(loud)[0].equal(layer(x)[0])


@narrow
def test_zeros_give_the_bias(narrow: bool) -> None:
    plain = linear(16, 4)
    assert Int8Linear(plain, narrow=narrow)(torch.zeros(1, 16)).equal(plain.bias[None])


@narrow
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_dtype_of_the_input_is_kept(dtype: torch.dtype, narrow: bool) -> None:
    assert Int8Linear(linear(8, 8), narrow=narrow)(torch.ones(1, 8, dtype=dtype)).dtype == dtype


def test_every_linear_layer_is_replaced_and_nothing_else() -> None:
    model = nn.Sequential(linear(4, 4), nn.LayerNorm(4), nn.Sequential(linear(4, 4), nn.GELU()))
    quantize(model)
    kinds = [type(module) for module in model.modules() if not isinstance(module, nn.Sequential)]
    assert kinds == [Int8Linear, nn.LayerNorm, Int8Linear, nn.GELU]


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_model_in_int8_answers_nearly_as_in_fp32(
    load: Callable[..., VideoLM], family: str
) -> None:
    frames = video(family, 3, seed=0)
    plain, small = load(family), load(family, "timed", "int8")
    truth, found = (
        ask(m, watch(m, frames).snapshot().segments, TURNS, steps=1).logits for m in (plain, small)
    )
    assert 0 < relative(found, truth) < 0.15
