"""How far frame-by-frame reading is from transformers on the whole video.

Every family reads a random video frame by frame through our memory, and the same prompt, pixels
in, goes through the stock `model(...)` in one forward. Compared are the logits of every question
token and of 16 greedy steps. In bf16 the measure is the error against fp64, beside that of the
stock decoder fed in chunks through its own cache.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import DynamicCache
from transformers.utils import logging

from benchmarks import report, text_models, tiny
from benchmarks.stock import Run, Stock
from longwatch.errors import UnsupportedModelError
from longwatch.memory.context import Context
from longwatch.memory.full import Full
from longwatch.memory.memory import Memory
from longwatch.models import selftest
from longwatch.models.base import Turn
from longwatch.models.loader import load_model
from longwatch.types import Frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from longwatch.memory.segment import Segment
    from longwatch.models.base import VideoLM
    from longwatch.models.huggingface import Layout

LAYOUTS: tuple[Layout, ...] = ("timed", "video")
SIZES = {"llava_onevision": (70, 70), "smolvlm": (64, 64), "qwen3_vl": (64, 96)}
SIZE = (56, 84)
STEPS = 16
TURNS = [
    Turn("system", "you are brief."),
    Turn("user", "what is left of the blue square?"),
    Turn("assistant", "the red circle"),
    Turn("user", "how many are there now?"),
]


def video(family: str, count: int, seed: int) -> list[Frame]:
    """Return frames of noise, one a second, of a size that the family reads as it is."""
    draw = np.random.default_rng(seed)
    shape = (*SIZES.get(family, SIZE), 3)
    return [Frame(draw.integers(0, 256, shape, dtype=np.uint8), float(i), i) for i in range(count)]


def watch(model: VideoLM, frames: Sequence[Frame], chunk: int = 64) -> Memory:
    """Read the stream's opening and every frame by itself, at most `chunk` tokens a pass."""
    memory = Memory(Full(), model.decoder.rope)
    sources: list[tuple[Any, float | None]] = []
    if ids := model.prefix_ids():
        sources.append((model.text_input(ids), None))
    for frame in frames:
        (tokens,) = model.encode([frame])
        sources.append((model.frame_input(tokens, frame.time), frame.time))
    for source, time in sources:
        draft = memory.begin(source.positions, time, source.advance)
        for _ in model.read(source, draft, chunk):
            pass
        memory.commit()
    return memory


def ask(
    model: VideoLM, segments: Sequence[Segment], turns: Sequence[Turn], steps: int = STEPS
) -> Run:
    """Put a dialogue to the model and decode greedily."""
    ids, decoder = model.prompt_ids(turns), model.decoder
    context = Context(segments, decoder.rope, room=len(ids) + steps)
    places = torch.arange(len(ids)).expand(decoder.rope.axes, -1)
    logits = [decoder.logits(decoder.forward(decoder.embed(ids), places, context))]
    tokens = [int(logits[0][-1].argmax())]
    for step in range(steps - 1):
        hidden = model.read_text([tokens[-1]], context, len(ids) + step)
        logits.append(decoder.logits(hidden)[None])
        tokens.append(int(logits[-1].argmax()))
    return Run(torch.cat(logits), tokens)


def compare(family: str, folder: Path, layout: Layout, count: int, seed: int) -> dict[str, Any]:
    """Return one row: fp32, our way against the stock model's."""
    model, stock = load_model(str(folder), "cpu", "float32", layout=layout), Stock(family, folder)
    frames = video(family, count, seed)
    ids, question = stock.prompt(model, frames, TURNS, layout)
    theirs = stock.run(stock.inputs(ids, frames, layout), question, STEPS)
    segments = watch(model, frames).snapshot().segments
    ours = ask(model, segments, TURNS)
    lost = ask(model, (*segments[:-2], segments[-1]), TURNS)  # a measure must be able to fail
    return {
        "family": family,
        "layout": layout,
        "seed": seed,
        "prompt_tokens": len(ids),
        "largest_logit": float(theirs.logits.abs().max()),
        "max_abs_logit_diff": float((ours.logits - theirs.logits).abs().max()),
        "tokens_equal": ours.tokens == theirs.tokens,
        "diff_with_a_frame_lost": float((lost.logits - theirs.logits)[:question].abs().max()),
    }


@torch.inference_mode()
def compare_bf16(family: str, folder: Path, count: int, seed: int) -> dict[str, Any]:
    """Return one row: bf16, our error and the stock decoder's, both against fp64.

    All three start from the same visual tokens, and from the same weights rounded to bf16. Errors
    are of the question's logits, relative to their size (both root mean square).
    """
    model = load_model(str(folder), "cpu", "bfloat16")
    stock = Stock(family, folder, torch.bfloat16)
    frames = video(family, count, seed)
    ids, question = stock.prompt(model, frames, TURNS, "timed")
    sources = [model.text_input(model.prefix_ids())]
    for frame, seen in zip(frames, model.encode(frames), strict=True):
        sources.append(model.frame_input(seen, frame.time))
    sources.append(model.text_input(model.prompt_ids(TURNS)))
    embeds = torch.cat([s.embeds for s in sources])[None]
    visual = torch.cat([s.visual for s in sources])
    layers = len(sources[1].extras)
    deep = [torch.cat([s.extras[i] for s in sources if s.extras]) for i in range(layers)]
    place = stock.positions(stock.inputs(ids, frames, "timed"))
    places = torch.arange(len(ids))[None] if place is None else place
    cuts = [len(s) for s in sources]
    chunked = _stock_logits(stock.model, embeds, places, visual, deep, cuts)[-question:]
    whole = _stock_logits(stock.model, embeds, places, visual, deep, [len(ids)])[-question:]
    exact = stock.model.double()
    truth = _stock_logits(
        exact, embeds.double(), places, visual, [d.double() for d in deep], [len(ids)]
    )[-question:]
    ours = ask(model, watch(model, frames).snapshot().segments, TURNS).logits[:question].double()
    errors = [_relative(x, truth) for x in (ours, chunked, whole)]
    return {
        "family": family,
        "dtype": "bfloat16",
        "seed": seed,
        "error": errors[0],
        "stock_error_in_chunks": errors[1],
        "stock_error_whole": errors[2],
        "ratio": errors[0] / errors[1],
    }


def _stock_logits(
    model: Any, embeds: Tensor, places: Tensor, visual: Tensor, deep: list[Tensor], cuts: list[int]
) -> Tensor:
    """Run the stock decoder in chunks of `cuts` tokens through its own cache."""
    decoder, cache, start, seen, parts = model.get_decoder(), DynamicCache(), 0, 0, []
    for n in cuts:
        mask = visual[start : start + n]
        v = int(mask.sum())
        extra = (
            {
                "visual_pos_masks": mask[None],
                "deepstack_visual_embeds": [d[seen : seen + v] for d in deep],
            }
            if deep and v
            else {}
        )
        part = slice(start, start + n)
        at = places[..., part]
        out = decoder(
            inputs_embeds=embeds[:, part], position_ids=at, past_key_values=cache, **extra
        )
        parts.append(model.get_output_embeddings()(out.last_hidden_state[0]))
        start, seen = start + n, seen + v
    return torch.cat(parts).double()


def _relative(x: Tensor, truth: Tensor) -> float:
    return float((x - truth).square().mean().sqrt() / truth.square().mean().sqrt())


def refusals(seed: int) -> list[dict[str, Any]]:
    """Return one row for each text model that must be refused."""
    rows = []
    for name, (kind, extra) in text_models.REFUSED.items():
        try:
            selftest.check(text_models.build(kind, extra, seed))
            reason = "accepted"
        except UnsupportedModelError as problem:
            reason = str(problem)
        rows.append({"text_model": name, "refused": reason != "accepted", "reason": reason})
    return rows


def main(given: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, print and write the report."""
    given = sys.argv[1:] if given is None else given
    arguments = report.parser("exactness", "frame by frame against the stock model")
    options = arguments.parse_args(given)
    logging.disable_progress_bar()
    count, seeds = (6, 1) if options.quick else (20, 3)
    exact, rounded = [], []
    with tempfile.TemporaryDirectory() as top:
        for family in tiny.FAMILIES:
            for seed in range(options.seed, options.seed + seeds):
                folder = tiny.build(family, Path(top) / f"{family}-{seed}", seed)
                exact += [compare(family, folder, layout, count, seed) for layout in LAYOUTS]
                rounded.append(compare_bf16(family, folder, count, seed))
    refused = refusals(options.seed)
    summary = {
        "max_abs_logit_diff_fp32": max(row["max_abs_logit_diff"] for row in exact),
        "tokens_equal": all(row["tokens_equal"] for row in exact),
        "worst_ratio_bf16": max(row["ratio"] for row in rounded),
        "refused_families": [row["text_model"] for row in refused if row["refused"]],
    }
    return report.publish(arguments, given, [*exact, *rounded, *refused], summary)


if __name__ == "__main__":
    main()
