"""Questions put to a snapshot: what is said, and what each layer saw of the past."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from longwatch.memory.recall import Recaller
from longwatch.models.base import Turn
from longwatch.models.sampling import Sampler, Sampling
from longwatch.serve.answers.scope import limit_recall
from longwatch.serve.answers.types import Question as Asked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from longwatch.memory.base import Recall
    from longwatch.memory.context import Context
    from longwatch.memory.memory import Snapshot
    from longwatch.memory.segment import Segment
    from longwatch.models.base import VideoLM
    from longwatch.serve.answers.scope import RecallScope
    from training.questions import Question

MOST = 24  # tokens of an answer
SEVERAL = {"how_many", "how_often", "after", "before", "follow_up"}  # need all of their frames


class Said(NamedTuple):
    """An answer, and the times, in seconds, of the frames that each layer saw something of."""

    text: str
    seen: list[set[float]]


class Found(NamedTuple):
    """How much of what a question needs was seen, 0 to 1."""

    anywhere: float  # by some layer
    layers: float  # mean over layers


class Put(NamedTuple):
    """A question as the service puts it to the model."""

    limits: RecallScope
    ids: list[int]
    context: Context


def turns_of(question: Question) -> list[Turn]:
    """Return a question with the dialogue before it."""
    turns = []
    for asked, answered in question.history:
        turns += [Turn("user", asked), Turn("assistant", answered)]
    return [*turns, Turn("user", question.text)]


def put(model: VideoLM, snapshot: Snapshot, question: Question) -> Put:
    """Return a question within the time that it is about, before anything of it is read."""
    turns = turns_of(question)
    limits, ids = limit_recall(snapshot, Asked(tuple(turns))), model.prompt_ids(turns)
    context = limits.snapshot.context(model.decoder.rope, room=len(ids) + MOST)
    return Put(limits, ids, context)


def ask(model: VideoLM, snapshot: Snapshot, question: Question) -> Said:
    """Return the model's likeliest answer, asked as the service does: within the time it says."""
    limits, ids, context = put(model, snapshot, question)
    text = model.tokenizer.decode(list(spoken(model, context, ids)))
    return Said(text, seen(limits.snapshot, context.recall, model.decoder.layers))


def spoken(model: VideoLM, context: Context, ids: Sequence[int], most: int = MOST) -> Iterator[int]:
    """Yield the likeliest tokens after a prompt, the first one as soon as it is there."""
    sampler = Sampler(Sampling(max_tokens=most))
    hidden = model.read_text(ids, context)
    for number in range(most):
        token = sampler.pick(model.decoder.logits(hidden))
        if token in model.stop_ids:
            return
        yield token
        if number + 1 < most:
            hidden = model.read_text([token], context, context.length)


def seen(snapshot: Snapshot, recall: Recall | None, layers: int) -> list[set[float]]:
    """Return the times of the frames that each layer saw, at hand or recalled."""
    recaller = recall if isinstance(recall, Recaller) else None
    segments = snapshot.segments
    loose = snapshot.policy.loose(segments) if recaller is not None else range(0)
    hand = [s for i, s in enumerate(segments) if s.time is not None and i not in loose]
    found = [{t for s in hand for t in times(s, layer)} for layer in range(layers)]
    for frame in recaller.seen if recaller is not None else ():
        found[frame.layer].add(frame.time)
    return found


def times(segment: Segment, layer: int) -> set[float]:
    """Return the times of the frames that a layer holds something of in any head, in seconds."""
    if segment.kept is None:
        return set(segment.times(layer))
    held: list[float] = segment.kept.origins[layer].time.unique().tolist()
    return set(held)


def found(question: Question, at: Sequence[float], seen: Sequence[set[float]]) -> Found | None:
    """Return how much of the frames that prove the answer was seen; None where none do.

    `at` has the time of each frame. Of questions that one frame can answer, such as "was there a
    dog?", any of their frames will do; of the others it is the share that counts.
    """
    needed = {at[frame] for frame in question.frames}
    if not needed:
        return None

    def part(times: set[float]) -> float:
        share = len(needed & times) / len(needed)
        return share if question.kind in SEVERAL else float(share > 0)

    return Found(part(set().union(*seen)), sum(map(part, seen)) / len(seen))
