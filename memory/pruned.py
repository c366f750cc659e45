"""A frame some of whose tokens leave the model between two layers, while it is read."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from longwatch.compressors.pruner import Look, count_of
from longwatch.memory.context import Draft
from longwatch.memory.segment import Segment

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from torch import Tensor

    from longwatch.compressors.pruner import Pruner


class Pruning(NamedTuple):
    """What drops tokens while frames are read."""

    pruner: Pruner
    layers: int  # of the model


class PrunedDraft(Draft):
    """A draft whose pass gets narrower as it rises; what is left at the end is the segment.

    Tokens that leave after a layer were seen by the others up to there, in this frame alone: what
    is stored has one number of tokens in every layer, with the positions that they were read at.
    """

    def __init__(self, *given: Any, pruning: Pruning, visual: Tensor, **named: Any) -> None:
        """Begin with all tokens; those at `visual`, (n,) bool, may leave. See `Draft`."""
        super().__init__(*given, **named)
        self._pruner = pruning.pruner
        self._shares = pruning.pruner.stages(pruning.layers)
        self._visual = visual.cpu()
        self._most = int(self._visual.sum())
        self._left = torch.arange(self.room)  # of all tokens, those in the running layer
        self._alive: dict[int, Tensor] = {}  # by layer
        self._attention: Tensor | None = None  # of the layer that tokens leave after

    @property
    def narrows(self) -> Collection[int]:  # type: ignore[override]
        """Return the layers after which tokens leave."""
        return self._shares.keys()

    def begin(self, positions: Tensor) -> None:  # noqa: D102
        if self._shares and positions.shape[1] != self.room:
            raise ValueError("a frame that is pruned must be read in one pass")
        super().begin(positions)

    def attend(  # noqa: D102
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float
    ) -> Tensor:
        self._alive[layer] = self._left
        return super().attend(layer, query, key, value, scale)

    def look(  # noqa: D102
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float
    ) -> Tensor:
        out = super().look(layer, query, key, value, scale)
        if layer in self._shares:
            visual = self._visual[self._left]
            raters = (~visual).nonzero()[:, 0].tolist()
            raters = raters if raters[-1:] == [len(visual) - 1] else [*raters, len(visual) - 1]
            paid = _paid(query, self.keys(layer), torch.tensor(raters), scale)
            self._attention = paid[:, -len(visual) :][:, visual.to(paid.device)]
        return out

    def narrow(self, layer: int, hidden: Tensor) -> Tensor:
        """Let the pruner choose; return what goes on."""
        visual = self._visual[self._left]
        places = visual.nonzero()[:, 0]
        count = min(len(places), count_of(self._shares[layer], self._most))
        if self._attention is None or count == len(places):
            return hidden
        seen = places.to(hidden.device)
        kept, states = self._pruner.prune(Look(self._attention, hidden[seen]), count)
        hidden = hidden.clone()
        hidden[seen[kept]] = states
        stay = ~visual
        stay[places[kept.cpu()]] = True
        self._go_on_with(stay)
        return hidden[stay.to(hidden.device)]

    def segment(self) -> Segment:  # noqa: D102
        if len(self._left) == self.room:
            return super().segment()
        return Segment(
            keys=self._stored(self._keys),
            values=self._stored(self._values),
            positions=self.positions[:, self._left].cpu(),
            time=self.time,
            advance=self.advance,
        )

    def queries(self) -> tuple[Tensor, ...]:  # noqa: D102
        return self._stored(self._queries) if self._traced else ()

    def _go_on_with(self, stay: Tensor) -> None:
        """Narrow the running pass to the tokens at `stay`, (n,) bool."""
        self._left = self._left[stay]
        self.length = len(self._left)
        if self._positions is not None:
            self._positions = self._positions[:, stay]
        self._rotaries, self._masks = {}, {}

    def _stored(self, read: list[list[Tensor]]) -> tuple[Tensor, ...]:
        """Return of each layer, (h, n, d), the tokens that are left at the end."""
        found = []
        for layer, parts in enumerate(read):
            at = torch.searchsorted(self._alive[layer], self._left).to(parts[0].device)
            found.append(torch.cat(parts, 1)[:, at])
        return tuple(found)


def drafting(pruning: Pruning | None, visual: Tensor | None) -> Callable[..., Draft]:
    """Return what makes the draft of a frame: a `PrunedDraft` where some of it may be dropped."""
    if pruning is None or visual is None or not bool(visual.any()):
        return Draft
    return partial(PrunedDraft, pruning=pruning, visual=visual)


def _paid(query: Tensor, keys: Tensor, raters: Tensor, scale: float) -> Tensor:
    """Return (r, m) fp32, the attention of some tokens to all `keys`, (h, m, d), mean over heads.

    `query`, (heads, n, d), has those of the last n of the m tokens; `raters` are among the n.
    """
    (heads, n, d), (h, m, _) = query.shape, keys.shape
    rows = query[:, raters.to(query.device)].float().reshape(h, heads // h * len(raters), d)
    scores = (rows @ keys.float().mT * scale).reshape(heads, len(raters), m)
    later = torch.arange(m) > raters[:, None] + m - n
    return scores.masked_fill(later.to(scores.device), -torch.inf).softmax(-1).mean(0)
