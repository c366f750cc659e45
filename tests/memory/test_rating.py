"""Importances of tokens: what a second reading leaves, and what it must not change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from longwatch.memory.fidelity import Codecs, faithful
from longwatch.memory.longwatch import Longwatch
from longwatch.memory.memory import Memory
from longwatch.types import Frame
from tests.support.tiny import TinyVideoLM

if TYPE_CHECKING:
    from longwatch.memory.segment import Segment

RATED = faithful(Longwatch(window_tokens=10_000), "high", Codecs())
PLAIN = Longwatch(window_tokens=10_000)


@pytest.fixture(scope="module")
def model() -> TinyVideoLM:
    return TinyVideoLM()


def image(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8)


def read(
    model: TinyVideoLM, policy: Longwatch, images: list[np.ndarray], chunk: int = 64
) -> list[Segment]:
    """Read text and frames; return what was committed."""
    memory = Memory(policy, model.decoder.rope)
    found = []
    text = model.text_input(model.prefix_ids())
    for _ in model.read(text, memory.begin(text.positions, None), chunk):
        pass
    found.append(memory.commit())
    for number, one in enumerate(images):
        (tokens,) = model.encode([Frame(one, float(number), number)])
        source = model.frame_input(tokens, 0.0)
        for _ in model.read(source, memory.begin(source.positions, float(number)), chunk):
            pass
        found.append(memory.commit())
    return found


def test_a_second_reading_changes_nothing_of_the_first(model: TinyVideoLM) -> None:
    images = [image(i) for i in range(3)]
    for rated, plain in zip(read(model, RATED, images), read(model, PLAIN, images), strict=True):
        for one, other in zip(
            (*rated.keys, *rated.values), (*plain.keys, *plain.values), strict=True
        ):
            assert torch.equal(one, other)
        assert torch.equal(rated.positions, plain.positions)


def test_each_token_of_a_frame_gets_a_share_of_attention_and_text_none(
    model: TinyVideoLM,
) -> None:
    text, *frames = read(model, RATED, [image(1), image(2)])
    assert text.importance is None
    for frame in frames:
        assert frame.importance is not None
        assert frame.importance.shape == (len(frame),)
        assert 0 < float(frame.importance.min()) <= float(frame.importance.max()) <= 1


@pytest.mark.parametrize("chunk", [1, 3, 5])
def test_chunks_do_not_change_importances(model: TinyVideoLM, chunk: int) -> None:
    images = [image(1), image(2)]
    for one, other in zip(
        read(model, RATED, images)[1:], read(model, RATED, images, chunk)[1:], strict=True
    ):
        assert one.importance is not None
        assert other.importance is not None
        assert torch.allclose(one.importance, other.importance, atol=1e-5)


def test_what_repeats_shares_its_importance(model: TinyVideoLM) -> None:
    """The same picture again is worth less than it was the first time."""
    totals = [
        float(frame.importance.sum())
        for frame in read(model, RATED, [image(1)] * 4)[1:]
        if frame.importance is not None
    ]
    assert totals[-1] < 0.8 * totals[0]


def test_importances_go_with_the_tokens_that_are_sealed(model: TinyVideoLM) -> None:
    sealed = faithful(Longwatch(window_tokens=1, sinks=0, block_tokens=8), "high", Codecs())
    memory = Memory(sealed, model.decoder.rope)
    images = [image(i) for i in range(6)]
    kept = {}
    for number, one in enumerate(images):
        (tokens,) = model.encode([Frame(one, float(number), number)])
        source = model.frame_input(tokens, 0.0)
        for _ in model.read(source, memory.begin(source.positions, float(number))):
            pass
        kept[number] = memory.commit().importance
    view = memory.snapshot().view
    assert view is not None
    ids = view.in_time(np.flatnonzero(view.allowed()))
    stored, _ = view.tokens(ids)
    assert len(ids) > 1
    for number in set(stored.frame.tolist()):
        whole = kept[number]
        assert whole is not None
        here = stored.importance[stored.frame == number]
        assert np.allclose(here, whole.numpy()[: len(here)], atol=1e-3)


def test_what_ages_keeps_its_most_important_tokens(model: TinyVideoLM) -> None:
    from longwatch.memory.table import Tokens
    from longwatch.memory.thinning import chosen

    rng = np.random.default_rng(3)
    count, weight = 12, (rng.permutation(12) / 12).astype(np.float16)
    columns = np.arange(count, dtype=np.int32), np.arange(count, dtype=np.float64)
    rest = np.zeros((1, count), np.int16), np.ones(count, np.int16)
    tokens = Tokens(*columns, *rest, weight)
    keys = torch.randn(2, 2, count, 4, generator=torch.Generator().manual_seed(0))
    kept = chosen(tokens, keys, keys, 5)
    assert kept.tolist() == sorted(np.argsort(-weight)[:5].tolist())
    unrated = Tokens(*columns, *rest)
    assert np.isnan(unrated.importance).all()
    assert len(chosen(unrated, keys, keys, 5)) == 5


def test_pruning_switches_the_second_reading_off(model: TinyVideoLM) -> None:
    from longwatch.compressors import PRUNERS
    from longwatch.memory.pruned import Pruning

    memory = Memory(RATED, model.decoder.rope)
    memory.pruning = Pruning(PRUNERS["fastv"](), model.decoder.layers)
    (tokens,) = model.encode([Frame(image(1), 0.0, 0)])
    source = model.frame_input(tokens, 0.0)
    draft = memory.begin(source.positions, 0.0, source.advance, source.visual)
    assert not draft.rates
