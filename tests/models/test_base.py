"""Several texts that are read at once give what each gives alone, in every family."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from benchmarks.exactness import video, watch
from longwatch.models.base import Turn
from longwatch.models.bundled_model import load_bundled
from longwatch.models.families import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from longwatch.memory.context import Context
    from longwatch.memory.memory import Snapshot
    from longwatch.models.base import VideoLM

ASKED = (
    "what do you see",
    "is there a dog?",
    "what happened in the last minute, and where was it?",
)
STEPS = 8


def contexts(model: VideoLM, snapshots: Sequence[Snapshot]) -> list[Context]:
    return [snapshot.context(model.decoder.rope, room=300) for snapshot in snapshots]


@torch.inference_mode()
def decode(
    model: VideoLM, snapshots: Sequence[Snapshot], *, equal: bool = True
) -> tuple[list[list[int]], float]:
    """Return the likeliest tokens, and how far logits one by one are from those all at once.

    Both are given the same tokens. With `equal`, the likeliest ones are the same at each step.
    """
    texts = [model.prompt_ids((Turn("user", text),)) for text in ASKED]
    one, all_ = contexts(model, snapshots), contexts(model, snapshots)
    spoken: list[list[int]] = [[] for _ in texts]
    worst = 0.0
    for _ in range(STEPS):
        alone = torch.stack(
            [model.read_texts([t], [c])[0] for t, c in zip(texts, one, strict=True)]
        )
        a = model.decoder.logits(alone)
        b = model.decoder.logits(model.read_texts(texts, all_))
        worst = max(worst, float((a - b).abs().max() / a.abs().max()))
        assert not equal or torch.equal(a.argmax(-1), b.argmax(-1))
        texts = [[int(token)] for token in a.argmax(-1)]
        for said, text in zip(spoken, texts, strict=True):
            said += text
    return spoken, worst


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_texts_read_at_once_give_what_each_gives_alone(
    load: Callable[..., VideoLM], family: str
) -> None:
    model = load(family)
    snapshots = [watch(model, video(family, n, seed=n)).snapshot() for n in (2, 5, 3)]
    spoken, worst = decode(model, snapshots)
    assert worst <= 1e-5
    assert len({tuple(said) for said in spoken}) > 1


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("bfloat16", 5e-2)])
def test_the_bundled_model_says_the_same(dtype: str, tolerance: float) -> None:
    model = load_bundled(dtype=dtype)
    snapshots = [watch(model, video("bundled", n, seed=n)).snapshot() for n in (2, 5, 3)]
    spoken, worst = decode(model, snapshots, equal=dtype == "float32")
    assert worst <= tolerance
    assert len({tuple(said) for said in spoken}) > 1
