"""The interface of every vision-language model, and the pieces that are alike in all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import torch

from longwatch.memory.pack import Pack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor

    from longwatch.memory.base import Step
    from longwatch.memory.context import Context
    from longwatch.memory.fidelity import Fidelity
    from longwatch.models.decoder import Decoder
    from longwatch.types import Frame, VisualTokens


REPEAT = "\nRepeat: "  # announces the second reading of a frame


class Tokenizer(Protocol):
    """Text to token ids and back."""

    def encode(self, text: str) -> list[int]:
        """Return the ids of `text`, with no special token added."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of `ids`; an incomplete character at the end shows as U+FFFD."""
        ...


class Turn(NamedTuple):
    """One message of a dialogue."""

    role: Literal["user", "assistant", "system"]
    text: str


class Chunk(NamedTuple):
    """Some neighbouring tokens of a frame, for one pass."""

    embeds: Tensor  # (n, d)
    positions: Tensor  # (axes, n) int64
    visual: Tensor  # (n,) bool
    extras: tuple[Tensor, ...]  # each (v, d), of the visual tokens among the n


@dataclass(frozen=True, slots=True, eq=False)
class FrameInput:
    """All that the language model reads for one frame: its time as text, then what is seen."""

    embeds: Tensor  # (n, d)
    positions: Tensor  # (axes, n) int64, counted from the frame's start
    visual: Tensor  # (n,) bool
    extras: tuple[Tensor, ...] = ()  # each (v, d), for the v visual tokens
    advance: int | None = None  # see `memory.segment.place`

    def __len__(self) -> int:
        """Return n."""
        return self.embeds.shape[0]

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yield the tokens in their order, at most `size` at a time."""
        seen = 0
        for start in range(0, len(self), size):
            visual = self.visual[start : start + size]
            v = int(visual.sum())
            extras = tuple(extra[seen : seen + v] for extra in self.extras)
            yield Chunk(
                self.embeds[start : start + size],
                self.positions[:, start : start + size],
                visual,
                extras,
            )
            seen += v


class VideoLM(ABC):
    """One vision-language model, as the engine sees it. It keeps nothing of any stream."""

    name: str  # the name that users gave
    decoder: Decoder
    tokenizer: Tokenizer
    stop_ids: frozenset[int]  # any of these ends an answer
    window_tokens: int  # a sensible sliding window for this model
    gaze_heads: Mapping[int, Sequence[int]] | None = None  # by layer, that look at the evidence
    field_by_field = False  # JSON is asked for one field at a time: made for single questions
    fidelity: Fidelity = "high"  # of a stream's memory, where nobody says another
    yes_or_no: str = " Answer with yes or no."  # what makes a question be answered so

    @abstractmethod
    def encode(self, frames: Sequence[Frame]) -> list[VisualTokens]:
        """Run the vision tower and the projector; return one entry a frame."""

    @abstractmethod
    def prefix_ids(self) -> list[int]:
        """Return the ids of the text that opens every stream; it may be empty."""

    @abstractmethod
    def frame_ids(self, time: float) -> tuple[list[int], list[int]]:
        """Return the ids before and after the visual tokens of the frame at `time` seconds."""

    @abstractmethod
    def prompt_ids(self, turns: Sequence[Turn]) -> list[int]:
        """Return the ids that put a dialogue to the model; its last turn is the question.

        They follow the frames, and the model answers right after them.
        """

    def evidence(self, tokens: VisualTokens, question: str) -> float:
        """Return what a frame's tokens alone say for yes to a question about it, in nats.

        0 where they say nothing: with most models only reading them tells.
        """
        return 0.0

    def frame_advance(self) -> int | None:
        """Return the M-RoPE step from one frame to the next, if frames form one video."""
        return None

    def frame_input(self, tokens: VisualTokens, time: float) -> FrameInput:
        """Return what the language model reads for a frame with the visual tokens `tokens`."""
        before, after = self.frame_ids(time)
        v, axes = len(tokens), self.decoder.rope.axes
        embeds = [
            self.decoder.embed(before),
            tokens.embeds.to(self.decoder.device, self.decoder.dtype),
            self.decoder.embed(after),
        ]
        visual = torch.zeros(len(before) + v + len(after), dtype=torch.bool)
        visual[len(before) : len(before) + v] = True
        if axes == 1:
            positions = torch.arange(len(visual))[None]
        else:
            seen = tokens.positions.cpu() + len(before)
            end = int(seen.max()) + 1
            positions = torch.cat(
                [_text(0, len(before), axes), seen, _text(end, len(after), axes)], 1
            )
        return FrameInput(torch.cat(embeds), positions, visual, tokens.extras, self.frame_advance())

    def text_input(self, ids: Sequence[int]) -> FrameInput:
        """Return what the language model reads for a run of text."""
        visual = torch.zeros(len(ids), dtype=torch.bool)
        return FrameInput(
            self.decoder.embed(ids), _text(0, len(ids), self.decoder.rope.axes), visual
        )

    def read(self, source: FrameInput, step: Step, chunk: int = 64) -> Iterator[None]:
        """Run the language model over `source` for the memory's sake; yields between passes.

        A step that `rates` gets the frame a second time, behind `repeat_ids`.
        """
        size = len(source) if step.narrows else chunk
        for i, part in enumerate(source.chunks(size)):
            if i:
                yield
            self.decoder.forward(part.embeds, part.positions, step, part.visual, part.extras)
        if step.rates:
            yield
            yield from self._read_again(source, step, chunk)

    def repeat_ids(self) -> list[int]:
        """Return the ids of the words behind which a frame is read again; see `memory.rating`."""
        return self.tokenizer.encode(REPEAT)

    def _read_again(self, source: FrameInput, step: Step, chunk: int) -> Iterator[None]:
        """Read the frame a second time, after a few words, for a step that rates its tokens."""
        words, start = self.repeat_ids(), int(source.positions.max()) + 1
        step.rate(raters=False)
        self.read_text(words, step, start)
        step.rate(raters=True)
        for part in source.chunks(chunk):
            yield
            positions = part.positions + start + len(words)
            self.decoder.forward(part.embeds, positions, step, part.visual, part.extras)

    def read_text(self, ids: Sequence[int], step: Step, start: int = 0) -> Tensor:
        """Run the language model over text that begins `start` places after the step's origin.

        Returns the last hidden state, (d,).
        """
        positions = _text(start, len(ids), self.decoder.rope.axes)
        return self.decoder.forward(self.decoder.embed(ids), positions, step)[-1]

    def read_texts(self, texts: Sequence[Sequence[int]], contexts: Sequence[Context]) -> Tensor:
        """Run the language model once over several texts, each after all of its own context.

        Returns their last hidden states, (texts, d).
        """
        sizes, axes = list(map(len, texts)), self.decoder.rope.axes
        if len(sizes) == 1:
            return self.read_text(texts[0], contexts[0], contexts[0].length)[None]
        positions = [_text(c.length, n, axes) for c, n in zip(contexts, sizes, strict=True)]
        embeds = self.decoder.embed([token for text in texts for token in text])
        hidden = self.decoder.forward(embeds, torch.cat(positions, 1), Pack(contexts, sizes))
        return hidden[torch.tensor(sizes).cumsum(0) - 1]


def _text(start: int, n: int, axes: int) -> Tensor:
    """Return the positions, (axes, n), of n text tokens: the same on every axis."""
    return torch.arange(start, start + n).expand(axes, n)
