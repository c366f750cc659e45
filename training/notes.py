"""What the hidden states should know on the way to an answer: targets of the auxiliary losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from longwatch.stream.sources.world import Event
    from training.lessons import Asked, Sample

EPISODES = 4  # classes of `episode`: first, second, third, later
# Kinds that ask for none.
OF_NO_THING = ("beginning", "now", "at", "background", "describe", "how_many")


class Notes:
    """Rows of the model's input, each with the class that a probe should read there.

    `entered`, `episode`, `previous` and `left` are read at visual tokens: did its thing just enter
    (0 or 1), for which time did it (0 to EPISODES - 1), which thing entered before it, and which
    thing has just left (token ids of names). Where frames were read within a window that is only
    what it has shown. `asked`, `minute` and `second` are read at the last token of a question: what
    and when it asks for.
    """

    def __init__(self, ids: Mapping[str, int]) -> None:
        """Start with none; `ids` maps names to token ids."""
        self._ids = ids
        self._found: dict[str, list[tuple[int, int]]] = {}

    def tensors(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Return (rows, classes), each (n,) int64, for each kind of note that there is."""
        made = {name: torch.tensor(pairs) for name, pairs in self._found.items()}
        return {name: (pairs[:, 0], pairs[:, 1]) for name, pairs in made.items()}

    def ask(self, asked: Asked, row: int) -> None:
        """Note what is asked for at `row`, the last token of the question."""
        if asked.names and asked.names[0] in self._ids and asked.kind not in OF_NO_THING:
            self._add("asked", row, self._ids[asked.names[0]])
        if asked.time is not None:
            self._add("minute", row, int(asked.time) // 60 % 60)
            self._add("second", row, int(asked.time) % 60)

    def see(self, sample: Sample, offset: int) -> None:
        """Note what each visual token of a stream should know; its first one is row `offset`."""
        sight, events = sample.sight, sample.events
        first = first_frames(sight.shown, len(events))
        order = sorted((frame, i) for i, frame in enumerate(first) if frame >= 0)
        before = {i: order[k - 1][1] for k, (_, i) in enumerate(order) if k}
        episode = _episodes([i for _, i in order], events)
        for token in map(int, np.flatnonzero(sight.holds >= 0)):
            i = int(sight.holds[token])
            frame = int(sight.frame[token])
            since = frame - first[i]
            self._add("entered", offset + token, int(since == 0))
            if since <= 1:
                if sample.window is None:
                    self._add("episode", offset + token, min(episode[i], EPISODES - 1))
                if i in before and frame - first[before[i]] <= (sample.window or frame):
                    self._add("previous", offset + token, self._ids[events[before[i]].name])
        self._leave(sample, offset)

    def _leave(self, sample: Sample, offset: int) -> None:
        """Note at the tokens of whole frames which single thing is gone since the frame before."""
        sight = sample.sight
        for token in map(int, np.flatnonzero(np.isnan(sight.place[:, 0]))):
            frame = int(sight.frame[token])
            past = set(sight.shown[frame - 1].tolist()) if frame > 0 else set()
            gone = past - set(sight.shown[frame].tolist()) - {-1}
            if len(gone) == 1:
                self._add("left", offset + token, self._ids[sample.events[gone.pop()].name])

    def _add(self, name: str, row: int, value: int) -> None:
        self._found.setdefault(name, []).append((row, value))


def first_frames(shown: NDArray[np.int64], events: int) -> list[int]:
    """Return the first frame that shows each of so many events, -1 where none does.

    `shown` is (frames, MOST): the indices of the visible events, -1 for none.
    """
    first = [-1] * events
    for frame, here in enumerate(shown.tolist()):
        for i in here:
            if i >= 0 and first[i] < 0:
                first[i] = frame
    return first


def _episodes(order: Sequence[int], events: Sequence[Event]) -> dict[int, int]:
    """Return how often the thing of each event had been there before, by the event's index."""
    times: dict[str, int] = {}
    found = {}
    for i in order:
        found[i] = times.get(events[i].name, 0)
        times[events[i].name] = found[i] + 1
    return found
