"""Reading frames and answering questions in this process, without a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longwatch.memory.full import Full
from longwatch.memory.memory import Memory
from longwatch.models.base import Turn
from longwatch.models.sampling import Sampler, Sampling

if TYPE_CHECKING:
    from collections.abc import Iterable

    from longwatch.memory.memory import Snapshot
    from longwatch.models.base import FrameInput, VideoLM
    from longwatch.types import VisualTokens
    from training.questions import Question

MOST = 24  # tokens of an answer


def read(model: VideoLM, frames: Iterable[tuple[float, VisualTokens]]) -> Snapshot:
    """Return what a memory that keeps everything holds after frames of (seconds, tokens)."""
    memory = Memory(Full(), model.decoder.rope)
    if ids := model.prefix_ids():
        _commit(model, memory, model.text_input(ids), None)
    for time, tokens in frames:
        _commit(model, memory, model.frame_input(tokens, time), time)
    return memory.snapshot()


def _commit(model: VideoLM, memory: Memory, source: FrameInput, time: float | None) -> None:
    draft = memory.begin(source.positions, time, source.advance)
    for _ in model.read(source, draft):
        pass
    memory.commit()


def answer(model: VideoLM, snapshot: Snapshot, question: Question) -> str:
    """Return the model's likeliest answer."""
    turns = []
    for asked, answered in question.history:
        turns += [Turn("user", asked), Turn("assistant", answered)]
    ids = model.prompt_ids([*turns, Turn("user", question.text)])
    context = snapshot.context(model.decoder.rope, room=len(ids) + MOST)
    sampler, said = Sampler(Sampling(max_tokens=MOST)), list[int]()
    hidden = model.read_text(ids, context)
    while len(said) < MOST:
        token = sampler.pick(model.decoder.logits(hidden))
        if token in model.stop_ids:
            break
        said.append(token)
        hidden = model.read_text([token], context, context.length)
    return model.tokenizer.decode(said)
