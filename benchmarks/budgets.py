"""Bytes that a memory holds, and policies set so that they hold no more than a budget.

Numbers at hand are counted as fp16, two bytes each, because a GPU would hold them so; the bundled
model runs in fp32 on a CPU. What tells tokens at hand apart, where a policy keeps some of many
frames, sealed blocks, the vectors that find them and their rows of the table are counted as they
are. Room that an arena or a table has asked for in advance is not counted: it
is a matter of steps that are small beside real archives and large beside the smallest ones here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from benchmarks.replay import opened, put, take
from longwatch.memory.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable

    from longwatch.memory.base import Policy
    from longwatch.models.base import VideoLM
    from longwatch.types import VisualTokens

NUMBER = 2  # bytes, at hand
SLOT = 17  # bytes that tell where a sealed block is, and when it was recalled
TRIES = 8
FIRST_STEP = 50  # one in so many of the budget; then twice as much, and so on
CLOSE = 0.97  # of the budget: near enough
MOST_ASKED = 2  # times the budget
OFTEN, STEP = 512, 7  # longer streams are looked at every seventh frame


class Fitted(NamedTuple):
    """A policy and the most that a stream under it holds."""

    policy: Policy
    most: int  # bytes
    over: bool  # than the budget: it could not be made to hold less


def held(memory: Memory) -> int:
    """Return the bytes in use."""
    segments = memory.snapshot().segments
    hand = sum(NUMBER * s.nbytes // s.keys[0].element_size() for s in segments)
    told = sum(s.kept.nbytes for s in segments if s.kept is not None)
    return hand + told + sealed(memory)


def sealed(memory: Memory) -> int:
    """Return the bytes in use of what is sealed."""
    archive, view = memory.archive, memory.snapshot().view
    if archive is None or view is None:
        return 0
    row = sum(column.nbytes for column in view.rows) // len(view.rows.rung)
    blocks, used = (sum(of) for of in zip(*archive.rungs(), strict=True))
    found = sum(index.nbytes for index in archive.index)
    return int(used + blocks * (row + SLOT) + found)


def token_bytes(model: VideoLM) -> int:
    """Return what the keys and values of one token at hand take, over all layers."""
    return NUMBER * model.decoder.token_bytes // model.decoder.dtype.itemsize


def full_bytes(model: VideoLM, frame_tokens: int, frames: int) -> int:
    """Return what a stream holds that keeps every token."""
    return token_bytes(model) * (len(model.prefix_ids()) + frame_tokens * frames)


def fitted(model: VideoLM, policy: Policy, frame: VisualTokens, frames: int, budget: int) -> Fitted:
    """Bound a policy so that a stream of so many frames never holds more than `budget` bytes.

    What is held does not depend on what the frames show, so one `frame` is put in again and again.
    See `fit`.
    """
    return fit(policy, budget, token_bytes(model), lambda p: most_held(model, p, frame, frames))


def fit(policy: Policy, budget: int, token_bytes: int, most_of: Callable[[Policy], int]) -> Fitted:
    """Bound a policy so that a stream never holds more than `budget` bytes.

    `most_of` says what a stream holds at most under a policy. `Policy.bounded` is asked for
    `budget`, for less and less while more is held, and for more, up to `MOST_ASKED` times as much,
    while less is held; then for what lies between. Of the bounds tried the largest that holds is
    taken; where none does, the one that holds least.
    """
    asked, low, high, step = budget, 0, MOST_ASKED * budget + 1, budget // FIRST_STEP
    best: Fitted | None = None
    least: Fitted | None = None
    for _ in range(TRIES):
        bounded = policy.bounded(asked, token_bytes)
        most = most_of(bounded)
        found = Fitted(bounded, most, over=most > budget)
        least = found if least is None or most < least.most else least
        if found.over:
            high = asked
        else:
            best, low = found, asked
            if most >= CLOSE * budget:
                break
        if low and high <= MOST_ASKED * budget:
            asked = (low + high) // 2
        else:
            asked += max(step, budget - most) if low else -max(step, most - budget)
            step *= 2
        if not low < asked < high:
            asked = low or high // 2
        if asked <= low:
            break
    chosen = best or least
    if chosen is None:
        raise RuntimeError("no bound was tried")
    return chosen


def most_held(model: VideoLM, policy: Policy, frame: VisualTokens, frames: int) -> int:
    """Return the most bytes that a stream of so many frames holds at once."""
    memory, most = Memory(policy, model.decoder.rope), 0
    opened(model, memory)
    taken = take(model, model.frame_input(frame, 0.0), 0.0)
    step = 1 if frames <= OFTEN else STEP
    for number in range(frames):
        put(memory, taken, float(number))
        if number % step == 0 or number == frames - 1:
            most = max(most, held(memory))
    return most
