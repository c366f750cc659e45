"""Rows hold blocks: whole ones, short ones, and several layers at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.errors import ConfigError
from longwatch.memory.codec import Codec

if TYPE_CHECKING:
    from longwatch.memory.quantiser import Axis

BITS = st.sampled_from((32, 16, 8, 4, 2))
AXES = st.sampled_from(("channel", "token"))
CODECS = st.builds(Codec, BITS, BITS, AXES, AXES)
SHAPES = st.tuples(*(st.integers(1, most) for most in (4, 3, 7, 9)))
FULL = Codec(32, 32)


def blocks(
    shape: tuple[int, ...], seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    keys, values = (torch.randn(shape, generator=generator) for _ in range(2))
    return keys, values, torch.randint(1, shape[2] + 1, (shape[0],), generator=generator)


@settings(deadline=None)
@given(codec=CODECS, shape=SHAPES, seed=st.integers(0, 2**31))
def test_what_stands_behind_the_last_token_changes_nothing(
    codec: Codec, shape: tuple[int, int, int, int], seed: int
) -> None:
    """A short block is stored bit by bit like one whose last token is said again."""
    _, h, tokens, d = shape
    keys, values, lengths = blocks(shape, seed)
    rows = codec.encode(keys, values, lengths)
    for block, length in enumerate(lengths.tolist()):
        for x in (keys, values):
            x[block, :, length:] = 1e30
    assert torch.equal(codec.encode(keys, values, lengths), rows)
    for block, length in enumerate(lengths.tolist()):
        for x in (keys, values):
            x[block, :, length:] = x[block, :, length - 1 : length]
    whole = torch.full_like(lengths, tokens)
    assert torch.equal(codec.encode(keys, values, whole), rows)
    assert rows.shape == (shape[0], codec.row_bytes(h, d, tokens))


@settings(deadline=None)
@given(codec=CODECS, shape=SHAPES, seed=st.integers(0, 2**31))
def test_a_block_does_not_feel_its_neighbours(
    codec: Codec, shape: tuple[int, int, int, int], seed: int
) -> None:
    keys, values, lengths = blocks(shape, seed)
    rows = codec.encode(keys, values, lengths)
    alone = [
        codec.encode(keys[i : i + 1], values[i : i + 1], lengths[i : i + 1])
        for i in range(shape[0])
    ]
    assert torch.equal(torch.cat(alone), rows)
    whole = codec.decode(rows, shape[1], shape[3], shape[2], torch.float32)
    for i in range(shape[0]):
        part = codec.decode(rows[i : i + 1], shape[1], shape[3], shape[2], torch.float32)
        assert torch.equal(part[0], whole[0][i : i + 1])
        assert torch.equal(part[1], whole[1][i : i + 1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_32_bits_give_back_what_was_stored(dtype: torch.dtype) -> None:
    keys, values, _ = blocks((3, 2, 5, 7))
    keys, values = keys.to(dtype), values.to(dtype)
    rows = FULL.encode(keys, values, torch.full((3,), 5))
    found = FULL.decode(rows, 2, 7, 5, dtype)
    assert torch.equal(found[0], keys)
    assert torch.equal(found[1], values)


def test_more_bits_bring_keys_and_values_closer() -> None:
    keys, values, _ = blocks((3, 2, 20, 16))
    whole = torch.full((3,), 20)
    errors = []
    for bits in (2, 4, 8, 16, 32):
        codec = Codec(bits, bits)
        found = codec.decode(codec.encode(keys, values, whole), 2, 16, 20, torch.float32)
        errors.append((found[0] - keys).norm() + (found[1] - values).norm())
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] == 0


@pytest.mark.parametrize(
    ("codec", "same"), [(Codec(32, 4), "keys"), (Codec(4, 32), "values")], ids=str
)
def test_keys_and_values_have_settings_of_their_own(codec: Codec, same: str) -> None:
    keys, values, _ = blocks((3, 2, 5, 7))
    rows = codec.encode(keys, values, torch.full((3,), 5))
    found = codec.decode(rows, 2, 7, 5, torch.float32)
    assert torch.equal(found[0], keys) == (same == "keys")
    assert torch.equal(found[1], values) == (same == "values")


def test_a_layer_s_tokens_lie_one_after_another() -> None:
    keys, values, _ = blocks((3, 2, 5, 7))
    rows = FULL.encode(keys, values, torch.full((3,), 5))
    decoded, _ = FULL.decode(rows, 2, 7, 5, torch.float32)
    layer = decoded.transpose(0, 1).flatten(1, 2)
    assert torch.equal(layer, torch.cat(list(keys), 1))
    assert layer.data_ptr() == decoded.data_ptr()


@settings(deadline=None)
@given(codec=CODECS, shape=SHAPES, dtype=st.sampled_from((torch.float32, torch.float16)))
def test_blocks_can_be_decoded_into_the_middle_of_a_buffer(
    codec: Codec, shape: tuple[int, int, int, int], dtype: torch.dtype
) -> None:
    b, h, tokens, d = shape
    rows = codec.encode(*blocks(shape))
    buffers = [torch.zeros(h, b * tokens + 5, d, dtype=dtype) for _ in range(2)]
    keys, values = (x[:, 3:-2].unflatten(1, (b, tokens)).transpose(0, 1) for x in buffers)
    codec.decode(rows, h, d, tokens, dtype, (keys, values))
    for buffer, expected in zip(buffers, codec.decode(rows, h, d, tokens, dtype), strict=True):
        assert torch.equal(buffer[:, 3:-2], expected.transpose(0, 1).flatten(1, 2))
        assert not buffer[:, :3].any()
        assert not buffer[:, -2:].any()
    with pytest.raises(ValueError, match="written"):
        codec.decode(rows, h, d, tokens, dtype, (keys, values[:, :, 1:]))


@pytest.mark.parametrize("axis", ["channel", "token"])
def test_rows_are_the_same_every_time(axis: Axis) -> None:
    keys, values, lengths = blocks((3, 3, 5, 7))
    codec = Codec(2, 4, axis, axis)
    assert torch.equal(codec.encode(keys, values, lengths), codec.encode(keys, values, lengths))


def test_no_blocks_are_no_rows() -> None:
    rows = Codec().encode(torch.empty(0, 2, 5, 8), torch.empty(0, 2, 5, 8), torch.empty(0).long())
    assert rows.shape == (0, Codec().row_bytes(2, 8, 5))
    keys, values = Codec().decode(rows, 2, 8, 5, torch.float16)
    assert keys.shape == values.shape == (0, 2, 5, 8)


@pytest.mark.parametrize("lengths", [[0, 1, 1], [1, 6, 1], [1, 1]])
def test_impossible_lengths_are_refused(lengths: list[int]) -> None:
    keys, values, _ = blocks((3, 2, 5, 7))
    with pytest.raises(ValueError, match="lengths"):
        Codec().encode(keys, values, torch.tensor(lengths))


def test_rows_of_other_settings_are_refused() -> None:
    keys, values, lengths = blocks((3, 2, 5, 7))
    rows = Codec(4, 4).encode(keys, values, lengths)
    with pytest.raises(ValueError, match="bytes"):
        Codec(2, 4).decode(rows, 2, 7, 5, torch.float32)


@pytest.mark.parametrize("settings", [{"key_bits": 3}, {"value_bits": 1}, {"key_axis": "head"}])
def test_impossible_settings_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        Codec(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("codec", "stored"),
    [
        (
            Codec(),
            "Codec(key_bits=4, value_bits=4, key_axis='channel', value_axis='channel')",
        ),
        (
            Codec(2, 8, value_axis="token"),
            "Codec(key_bits=2, value_bits=8, key_axis='channel', value_axis='token')",
        ),
        (
            Codec(16, 32, key_axis="token"),
            "Codec(key_bits=16, value_bits=32, key_axis='token', value_axis='channel')",
        ),
    ],
    ids=["default", "two_bits", "exact"],
)
def test_the_signature_is_what_archives_on_disk_hold(codec: Codec, stored: str) -> None:
    """Another text makes every archive that was written before unreadable."""
    assert codec.signature() == stored
