"""Search with FAISS: exact, in fp32 or fp16, on the CPU or a GPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np
import torch

from longwatch.errors import ConfigError
from longwatch.retrieval.base import NONE, Hits, VectorIndex, check_search, check_vectors
from longwatch.retrieval.owners import Owners, spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

GPU_LIMIT = 2048  # most rows that FAISS returns from a GPU
HALF_MAX = 65504.0  # largest fp16 number
BURIED = 0.25  # share of removed rows at which they are cleared away

# FAISS gives these constructors another signature at run time than the one that mypy sees.
_Bitmap: Any = faiss.IDSelectorBitmap
_Parameters: Any = faiss.SearchParameters


@dataclass(frozen=True)
class FaissSettings:
    """How a `FaissIndex` stores vectors and where it searches."""

    half: bool = False  # vectors in fp16 (FAISS SQfp16) instead of fp32
    gpu: bool = False  # on the first GPU, if this build of FAISS sees one; else on the CPU
    breadth: int = 4  # rows sought per query and wanted block, where there are several queries

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.breadth < 1:
            raise ConfigError(f"the breadth of a search must be at least 1, not {self.breadth}")


class FaissIndex(VectorIndex):
    """A flat FAISS index of rows, and which block each row belongs to.

    FAISS finds the nearest rows of each query, and the blocks that own them are scored anew, as
    `Flat` does it, from the vectors as they are stored. With one query the search is widened until
    no block outside can score more: the result is that of `Flat` over the stored vectors, however
    many vectors a block has. With several queries `breadth` times k rows of each are looked at
    once, so a block that is good for all of them and very good for none can be missed.

    Stored vectors are the given ones in fp32, and rounded (and clipped to its range) in fp16.
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
        wide = self._several or len(asked) > 1
        want = (self.settings.breadth * k if wide else k) + 8
        while want < count and not (self._on_gpu and want > GPU_LIMIT):
            scores, rows = self._nearest(asked, want, None if count == len(shown) else shown)
            rows = np.unique(rows[rows >= 0])
            hits = self._rank(asked, rows[shown[rows]], k)
            # No query scores a row that it did not return higher than the last that it did.
            bound = float(scores[:, -1].sum(dtype=np.float64)) + self._rounding(asked)
            if len(hits.ids) == k and (len(asked) > 1 or hits.scores[-1] > bound):
                return hits
            want *= 4
        return self._rank(asked, np.flatnonzero(shown), k)

    def vectors(self, ids: Sequence[int]) -> tuple[Tensor, Tensor]:  # noqa: D102
        first, count = self._owners.find(ids)
        rows = torch.from_numpy(self._stored(spread(first, count)))
        parts = list(rows.split(count.tolist()))
        return torch.nn.utils.rnn.pad_sequence(parts, batch_first=True), torch.from_numpy(count)

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

    def _rank(self, asked: NDArray[np.float32], rows: NDArray[np.int64], k: int) -> Hits:
        """Score the blocks that own `rows`, with all of their vectors, and return the best."""
        ids = np.unique(self._owners.ids[rows])
        if not len(ids):
            return NONE
        first, count = self._owners.find(ids)
        stored = self._stored(spread(first, count)).astype(np.float64)
        products = asked.astype(np.float64) @ stored.T  # (q, r)
        best = np.maximum.reduceat(products, np.cumsum(count) - count, axis=1)  # (q, blocks)
        scores = best.sum(0).astype(np.float32)
        order = np.lexsort((ids, -scores))[:k]
        return Hits(tuple(ids[order].tolist()), tuple(scores[order].tolist()))

    def _stored(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors at `rows` as they are stored, (r, w)."""
        stored: NDArray[np.float32] = self._index.reconstruct_batch(rows)
        return stored

    def _rounding(self, asked: NDArray[np.float32]) -> float:
        """Bound the error of a sum of fp32 inner products, one a query, twice over."""
        lengths = float(np.linalg.norm(asked.astype(np.float64), axis=1).sum())
        return self._width * float(np.finfo(np.float32).eps) * lengths * self._longest


def _selector(rows: NDArray[np.bool_]) -> Any:
    return _Bitmap(np.packbits(rows, bitorder="little"))
