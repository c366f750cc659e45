"""How likely the right answers about one stream are, all its questions in one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from benchmarks.asking import turns_of
from longwatch.memory.attention import packed
from longwatch.memory.base import Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from longwatch.memory.base import Rope, Rotary
    from longwatch.models.base import VideoLM
    from longwatch.types import VisualTokens
    from training.questions import Question


class Score(NamedTuple):
    """What a model makes of one question."""

    nll: float  # -log of the probability that it says one of the right answers, and no more
    right: bool  # whether its likeliest tokens, one by one, are one of them


class Branches(Step):
    """A trunk that all see, then branches that see it and themselves: one pass, no memory."""

    def __init__(self, rope: Rope, trunk: int, branches: Sequence[int]) -> None:
        self._rope = rope
        owner = torch.cat([torch.full((n,), i) for i, n in enumerate([trunk, *branches])])
        hidden = (owner != owner[:, None]) & (owner != 0)
        self._unseen = hidden | torch.ones_like(hidden).triu(1)
        self._rotary: Rotary | None = None
        self._mask: Tensor | None = None

    def begin(self, positions: Tensor) -> None:  # noqa: D102
        self._rotary = self._rope.table(positions)

    def attend(  # noqa: D102
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float
    ) -> Tensor:
        if self._rotary is None:
            raise RuntimeError("`begin` announces a pass before its layers attend")
        if self._mask is None:
            none = query.new_zeros(self._unseen.shape)
            mask = none.masked_fill_(self._unseen.to(none.device), -torch.inf)
            self._mask = mask.repeat(query.shape[0] // key.shape[0], 1)
        rotated = [self._rope.rotate(x, self._rotary) for x in (query, key)]
        return packed(rotated[0], rotated[1], value, scale, self._mask)


class Branch(NamedTuple):
    """A question with one of its right answers."""

    question: int
    prompt: list[int]
    answer: list[int]


@torch.inference_mode()
def scores(
    model: VideoLM,
    times: Sequence[float],
    frames: Sequence[VisualTokens],
    questions: Sequence[Question],
) -> list[Score]:
    """Return what the model makes of each question after it read frames at `times`, in seconds.

    It is what a memory that keeps everything would answer, in a fraction of the time.
    """
    sources = [model.text_input(ids)] if (ids := model.prefix_ids()) else []
    sources += [model.frame_input(seen, time) for time, seen in zip(times, frames, strict=True)]
    place, positions = 0, []
    for source in sources:
        positions.append(source.positions + place)
        place += int(source.positions.max()) + 1
    trunk = sum(map(len, sources))
    branches = [branch for i, q in enumerate(questions) for branch in _branches(model, i, q)]
    read = [[*b.prompt, *b.answer] for b in branches]
    texts = [model.text_input(ids) for ids in read]
    positions += [text.positions + place for text in texts]
    step = Branches(model.decoder.rope, trunk, list(map(len, read)))
    embeds = torch.cat([part.embeds for part in (*sources, *texts)])
    hidden = model.decoder.forward(embeds, torch.cat(positions, 1), step)
    return _told(model, branches, hidden[trunk:], len(questions))


def _branches(model: VideoLM, number: int, question: Question) -> list[Branch]:
    prompt = model.prompt_ids(turns_of(question))
    answers = {tuple(model.tokenizer.encode(answer)) for answer in question.answers}
    return [Branch(number, prompt, list(answer)) for answer in sorted(answers)]


def _told(
    model: VideoLM, branches: Sequence[Branch], hidden: Tensor, questions: int
) -> list[Score]:
    """Return the scores, given the last hidden states, (n, d), of the branches' tokens."""
    rows, start = [], 0
    for branch in branches:
        first = start + len(branch.prompt) - 1  # the place that predicts the first token
        rows.append(torch.arange(first, first + len(branch.answer) + 1))
        start += len(branch.prompt) + len(branch.answer)
    stop = torch.tensor(sorted(model.stop_ids))
    logs = model.decoder.logits(hidden[torch.cat(rows)]).log_softmax(-1).cpu()
    found: list[list[Tensor]] = [[] for _ in range(questions)]
    right = [False] * questions
    for branch, row in zip(branches, logs.split([len(r) for r in rows]), strict=True):
        answer = torch.tensor(branch.answer, dtype=torch.int64)
        end = row[-1, stop].logsumexp(0)
        found[branch.question].append(row[:-1].gather(1, answer[:, None]).sum() + end)
        said = row.argmax(-1)
        ends = int(said[-1]) in model.stop_ids
        right[branch.question] |= ends and torch.equal(said[:-1], answer)
    nlls = [-float(torch.stack(of).logsumexp(0)) for of in found]
    return [Score(*pair) for pair in zip(nlls, right, strict=True)]
