"""How likely a model says yes: one pass over the question, and two words' probabilities."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from longwatch.models.base import Turn

if TYPE_CHECKING:
    from longwatch.memory.memory import Snapshot
    from longwatch.models.base import Tokenizer, VideoLM
    from longwatch.serve.engine.engine import Engine
    from longwatch.types import VisualTokens

YES = ("yes", "Yes", " yes", " Yes")
NO = ("no", "No", " no", " No")


async def ask_when_free(
    engine: Engine, snapshot: Snapshot, question: str, tokens: VisualTokens
) -> tuple[float, float]:
    """Return the score of a question about the newest frame of a snapshot, and what it took.

    `tokens` are the frame's own. The time is in seconds of the model's thread, which does it when
    nobody waits for it.
    """
    loop = asyncio.get_running_loop()
    said: asyncio.Future[tuple[float, float]] = loop.create_future()

    def settle(result: tuple[float, float] | Exception) -> None:
        if said.done():  # nobody waits any more
            return
        if isinstance(result, Exception):
            said.set_exception(result)
        else:
            said.set_result(result)

    def job() -> None:
        start = time.perf_counter()
        result: tuple[float, float] | Exception
        try:
            found = score(engine.model, present(snapshot, 1), question, tokens)
            result = found, time.perf_counter() - start
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            result = error
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, result)

    engine.when_free(job)
    return await said


def score(
    model: VideoLM, snapshot: Snapshot, question: str, tokens: VisualTokens | None = None
) -> float:
    """Return the probability, 0 to 1, of yes against no to `question` about what is there now.

    Only what is at hand is attended to: nothing is recalled, as the question is about the present.
    The prompt is read in one pass and no token is decoded. Where a frame's `tokens` say something
    by themselves (`VideoLM.evidence`), that is added. On the model's thread only.
    """
    ids = model.prompt_ids([Turn("user", question + model.yes_or_no)])
    context = snapshot.context(model.decoder.rope, room=len(ids), recall=False)
    logits = model.decoder.logits(model.read_text(ids, context)).double()
    yes, no = answers(model.tokenizer)
    nats = logits[yes].logsumexp(0) - logits[no].logsumexp(0)
    if tokens is not None:
        nats = nats + model.evidence(tokens, question)
    return float(torch.sigmoid(nats))


def present(snapshot: Snapshot, frames: int) -> Snapshot:
    """Return only the text that opens a stream and its newest `frames` at hand."""
    opening = tuple(s for s in snapshot.segments if s.time is None)
    shown = tuple(s for s in snapshot.segments if s.time is not None)
    return replace(snapshot, segments=(*opening, *shown[-frames:]), view=None)


def answers(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """Return the first tokens of the ways to write yes, and of those to write no."""
    yes, no = ({tokenizer.encode(word)[0] for word in words} for words in (YES, NO))
    return sorted(yes - no), sorted(no - yes)
