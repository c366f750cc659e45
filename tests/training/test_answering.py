"""The shipped model says what the packed one learned to say, on the same stream."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from benchmarks.asking import spoken
from longwatch.stream.sources.world import World
from longwatch.types import VisualTokens
from tests.training.loaded import shipped
from tests.training.small import language_model
from training.answering import MOST, answer, read
from training.batches import collate
from training.lessons import Asked, Sample
from training.parts import make_maker
from training.questions import KINDS, Question, Truth
from training.simulated import GRID, encode

if TYPE_CHECKING:
    from longwatch.models.bundled_model import BundledVLM
    from training.language import LanguageModel
    from training.lessons import Maker

TIMES = [3600.0, 3601.0, 3603.0, 3610.0]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[LanguageModel, BundledVLM]:
    model, folder = language_model(), tmp_path_factory.mktemp("exported")
    for weights in model.parameters():
        weights.data = weights.data.half().float()  # what is shipped is rounded
    return model, shipped(model, folder)


def stream(maker: Maker, seed: int) -> tuple[World, Sample]:
    """Return the world and the whole stream that `encode` makes tokens of, with no question."""
    world = World(seed, maker.names)
    sight = maker.simulator.see(world, np.array(TIMES), GRID, np.random.default_rng(seed))
    sight = sight.opened(maker.ids["<pad>"])
    kept = np.ones(len(sight.frame), np.bool_)
    return world, Sample(sight, np.array(TIMES), sight.frame + 1, world.during(TIMES), [], kept)


@torch.inference_mode()
def greedy(model: LanguageModel, maker: Maker, sample: Sample, prompt: list[int]) -> list[int]:
    """Return the packed model's likeliest tokens, read anew for each."""
    said: list[int] = []
    while len(said) < MOST:
        asked = Asked("now", prompt + said, [0], len(TIMES) - 1, (), (), None)
        batch = collate([sample._replace(asked=[asked])], maker.ids)
        said.append(int(model.logits(batch)[-1].argmax()))
        if said[-1] in map(maker.tokenizer.word, ("<pad>", "<eos>", "<user>", "<bot>")):
            return said[:-1]
    return said


@torch.inference_mode()
def test_tokens_and_answers_are_those_of_training(
    both: tuple[LanguageModel, BundledVLM],
) -> None:
    packed, loaded = both
    maker = make_maker(loaded.tokenizer)
    for seed in range(2):
        world, sample = stream(maker, seed)
        same, tokens = encode(loaded, seed, TIMES)
        assert same.names == world.names
        seen = collate(
            [sample._replace(asked=[Asked("now", [0], [0], 0, (), (), None)])], maker.ids
        )
        ours = packed.soft(
            packed.stack.embed_tokens.weight, seen.words, seen.p, seen.place, seen.colour, seen.time
        )
        assert torch.allclose(torch.cat([t.embeds for t in tokens]), ours[1:], atol=1e-4)
        snapshot = read(loaded, zip(TIMES, tokens, strict=True))
        for kind in ("now", "follow_up", "describe"):
            question = drawn(Truth(world, TIMES, groups=maker.groups), kind, Random(seed))
            prompt = maker.tokens(question, len(TIMES) - 1, TIMES).prompt
            wanted = maker.tokenizer.decode(greedy(packed, maker, sample, prompt))
            context = snapshot.context(loaded.decoder.rope, room=len(prompt) + MOST)
            assert loaded.tokenizer.decode([*spoken(loaded, context, prompt)]) == wanted
            if not question.history:  # else the service puts it so that it stands alone
                assert answer(loaded, snapshot, question) == wanted


def drawn(truth: Truth, kind: str, rng: Random) -> Question:
    assert kind in KINDS
    return next(q for q in iter(lambda: truth.ask(kind, len(TIMES) - 1, rng), 0) if q)


def test_frames_are_read_one_by_one(both: tuple[LanguageModel, BundledVLM]) -> None:
    _, loaded = both
    _, tokens = encode(loaded, 5, TIMES)
    assert all(isinstance(one, VisualTokens) and one.grid == GRID for one in tokens)
    assert all(one.embeds.shape[0] == 10 for one in tokens)
    snapshot = read(loaded, zip(TIMES, tokens, strict=True))
    assert sum(len(segment) for segment in snapshot.segments) == 1 + 10 * len(TIMES)
