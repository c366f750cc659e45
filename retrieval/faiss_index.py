"""Search with FAISS: exact, in fp32 or fp16, on the CPU or a GPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np
import torch

from longwatch.retrieval.base import NONE, Hits, VectorIndex, check_search, check_vectors, pad
from longwatch.retrieval.owners import Owners, spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

GPU_LIMIT = 2048  # most rows that FAISS returns from a GPU
HALF_MAX = 65504.0  # largest fp16 number
PART = 512  # blocks multiplied at once, where there are several queries: they fit in the cache
BURIED = 0.25  # share of removed rows at which they are cleared away

# FAISS gives these constructors another signature at run time than the one that mypy sees.
_Bitmap: Any = faiss.IDSelectorBitmap
_Parameters: Any = faiss.SearchParameters


@dataclass(frozen=True)
class FaissSettings:
    """How a `FaissIndex` stores vectors and where it searches."""

    half: bool = False  # vectors in fp16 (FAISS SQfp16) instead of fp32
    gpu: bool = False  # on the first GPU, if this build of FAISS sees one; else on the CPU


class FaissIndex(VectorIndex):
    """A flat FAISS index of rows, and which block each row belongs to.

    One query: FAISS finds the nearest rows, and the search is widened until no block outside can
    score more. Several queries, whose nearest rows are seldom those of the blocks with the best
    sums, are multiplied with all rows, a part at a time. Either way the blocks that are left are
    scored anew as `Flat` does it, so the result is that of `Flat` over the stored vectors: the
    given ones in fp32, or rounded to fp16 and clipped to its range.
    """

    def __init__(self, width: int, settings: FaissSettings | None = None) -> None:
        self.settings = settings or FaissSettings()
        self._width = width
        self._owners = Owners()
        self._longest = 0.0  # largest norm of a row ever added
        self._several = False  # a block has had more than one vector
        # The whole index is searched on a GPU: its flat index knows no selector and no removal.
        self._on_gpu = self.settings.gpu and faiss.get_num_gpus() > 0
        self._index = self._empty()

    def add(self, ids: Sequence[int], vectors: Tensor) -> None:  # noqa: D102
        check_vectors(ids, vectors, self._width)
        rows = vectors.detach().to("cpu", torch.float32).flatten(0, 1).contiguous()
        if self.settings.half:
            rows = rows.clamp(-HALF_MAX, HALF_MAX)
        self._owners.append(ids, vectors.shape[1])
        if len(rows):
            self._index.add(rows.numpy())
            self._longest = max(self._longest, float(rows.norm(dim=1).max()))
            self._several |= vectors.shape[1] > 1

    def remove(self, ids: Sequence[int]) -> None:  # noqa: D102
        self._owners.bury(ids)
        if self._owners.buried > BURIED * self._owners.rows:
            gone = ~self._owners.compact()
            if self._on_gpu:
                kept = self._index.reconstruct_batch(np.flatnonzero(~gone))
                self._index = self._empty()
                self._index.add(kept)
            else:
                self._index.remove_ids(_selector(gone))

    def search(  # noqa: D102
        self, queries: Tensor, k: int, allowed: NDArray[np.bool_] | None = None
    ) -> Hits:
        check_search(queries, k, self._width)
        asked = queries.detach().to("cpu", torch.float32).contiguous().numpy()
        shown = self._owners.shown(allowed)
        count = int(shown.sum())
        if k == 0 or count == 0:
            return NONE
        if len(asked) > 1:
            return self._rank(asked, self._sift(asked, shown, k), k)
        want = (4 * k if self._several else k) + 8
        while want < count and not (self._on_gpu and want > GPU_LIMIT):
            scores, rows = self._nearest(asked, want, None if count == len(shown) else shown)
            rows = np.unique(rows[rows >= 0])
            hits = self._rank(asked, rows[shown[rows]], k)
            # No row that was not returned scores higher than the last that was.
            if len(hits.ids) == k and hits.scores[-1] > scores[0, -1] + self._rounding(asked):
                return hits
            want *= 4
        return self._rank(asked, np.flatnonzero(shown), k)

    def vectors(self, ids: Sequence[int]) -> tuple[Tensor, Tensor]:  # noqa: D102
        first, count = self._owners.find(ids)
        return pad(torch.from_numpy(self._stored(spread(first, count))), torch.from_numpy(count))

    def __len__(self) -> int:
        return len(self._owners)

    @property
    def nbytes(self) -> int:  # noqa: D102
        return self._owners.rows * self._width * (2 if self.settings.half else 4) + (
            self._owners.nbytes
        )

    def _empty(self) -> Any:
        if self._on_gpu:
            config = faiss.GpuIndexFlatConfig()
            config.useFloat16 = self.settings.half
            return faiss.GpuIndexFlatIP(faiss.StandardGpuResources(), self._width, config)
        if self.settings.half:
            kind = faiss.ScalarQuantizer.QT_fp16
            return faiss.IndexScalarQuantizer(self._width, kind, faiss.METRIC_INNER_PRODUCT)
        return faiss.IndexFlatIP(self._width)

    def _nearest(
        self, asked: NDArray[np.float32], want: int, shown: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return scores and rows, (q, want), best first; a GPU returns hidden rows as well."""
        if shown is None or self._on_gpu:
            scores, rows = self._index.search(asked, want)
        else:
            chosen = _Parameters(sel=_selector(shown))
            scores, rows = self._index.search(asked, want, params=chosen)
        return scores, rows

    def _sift(
        self, asked: NDArray[np.float32], shown: NDArray[np.bool_], k: int
    ) -> NDArray[np.int64]:
        """Return the first row of every shown block that may be one of the best `k`."""
        starts = np.flatnonzero(np.diff(self._owners.ids, prepend=-1))
        hidden = ~shown[starts]
        k = min(k, len(starts) - int(hidden.sum()))
        scores = np.empty(len(starts))
        edges = np.append(starts, self._owners.rows)
        for a in range(0, len(starts), PART):
            mine = slice(a, a + PART)
            first, last = int(edges[a]), int(edges[min(a + PART, len(starts))])
            rows = self._index.reconstruct_n(first, last - first)
            products = (torch.from_numpy(asked) @ torch.from_numpy(rows).T).numpy()  # (q, r)
            best = np.maximum.reduceat(products, starts[mine] - first, axis=1)
            scores[mine] = best.sum(0, dtype=np.float64)
        scores[hidden] = -np.inf
        least = float(np.partition(scores, -k)[-k]) - self._rounding(asked)
        chosen: NDArray[np.int64] = starts[scores >= least]
        return chosen

    def _rank(self, asked: NDArray[np.float32], rows: NDArray[np.int64], k: int) -> Hits:
        """Score the blocks that own `rows`, with all of their vectors, and return the best."""
        ids = np.unique(self._owners.ids[rows])
        if not len(ids):
            return NONE
        first, count = self._owners.find(ids)
        stored = torch.from_numpy(self._stored(spread(first, count))).double()
        products = (torch.from_numpy(asked).double() @ stored.T).numpy()  # (q, r)
        best = np.maximum.reduceat(products, np.cumsum(count) - count, axis=1)  # (q, blocks)
        scores = best.sum(0).astype(np.float32)
        order = np.lexsort((ids, -scores))[:k]
        return Hits(tuple(ids[order].tolist()), tuple(scores[order].tolist()))

    def _stored(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors at `rows` as they are stored, (r, w)."""
        stored: NDArray[np.float32] = self._index.reconstruct_batch(rows)
        return stored

    def _rounding(self, asked: NDArray[np.float32]) -> float:
        """Bound how far two sums of fp32 inner products, one a query, can come apart."""
        lengths = float(np.linalg.norm(asked.astype(np.float64), axis=1).sum())
        return self._width * float(np.finfo(np.float32).eps) * lengths * self._longest


def _selector(rows: NDArray[np.bool_]) -> Any:
    return _Bitmap(np.packbits(rows, bitorder="little"))
