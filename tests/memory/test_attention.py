"""The registered attention function against plain attention."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from longwatch.errors import UnsupportedModelError
from longwatch.memory.attention import attend, causal, packed
from longwatch.memory.context import Draft
from tests.memory import tiny


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 9), (4, 4), (4, 11)])
@pytest.mark.parametrize("heads", [2, 4, 6])
def test_packed_equals_repeating_keys(n: int, m: int, heads: int) -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(heads, n, 8), torch.randn(2, m, 8), torch.randn(2, m, 8)
    keys, values = (x.repeat_interleave(heads // 2, 0) for x in (k, v))
    scores = q @ keys.transpose(1, 2) * 0.3
    scores = scores.masked_fill(~torch.ones(n, m, dtype=torch.bool).tril(m - n), -torch.inf)
    expected = scores.softmax(-1) @ values
    torch.testing.assert_close(packed(q, k, v, 0.3, causal(q, k)), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("extra", [{"sliding_window": 4}, {"softcap": 30.0}, {"mask": True}])
def test_what_we_do_not_compute_is_refused(extra: dict[str, Any]) -> None:
    module = nn.Module()
    module.layer_idx = 0  # type: ignore[assignment]
    mask = torch.ones(1) if extra.pop("mask", False) else None
    x = torch.zeros(1, 2, 3, 8)
    step = Draft((), tiny.decoder().rope, positions=torch.arange(3)[None], time=None)
    with pytest.raises(UnsupportedModelError, match="choose"):
        attend(module, x, x, x, mask, step=step, **extra)
