"""Streams and questions as tensors: what one training step reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from training.attention import Layout
from training.language import Batch
from training.notes import Notes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from training.lessons import Asked, Sample

CHAINS = ("after", "before", "follow_up")  # kinds whose proof leads from one thing to another


def collate(samples: Sequence[Sample], ids: Mapping[str, int]) -> Batch:
    """Return the samples as one batch; `ids` maps names to token ids."""
    rows, notes = _Rows(samples), Notes(ids)
    offset = 0
    for i, sample in enumerate(samples):
        notes.see(sample, offset)
        offset += rows.see(i, sample)
        for j, asked in enumerate(sample.asked):
            notes.ask(asked, rows.ask((i, j), sample, asked))
    where, labels, weights, question = (torch.tensor(x) for x in zip(*rows.answers, strict=True))
    sights = [sample.sight for sample in samples]
    seconds = [sample.times[sample.sight.frame] for sample in samples]
    position = [sample.position for sample in samples] + rows.text_at
    return Batch(
        words=_joined([sight.words for sight in sights]),
        p=_joined([sight.p for sight in sights]),
        place=_joined([sight.place for sight in sights]),
        colour=_joined([sight.colour for sight in sights]),
        time=_joined(seconds),
        opening=_joined([sight.frame < 0 for sight in sights]),
        text=torch.tensor(rows.text),
        position=_joined(position),
        layout=rows.layout(),
        answers=where,
        labels=labels,
        weights=weights.float(),
        question=question,
        notes=notes.tensors(),
        kinds=rows.kinds,
    )


class _Rows:
    """The tables of B streams of at most F visual tokens and Q questions of at most n."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        b = len(samples)
        f = max(len(sample.sight.frame) for sample in samples)
        q = max(len(sample.asked) for sample in samples)
        n = max(len(a.prompt) + len(a.answer) for sample in samples for a in sample.asked)
        self.frames = np.zeros((b, f), bool)
        self.questions, self.proven = np.zeros((2, b, q, n), bool)
        self.seen, self.evidence = np.zeros((2, b, q, f), bool)
        self.near = np.tri(f, dtype=bool)[None].repeat(b, 0)
        self.text: list[int] = []
        self.text_at: list[NDArray[np.int64]] = []  # positions of the text, by question
        self.answers: list[tuple[int, int, float, int]] = []  # row, label, weight, question
        self.kinds = [""] * (b * q)
        self._windowed = any(sample.window is not None for sample in samples)
        self._start = sum(len(sample.sight.frame) for sample in samples)

    def see(self, i: int, sample: Sample) -> int:
        """Enter stream `i`; return how many visual tokens it has."""
        count = len(sample.sight.frame)
        self.frames[i, :count] = True
        self.near[i, :count, :count] = sample.near()
        return count

    def ask(self, at: tuple[int, int], sample: Sample, asked: Asked) -> int:
        """Enter question `at` (stream, number); return the row of its last token."""
        tokens = asked.prompt + asked.answer[:-1]
        before = sample.seen(asked.now)
        last = self._start + len(self.text) + len(asked.prompt) - 1
        question = at[0] * self.seen.shape[1] + at[1]
        self.questions[at][: len(tokens)] = True
        self.seen[at][: len(before)] = before
        if asked.frames:
            self.evidence[at][: len(before)] = _evidence(sample, asked, before)
            self.proven[at][len(asked.prompt) - 1 : len(tokens)] = True
        self.text_at.append(sample.position[before][-1] + 1 + np.arange(len(tokens)))
        self.text += tokens
        self.kinds[question] = asked.kind
        self.answers += [
            (last + k, label, 1 / len(asked.answer), question)
            for k, label in enumerate(asked.answer)
        ]
        return last

    def layout(self) -> Layout:
        """Return which token of the row is whose."""
        return Layout(
            frames=torch.from_numpy(self.frames),
            questions=torch.from_numpy(self.questions),
            seen=torch.from_numpy(self.seen),
            evidence=torch.from_numpy(self.evidence),
            proven=torch.from_numpy(self.proven),
            near=torch.from_numpy(self.near) if self._windowed else None,
        )


def _evidence(sample: Sample, asked: Asked, seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return (tokens,) which of the `seen` tokens prove the answer: in its frames, its things."""
    frames, names = asked.frames, asked.names
    if asked.kind in CHAINS and len(names) == 2 == len(frames):
        frames, names = frames[-1:], names[-1:]
    proof = seen & np.isin(sample.sight.frame, frames)
    named = np.array([*(event.name for event in sample.events), ""])[sample.sight.holds]
    exact = proof & np.isin(named, names)
    return exact if exact.any() else proof


def _joined(parts: Sequence[NDArray[np.generic]]) -> Tensor:
    return torch.from_numpy(np.concatenate(parts))
