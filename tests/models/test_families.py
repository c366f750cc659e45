"""Laws that hold for every family of checkpoints."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from benchmarks import tiny
from benchmarks.exactness import LAYOUTS, TURNS, ask, compare, compare_bf16, video, watch
from benchmarks.stock import Stock
from longwatch.memory.full import Full
from longwatch.memory.memory import Memory
from longwatch.models.base import Turn
from longwatch.models.families import FAMILIES
from longwatch.types import Frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from longwatch.models.base import VideoLM
    from longwatch.models.huggingface import Layout

    Load = Callable[..., VideoLM]
    Checkpoint = Callable[[str], Path]

family = pytest.mark.parametrize("family", sorted(FAMILIES))
layout = pytest.mark.parametrize("layout", LAYOUTS)
ODD_SIZES = [(37, 91), (150, 64), (64, 64), (37, 91), (150, 200)]  # the last has to shrink


def odd_frames(seed: int = 0) -> list[Frame]:
    """Return pictures of several shapes."""
    draw = np.random.default_rng(seed)
    return [
        Frame(draw.integers(0, 256, (*size, 3), dtype=np.uint8), 2.0 * i, i)
        for i, size in enumerate(ODD_SIZES)
    ]


def test_every_family_has_a_tiny_checkpoint() -> None:
    assert set(tiny.FAMILIES) == set(FAMILIES)


@family
@layout
def test_frame_by_frame_equals_the_whole_video_at_once(
    checkpoint: Checkpoint, family: str, layout: Layout
) -> None:
    row = compare(family, checkpoint(family), layout, count=5, seed=0)
    assert row["max_abs_logit_diff"] <= 1e-5
    assert row["tokens_equal"]
    assert row["diff_with_a_frame_lost"] > 0.1


@family
def test_bf16_adds_no_error_to_that_of_the_stock_model(checkpoint: Checkpoint, family: str) -> None:
    assert compare_bf16(family, checkpoint(family), count=5, seed=0)["ratio"] <= 2


@family
@pytest.mark.parametrize("chunk", [1, 3, 7])
def test_chunks_never_change_logits(load: Load, family: str, chunk: int) -> None:
    model, frames = load(family), video(family, 3, seed=1)
    whole = ask(model, watch(model, frames, chunk=1000).snapshot().segments, TURNS, steps=2)
    parts = ask(model, watch(model, frames, chunk).snapshot().segments, TURNS, steps=2)
    torch.testing.assert_close(parts.logits, whole.logits, atol=1e-5, rtol=0)


@family
@layout
def test_two_streams_on_one_model_do_not_see_each_other(
    load: Load, family: str, layout: Layout
) -> None:
    model = load(family, layout)
    films = [video(family, 3, seed) for seed in (1, 2)]
    alone = [ask(model, watch(model, film).snapshot().segments, TURNS) for film in films]
    memories = [Memory(Full(), model.decoder.rope) for _ in films]
    opening = model.text_input(model.prefix_ids())
    for memory in memories:
        for _ in model.read(opening, memory.begin(opening.positions, None)):
            pass
        memory.commit()
    for pair in zip(*films, strict=True):
        sources = [
            model.frame_input(seen, frame.time)
            for frame, seen in zip(pair, model.encode(pair), strict=True)
        ]
        drafts = [
            memory.begin(source.positions, frame.time, source.advance)
            for memory, source, frame in zip(memories, sources, pair, strict=True)
        ]
        passes = [model.read(s, d, chunk=2) for s, d in zip(sources, drafts, strict=True)]
        for _ in zip_longest(*passes):  # a pass of one, a pass of the other
            pass
        for memory in memories:
            memory.commit()
    for memory, expected in zip(memories, alone, strict=True):
        found = ask(model, memory.snapshot().segments, TURNS)
        assert found.tokens == expected.tokens
        torch.testing.assert_close(found.logits, expected.logits, atol=1e-5, rtol=0)


@family
def test_a_frame_alone_is_encoded_as_in_a_batch(load: Load, family: str) -> None:
    model, frames = load(family), odd_frames()
    for frame, batched in zip(frames, model.encode(frames), strict=True):
        (alone,) = model.encode([frame])
        assert alone.grid == batched.grid
        assert alone.positions.equal(batched.positions)
        torch.testing.assert_close(alone.embeds, batched.embeds, atol=1e-5, rtol=0)
        for one, other in zip(alone.extras, batched.extras, strict=True):
            torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


@family
@pytest.mark.parametrize("frame", odd_frames(), ids=lambda frame: str(frame.image.shape))
def test_the_tower_reads_what_the_familys_own_processor_makes(
    checkpoint: Checkpoint,
    load: Load,
    monkeypatch: pytest.MonkeyPatch,
    family: str,
    frame: Frame,
) -> None:
    model: Any = load(family)
    inner = model._model.model
    name = "get_video_features" if family == "llava_onevision" else "get_image_features"
    features, read = getattr(inner, name), []

    def spy(pixels: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        read.append(pixels)
        return features(pixels, *args, **kwargs)

    monkeypatch.setattr(inner, name, spy)
    # Far from black and white: where one direction clips, it matters which goes first, and
    # Pillow chooses that by shape while torch, and torchvision with it, does not.
    image = 96 + frame.image // 4
    model.encode([replace(frame, image=image)])
    found = Stock(family, checkpoint(family)).processor([image], return_tensors="pt")
    theirs = found["pixel_values"].reshape(read[0].shape)
    level = 1 / 255 / min(tiny.SETTINGS[family]["image_std"])
    assert float((read[0] - theirs).abs().max()) <= 2.01 * level


@family
def test_tokens_fill_their_grid_in_reading_order(load: Load, family: str) -> None:
    for seen in load(family).encode(odd_frames()):
        rows, columns = seen.grid
        assert seen.embeds.shape == (rows * columns, tiny.WIDTH)
        cells = [(0, y, x) for y in range(rows) for x in range(columns)]
        assert [tuple(cell) for cell in seen.positions.T.tolist()] == cells
        assert all(extra.shape == seen.embeds.shape for extra in seen.extras)


@family
def test_no_frames_give_no_tokens(load: Load, family: str) -> None:
    assert load(family).encode([]) == []


@family
def test_a_token_stands_where_its_part_of_the_picture_was(load: Load, family: str) -> None:
    height, width = video(family, 1, seed=0)[0].image.shape[:2]
    grey = np.full((height, width, 3), 128, np.uint8)
    lit = grey.copy()
    lit[: height // 4, -width // 4 :] = 255  # top right
    model = load(family)
    before, after = model.encode([Frame(grey, 0.0, 0), Frame(lit, 1.0, 1)])
    moved = (after.embeds - before.embeds).norm(dim=1).reshape(after.grid)
    assert moved[0, -1] > moved[-1, 0]


@family
def test_in_the_layout_video_the_text_is_that_of_the_stock_processor(
    checkpoint: Checkpoint, load: Load, family: str
) -> None:
    model, stock = load(family, "video"), Stock(family, checkpoint(family))
    tokenizer: Any = tiny.make_tokenizer(family)
    frames, turns = video(family, 2, seed=0), [Turn("user", "what do you see now?")]
    ids, _ = stock.prompt(model, frames, turns, "video")
    kind = "image" if family == "smolvlm" else "video"
    content = [{"type": kind}, {"type": "text", "text": turns[0].text}]
    text: str = tokenizer.apply_chat_template(
        [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
    )
    each = len(model.encode(frames[:1])[0])
    pads = {
        "llava_onevision": ("<video>", "<video>" * (2 * each + 1)),
        "qwen2_5_vl": ("<|video_pad|>", "<|video_pad|>" * 2 * each),
        "qwen3_vl": (
            "<|vision_start|><|video_pad|><|vision_end|>",
            f"<|vision_start|>{'<|video_pad|>' * each}<|vision_end|>" * 2,
        ),
        "smolvlm": (
            "<image>",
            f"<fake_token_around_image><global-img>{'<image>' * each}<fake_token_around_image>" * 2,
        ),
    }
    assert tokenizer.decode(ids) == text.replace(*pads[family])
    assert ids.tolist() == tokenizer.encode(text.replace(*pads[family]))


@pytest.mark.parametrize(
    ("family", "time", "said"),
    [
        ("llava_onevision", 12.9, "[0:12]"),
        ("llava_onevision", 45296.0, "[12:34:56]"),
        ("qwen2_5_vl", 61.0, "[1:01]<|vision_start|>"),
        ("qwen3_vl", 12.04, "<12.0 seconds><|vision_start|>"),
        ("smolvlm", 12.0, "\nFrame from 00:12:<fake_token_around_image><global-img>"),
        ("smolvlm", 3600.0, "\nFrame from 1:00:00:<fake_token_around_image><global-img>"),
    ],
)
def test_each_frame_says_its_time_in_its_familys_way(
    load: Load, family: str, time: float, said: str
) -> None:
    before, _ = load(family).frame_ids(time)
    assert tiny.make_tokenizer(family).decode(before) == said


@family
def test_answers_end_with_the_familys_own_token(load: Load, family: str) -> None:
    tokenizer = tiny.make_tokenizer(family)
    assert load(family).stop_ids == {tokenizer.eos_token_id}


@family
def test_the_window_leaves_room_in_the_models_context(load: Load, family: str) -> None:
    assert 0 < load(family).window_tokens <= 2048


@family
def test_extras_are_read_with_their_tokens(load: Load, family: str) -> None:
    model = load(family)
    (seen,) = model.encode(video(family, 1, seed=0))
    source = model.frame_input(seen, 3.0)
    for chunk in (1, 4, 5, 1000):
        parts = list(source.chunks(chunk))
        assert torch.cat([p.embeds for p in parts]).equal(source.embeds)
        for i, extra in enumerate(seen.extras):
            assert torch.cat([p.extras[i] for p in parts]).equal(extra)
    assert bool(seen.extras) == (family == "qwen3_vl")
