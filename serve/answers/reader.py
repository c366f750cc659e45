"""The reading of one dialogue over one snapshot, and of what is said after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from longwatch.memory.recall import need_of
from longwatch.serve.answers.batch import ForwardRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from torch import Tensor

    from longwatch.memory.context import Context
    from longwatch.memory.need import Need
    from longwatch.models.base import VideoLM
    from longwatch.serve.answers.scope import RecallScope
    from longwatch.serve.answers.timer import AnswerTimer

    Steps = Generator[ForwardRequest | None, Tensor | None, None]
    Logits = Generator[ForwardRequest | None, Tensor | None, Tensor | None]

TOP = 10  # words that are looked at


def next_token_entropy(logits: Tensor) -> float:
    """Return the entropy, in nats, of the ten likeliest of (words,) logits among themselves.

    It is 0 when the model is sure and 2.3 when ten words are alike. WeaveTime's gate (CVPR 2026)
    takes the mean of it over the last four layers; this is the last one's.
    """
    best = logits.float().topk(min(TOP, len(logits))).values
    return float(torch.special.entr(best.softmax(0)).sum())


PREFILL_TOKENS = 256  # of a dialogue in one pass, so that a long one holds nobody up


class PromptReader:
    """Yields what is to be read; whoever runs it sends the logits, or None to cancel it.

    Where it yields None it lets others go first; the pass after that is to be run without delay.
    """

    def __init__(
        self,
        model: VideoLM,
        ids: list[int],
        limits: RecallScope,
        room: int,  # tokens that may follow the dialogue
        wake: Callable[[], None],
        about: Mapping[str, str],
    ) -> None:
        self.ids = ids
        self.limits = limits
        self.context: Context | None = None  # once the prefill began
        self._model = model
        self._room = len(ids) + room
        self._wake = wake  # called when it may be `ready`, on any thread
        self._about = about
        self._need: Need | None = None  # of blocks on disk, while it waits for them
        self._stopped: Callable[[], bool] = lambda: False

    @property
    def ready(self) -> bool:
        """Tell whether it would go on; one that waits for the disk is not ready."""
        need = self._need
        return need is None or need.ready

    @property
    def stored(self) -> int:
        """Tokens of the stream's memory that it sees, in the layer that sees most."""
        return 0 if self.context is None else self.context.stored

    def prefill(self, clock: AnswerTimer, stopped: Callable[[], bool]) -> Logits:
        """Read the dialogue; return the logits after it, or None if cancelled.

        Where the policy has a gate, a model that is sure of its first word recalls nothing.
        """
        self._stopped = stopped
        recalling = self.limits.snapshot.policy.recalling
        gate = None if recalling is None or self.limits.span else recalling.gate
        if gate is not None:
            logits = yield from self._read(clock, recall=False)
            if logits is None or next_token_entropy(logits) < gate:
                return logits
        return (yield from self._read(clock, recall=True))

    def next(self, ids: list[int]) -> Logits:
        """Have `ids` read; return the same."""
        if self.context is None:
            return None
        last = self.context.length + len(ids) >= len(self.ids)
        return (yield ForwardRequest(ids, self.context, last, self._about))

    def close(self) -> None:
        """Want nothing of the disk any more, and let go of all that was read."""
        if self._need is not None:
            self._need.close()
        self.context = None

    def _read(self, clock: AnswerTimer, *, recall: bool) -> Logits:
        """Read the dialogue in passes over a new context; return the same.

        Where blocks on disk are missing, the first pass is read again once they are in RAM.
        """
        rope, snapshot = self._model.decoder.rope, self.limits.snapshot
        while True:
            clock.recall()
            self.context = snapshot.context(rope, room=self._room, recall=recall, need=self._need)
            clock.prefill()
            logits = yield from self.next(self.ids[:PREFILL_TOKENS])
            self._need = need_of(self.context)
            if logits is None:
                return None
            if self._need is None or self._need.met():
                break
            clock.recall()
            self._need.ask(self._wake)
            yield None
            while not (self.ready or self._stopped()):
                yield None
            if self._stopped():
                return None
            self._need.land()  # and read in this very step, before they may go again
        self._need = None
        for start in range(PREFILL_TOKENS, len(self.ids), PREFILL_TOKENS):
            if logits is not None:
                logits = yield from self.next(self.ids[start : start + PREFILL_TOKENS])
        return logits
