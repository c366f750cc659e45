"""Codes come back bit by bit, and numbers within half a step, whatever the numbers are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from longwatch.errors import ConfigError
from longwatch.memory.quantiser import LARGEST, SMALLEST, Quantiser

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from longwatch.memory.quantiser import Axis

FEW = (8, 4, 2)
AXES: tuple[Axis, ...] = ("channel", "token")
SHAPES = st.tuples(*(st.integers(1, most) for most in (3, 3, 7, 9)))


def round_trip(quantiser: Quantiser, x: torch.Tensor) -> torch.Tensor:
    b, h, tokens, d = x.shape
    rows = torch.zeros(b, quantiser.nbytes(h, tokens, d), dtype=torch.uint8)
    quantiser.encode(x, rows)
    out = torch.full((h, b, tokens, d), torch.nan).transpose(0, 1)
    quantiser.decode(rows, out)
    return out


def down(x: NDArray[np.float32]) -> NDArray[np.float16]:
    near = x.astype(np.float16)
    with np.errstate(over="ignore"):  # of neighbours that are not taken
        lower = np.nextafter(near, np.float16(-np.inf))
    return np.where(near.astype(np.float32) > x, lower, near)


def steps(quantiser: Quantiser, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the scale of every element, worked out by numpy."""
    axis = 2 if quantiser.axis == "channel" else 3
    low = down(x.min(axis, keepdims=True)).astype(np.float32)
    exact = (x.max(axis, keepdims=True) - low) / np.float32((1 << quantiser.bits) - 1)
    scale = -down(-np.maximum(exact, np.float32(SMALLEST)))
    return np.broadcast_to(scale.astype(np.float32), x.shape)


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("bits", FEW)
@settings(deadline=None)
@given(data=st.data(), shape=SHAPES)
def test_an_element_comes_back_within_half_a_step(
    bits: int, axis: Axis, data: st.DataObject, shape: tuple[int, ...]
) -> None:
    numbers = st.floats(-LARGEST, LARGEST, width=32)
    x = data.draw(arrays(np.float32, shape, elements=numbers))
    quantiser = Quantiser(bits, axis)
    found = round_trip(quantiser, torch.from_numpy(x)).double().numpy()
    rounding = np.abs(x).astype(np.float64) * 2.0**-22  # fp32 arithmetic
    bound = steps(quantiser, x).astype(np.float64) / 2 * (1 + 1e-5) + rounding
    assert (np.abs(found - x) <= bound).all()


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("bits", FEW)
@settings(deadline=None)
@given(shape=SHAPES, seed=st.integers(0, 2**31))
def test_codes_come_back_exactly(
    bits: int, axis: Axis, shape: tuple[int, int, int, int], seed: int
) -> None:
    """Integers that use all levels have a scale of one and lose nothing."""
    generator = torch.Generator().manual_seed(seed)
    b, h, tokens, d = shape[0], shape[1], shape[2] + 1, shape[3] + 1
    top = (1 << bits) - 1
    x = torch.randint(0, top + 1, (b, h, tokens, d), generator=generator).float()
    if axis == "channel":
        x[:, :, 0], x[:, :, 1] = 0, top
    else:
        x[..., 0], x[..., 1] = 0, top
    assert torch.equal(round_trip(Quantiser(bits, axis), x - 5), x - 5)


@pytest.mark.parametrize("bits", FEW)
def test_elements_are_packed_as_tightly_as_their_bits_allow(bits: int) -> None:
    scales = 2 * 2 * 4 * 128
    assert Quantiser(bits, "channel").nbytes(4, 50, 128) == 4 * 50 * 128 * bits // 8 + scales


@settings(deadline=None)
@given(shape=SHAPES)
def test_every_section_can_be_viewed_as_numbers(shape: tuple[int, ...]) -> None:
    for bits in (32, 16, *FEW):
        assert Quantiser(bits).nbytes(*shape[1:]) % 8 == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_32_bits_store_every_number_as_it_is(dtype: torch.dtype) -> None:
    x = torch.randn(2, 3, 5, 7, dtype=dtype)
    x[0, 0, 0, :3] = torch.tensor([torch.inf, -torch.inf, -0.0])
    assert torch.equal(round_trip(Quantiser(32), x), x.float())


def test_16_bits_store_fp16_as_it_is() -> None:
    x = torch.randn(2, 3, 5, 7, dtype=torch.float16)
    assert torch.equal(round_trip(Quantiser(16), x), x.float())


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("bits", FEW)
@pytest.mark.parametrize("value", [0.0, 1.5, -3.25, 6e-8, LARGEST, -LARGEST])
def test_equal_elements_come_back_exactly(bits: int, axis: Axis, value: float) -> None:
    x = torch.full((1, 2, 5, 6), value).half().float()
    assert torch.equal(round_trip(Quantiser(bits, axis), x), x)


@pytest.mark.parametrize("bits", [16, *FEW])
def test_what_fp16_cannot_hold_is_cut_to_its_range(bits: int) -> None:
    wild = [torch.nan, torch.inf, -torch.inf, 1e9]
    x = torch.zeros(1, 1, 4, 3)
    x[0, 0, :, 1] = torch.tensor(wild)
    found = round_trip(Quantiser(bits, "channel"), x)
    assert found.isfinite().all()
    assert torch.equal(found[..., 0], x[..., 0])
    step = 2 * LARGEST / ((1 << bits) - 1) if bits < 16 else 0.0
    expected = torch.tensor([0.0, LARGEST, -LARGEST, LARGEST])
    assert ((found[0, 0, :, 1] - expected).abs() <= step * 0.501).all()


@pytest.mark.parametrize("axis", AXES)
def test_a_group_does_not_feel_another(axis: Axis) -> None:
    x = torch.randn(2, 2, 6, 5)
    near = round_trip(Quantiser(4, axis), x)
    far = x.clone()
    if axis == "channel":
        far[0, 1, :, 2] *= 1000
        same = torch.arange(5) != 2
        assert torch.equal(round_trip(Quantiser(4, axis), far)[..., same], near[..., same])
    else:
        far[0, 1, 3] *= 1000
        same = torch.arange(6) != 3
        assert torch.equal(round_trip(Quantiser(4, axis), far)[:, :, same], near[:, :, same])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("bits", [16, *FEW])
def test_halves_are_rounded_once_from_what_fp32_would_be(bits: int, dtype: torch.dtype) -> None:
    quantiser = Quantiser(bits)
    rows = torch.zeros(3, quantiser.nbytes(2, 5, 8), dtype=torch.uint8)
    quantiser.encode(torch.randn(3, 2, 5, 8), rows)
    half, full = torch.empty(3, 2, 5, 8, dtype=dtype), torch.empty(3, 2, 5, 8)
    quantiser.decode(rows, half)
    quantiser.decode(rows, full)
    assert torch.equal(half, full.to(dtype))


def test_pieces_of_the_working_set_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(7, 2, 3, 4)
    whole = round_trip(Quantiser(4), x)
    monkeypatch.setattr("longwatch.memory.quantiser.WORKSET", 48)
    assert torch.equal(round_trip(Quantiser(4), x), whole)


def test_the_input_is_left_as_it_was() -> None:
    x = torch.randn(2, 2, 3, 4)
    kept = x.clone()
    round_trip(Quantiser(2), x)
    assert torch.equal(x, kept)


@pytest.mark.parametrize("settings", [{"bits": 3}, {"bits": 0}, {"axis": "head"}])
def test_impossible_settings_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        Quantiser(**settings)  # type: ignore[arg-type]
