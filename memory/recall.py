"""What each layer of one answer sees of the past: scored by its own queries, in its own pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from longwatch.memory.ranked import Room, best_frames, best_tokens, by_frame
from longwatch.memory.segment import close
from longwatch.memory.view import around
from longwatch.retrieval import FrameRanker, Hits, Reranker, VectorIndex, by_head, reorder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from longwatch.memory.base import Policy
    from longwatch.memory.context import Context
    from longwatch.memory.need import Need
    from longwatch.memory.segment import Part, Segment
    from longwatch.memory.view import View


class Piece(NamedTuple):
    """Neighbouring tokens of a loose segment in one layer, recalled together or not at all."""

    part: Part
    times: list[float]  # of each token, in seconds


class Seen(NamedTuple):
    """A frame that a layer recalled, by its time in seconds, and the score of its block."""

    layer: int
    time: float
    score: float


class Recaller:
    """The recall of one answer; used on the model's thread while the answer is prefilled.

    Candidates are the blocks of the archive and the policy's loose segments. The best of all of
    them, by the stream's scorer, stand in the order of time between the segments at hand. Blocks
    that are on disk alone are left out, and noted in `need`.
    """

    def __init__(self, policy: Policy, view: View | None, need: Need | None = None) -> None:
        if policy.recalling is None:
            raise ValueError("the policy recalls nothing")
        self.settings = policy.recalling
        self.seen: list[Seen] = []  # of all layers
        self._policy, self._view = policy, view
        self._loose: tuple[Segment, ...] = ()
        self.need = need or (None if view is None else view.archive.need())
        self._allowed = np.zeros(0, np.bool_) if view is None else view.allowed()
        if view is not None:
            self._allowed[[b for b in view.archive.tier.lost if b < view.end]] = False
        self._sealed = int(self._allowed.sum())

    def split(  # noqa: D102
        self, segments: Sequence[Segment]
    ) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
        loose = self._policy.loose(segments)
        self._loose = tuple(segments[i] for i in loose)
        if self._loose:
            return tuple(segments[: loose.start]), tuple(segments[loose.stop :])
        return around(self._view, segments)

    def choose(self, layer: int, query: Tensor) -> list[Part]:  # noqa: D102
        pieces = [piece for s in self._loose for piece in self._cut(s, layer)]
        total = self._sealed + len(pieces)
        if not total:
            return []
        size = len(pieces[0].times) if self._view is None else self._view.archive.block_tokens
        limit = self.settings.limit(total, size)
        scorer = self.settings.scorer
        wide = limit * scorer.widen if isinstance(scorer, FrameRanker) else limit
        ranked = [(-score, 0, i) for i, score in self._search(layer, query, wide)]
        ranked += [(-score, 1, i) for i, score in enumerate(self._scores(pieces, query))]
        best = sorted(ranked)[:wide]
        blocks = {i: -score for score, loose, i in best if not loose}
        ids = self._at_hand(np.array(sorted(blocks), np.int64))
        crowd = self.settings.crowd is not None and total > self.settings.crowd * limit
        room = Room(limit * size, crowd)
        found = [self._recalled(layer, ids, blocks, query, room)] if len(ids) else []
        for i, score in sorted((i, -score) for score, loose, i in best[:limit] if loose):
            found.append(pieces[i].part)
            self._note(layer, np.array(pieces[i].times), np.full(len(pieces[i].times), score))
        return [part for part in found if part.keys.shape[1]]

    def times(self) -> dict[float, float]:
        """Return the frames recalled, by their time in seconds, and each one's summed weight.

        A layer spreads a weight of one over what it recalled, by the softmax of the scores.
        """
        weights: dict[float, float] = {}
        for layer in {seen.layer for seen in self.seen}:
            here = [seen for seen in self.seen if seen.layer == layer]
            scores = torch.tensor([seen.score for seen in here], dtype=torch.float64)
            for seen, weight in zip(here, scores.softmax(0).tolist(), strict=True):
                weights[seen.time] = weights.get(seen.time, 0.0) + weight
        return weights

    def _search(self, layer: int, query: Tensor, limit: int) -> list[tuple[int, float]]:
        """Return the best blocks of the archive, at most `limit`, and their scores."""
        view, scorer = self._view, self.settings.scorer
        if view is None or not self._sealed:
            return []
        index, h = view.archive.index[layer], view.archive.shape.heads
        widen = scorer.widen if isinstance(scorer, Reranker) else 1
        hits = index.search(scorer.queries(query, h), widen * limit, self._allowed)
        if isinstance(scorer, Reranker) and len(hits.ids) > limit:
            hits = self._rerank(scorer, layer, query, hits.ids, limit)
        return list(zip(hits.ids, hits.scores, strict=True))

    def _rerank(
        self, scorer: Reranker, layer: int, query: Tensor, ids: Sequence[int], limit: int
    ) -> Hits:
        """Return the best `limit` of some blocks by a second look at them."""
        if self._view is None:
            raise RuntimeError("blocks are ranked in an archive")
        view, archive = self._view, self._view.archive
        found = view.in_time(np.array(ids))
        index = archive.index[layer]
        if scorer.sees == "vectors" and isinstance(index, VectorIndex):
            vectors, lengths = index.vectors(found.tolist())
            keys = by_head(vectors, archive.shape.heads)
        else:
            found = self._at_hand(found)
            if not len(found):
                return Hits((), ())
            every, _ = archive.read(layer, found, view)
            keys = every.unflatten(1, (len(found), -1)).transpose(0, 1)
            lengths = torch.from_numpy(view.rows.length[found - view.base].astype(np.int64))
        return reorder(found.tolist(), scorer.rerank(query, keys, lengths), limit)

    def _scores(self, pieces: Sequence[Piece], query: Tensor) -> list[float]:
        """Return the scores of loose pieces; a scorer that looks twice looks at them once."""
        scorer = self.settings.scorer
        if not pieces:
            return []
        queries = scorer.queries(query, pieces[0].part.keys.shape[0]).float()
        vectors = [scorer.vectors(piece.part.keys, None) for piece in pieces]
        return [float((found @ queries.T).amax(0).sum()) for found in vectors]

    def _at_hand(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return those of some blocks that are in RAM."""
        return ids if self.need is None else self.need.at_hand(ids)

    def _recalled(
        self,
        layer: int,
        some: NDArray[np.int64],
        scored: dict[int, float],
        query: Tensor,
        room: Room,
    ) -> Part:
        """Return some of the blocks that were scored, in the order of time.

        Where frames are ranked, it is the best of theirs that have `room`.
        """
        view, scorer = self._view, self.settings.scorer
        if view is None:
            raise RuntimeError("blocks are recalled from an archive")
        ids = view.in_time(some)
        tokens, index = view.tokens(ids)
        keys, values = view.archive.read(layer, ids, view)
        if isinstance(scorer, FrameRanker):
            at = torch.from_numpy(index).to(keys.device)
            scores = scorer.tokens(query, keys[:, at]).cpu().double().numpy()
            if scorer.single:
                best = best_tokens(scores, room.tokens)
            else:
                best = best_frames(tokens.frame, scores, room)
            tokens, index, scores = tokens.take(best), index[best], scores[best]
        else:
            scores = np.array([scored[i] for i in ids.tolist()])[index // view.width]
        at = torch.from_numpy(index).to(keys.device)
        self._note(layer, tokens.time, scores)
        settings = self.settings
        return view.part(tokens, keys[:, at], values[:, at], settings.gap, settings.reach)

    def _note(self, layer: int, times: NDArray[np.float64], scores: NDArray[np.float64]) -> None:
        """Note the frames of tokens, each by its best score."""
        every, _, best = by_frame(times, scores)
        pairs = zip(every.tolist(), best.tolist(), strict=True)
        self.seen += [Seen(layer, time, score) for time, score in pairs]

    def _cut(self, segment: Segment, layer: int) -> list[Piece]:
        """Return the pieces of a loose segment as a layer sees it."""
        part, times = segment.part(layer), segment.times(layer)
        size = self.settings.page_tokens or len(segment)
        pieces = []
        for start in range(0, len(segment), size):
            some = slice(start, start + size)
            piece = part._replace(
                keys=part.keys[:, some],
                values=part.values[:, some],
                positions=part.positions[..., some],
                times=np.array(times[some]),
            )
            pieces.append(Piece(close(piece) if size < len(segment) else piece, times[some]))
        return pieces


def need_of(context: Context) -> Need | None:
    """Return what the answer with this context needs of the disk, if it may need anything."""
    return context.recall.need if isinstance(context.recall, Recaller) else None
