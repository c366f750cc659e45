"""Laws of every retriever in the table."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.errors import InputError
from longwatch.retrieval import RETRIEVERS, Hits, Retriever, VectorIndex

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

WIDTH = 3
EXACT = ("flat", "faiss_flat", "faiss_fp16")  # fp16 holds small whole numbers exactly
every = pytest.mark.parametrize("name", RETRIEVERS)


class Case(NamedTuple):
    """Blocks in runs that share a number of vectors, some of them removed, and a query."""

    runs: list[tuple[list[int], Tensor]]
    removed: list[int]
    queries: Tensor
    allowed: NDArray[np.bool_] | None
    k: int

    @property
    def ids(self) -> list[int]:
        return [i for ids, _ in self.runs for i in ids]

    def fill(self, retriever: Retriever) -> Retriever:
        for ids, vectors in self.runs:
            retriever.add(ids, vectors)
        retriever.remove(self.removed)
        return retriever

    def seen(self) -> list[int]:
        left = [i for i in self.ids if i not in self.removed]
        if self.allowed is None:
            return left
        return [i for i in left if i < len(self.allowed) and self.allowed[i]]

    def by_hand(self) -> Hits:
        """Score one block at a time. Whole numbers: there are ties, and products are exact."""
        seen, scores = set(self.seen()), {}
        for ids, vectors in self.runs:
            for i, mine in zip(ids, vectors, strict=True):
                if i in seen:
                    scores[i] = float((self.queries @ mine.T).amax(1).sum())
        best = sorted(scores, key=lambda i: (-scores[i], i))[: self.k]
        return Hits(tuple(best), tuple(scores[i] for i in best))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**20)))
    ids = sorted(draw(st.sets(st.integers(0, 200), max_size=60)))
    cuts = sorted(draw(st.sets(st.integers(0, len(ids)), max_size=3)) | {0, len(ids)})
    runs = [
        (
            ids[a:b],
            torch.randint(
                -1, 2, (b - a, draw(st.integers(1, 3)), WIDTH), generator=generator
            ).float(),
        )
        for a, b in pairwise(cuts)
    ]
    removed = draw(st.lists(st.sampled_from(ids), unique=True)) if ids else []
    asked = (draw(st.integers(1, 3)), WIDTH)
    allowed = draw(st.none() | st.lists(st.booleans(), max_size=250).map(np.array))
    return Case(
        runs,
        removed,
        torch.randint(-2, 3, asked, generator=generator).float(),
        None if allowed is None else allowed.astype(np.bool_),
        draw(st.integers(0, 12)),
    )


@pytest.mark.parametrize("name", EXACT)
@given(case=cases())
def test_it_finds_what_scoring_by_hand_finds_with_ties_by_the_smaller_id(
    name: str, case: Case
) -> None:
    hits = case.fill(RETRIEVERS[name](WIDTH)).search(case.queries, case.k, case.allowed)
    assert hits == case.by_hand()


@every
@given(case=cases())
def test_only_blocks_that_may_be_seen_are_found_once_each_and_as_many_as_there_are(
    name: str, case: Case
) -> None:
    retriever = case.fill(RETRIEVERS[name](WIDTH))
    hits = retriever.search(case.queries, case.k, case.allowed)
    assert set(hits.ids) <= set(case.seen())
    assert len(set(hits.ids)) == len(hits.ids) == min(case.k, len(case.seen()))
    assert list(hits.scores) == sorted(hits.scores, reverse=True)
    assert len(retriever) == len(case.ids) - len(case.removed)


@every
@given(case=cases())
def test_the_same_search_finds_the_same(name: str, case: Case) -> None:
    first, second = (case.fill(RETRIEVERS[name](WIDTH)) for _ in range(2))
    hits = first.search(case.queries, case.k, case.allowed)
    assert hits == first.search(case.queries, case.k, case.allowed)
    assert hits == second.search(case.queries, case.k, case.allowed)


@every
@given(case=cases())
def test_blocks_added_one_by_one_are_found_like_those_added_together(name: str, case: Case) -> None:
    single = [([i], v[None]) for ids, run in case.runs for i, v in zip(ids, run, strict=True)]
    together = case.fill(RETRIEVERS[name](WIDTH))
    alone = case._replace(runs=single).fill(RETRIEVERS[name](WIDTH))
    asked = (case.queries, case.k, case.allowed)
    assert together.search(*asked) == alone.search(*asked)


@every
@settings(max_examples=30)
@given(seed=st.integers(0, 2**20), first=st.integers(1, 300), more=st.integers(1, 300))
def test_a_snapshot_is_blind_to_what_came_later(
    name: str, seed: int, first: int, more: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randn(first + more, 1, 16, generator=generator)
    query = torch.randn(1 + seed % 2, 16, generator=generator)
    retriever, snapshot = RETRIEVERS[name](16), np.ones(first, np.bool_)
    retriever.add(range(first), vectors[:first])
    before = retriever.search(query, 10)
    assert retriever.search(query, 10, snapshot) == before
    for i in range(first, first + more):
        retriever.add([i], vectors[i : i + 1])
    assert retriever.search(query, 10, snapshot) == before


@every
def test_removal_in_many_small_parts_equals_never_having_added(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(400, 2, 8, generator=generator)
    queries = torch.randn(1, 8, generator=generator)
    thinned, fresh = RETRIEVERS[name](8), RETRIEVERS[name](8)
    thinned.add(range(400), vectors)
    left = [i for i in range(400) if i % 5 == 0]
    for i in range(400):
        if i % 5:
            thinned.remove([i])
            assert i not in thinned.search(queries, 3).ids
    fresh.add(left, vectors[left])
    assert thinned.search(queries, 20) == fresh.search(queries, 20)
    assert len(thinned) == len(left)
    assert thinned.nbytes <= 1.5 * fresh.nbytes


@every
def test_an_absent_block_cannot_be_removed_and_the_others_stay(name: str) -> None:
    retriever = RETRIEVERS[name](2)
    retriever.add([5, 6, 7], torch.eye(3, 2)[:, None])
    retriever.remove([6])
    for absent in ([6], [7, 8], [4], [-1]):
        with pytest.raises(KeyError):
            retriever.remove(absent)
    assert sorted(retriever.search(torch.ones(1, 2), 9).ids) == [5, 7]


@every
@pytest.mark.parametrize("ids", [[5], [4], [7, 7], [8, 7], [-1]])
def test_an_id_is_new_and_larger_than_all_before_it(name: str, ids: list[int]) -> None:
    retriever = RETRIEVERS[name](2)
    retriever.add([5], torch.ones(1, 1, 2))
    retriever.remove([5])
    with pytest.raises(InputError, match="only grow"):
        retriever.add(ids, torch.ones(len(ids), 1, 2))
    assert len(retriever) == 0


@every
@pytest.mark.parametrize(
    "vectors",
    [torch.ones(1, 2), torch.ones(1, 1, 3), torch.ones(2, 1, 2), torch.ones(1, 0, 2)],
    ids=lambda v: "x".join(map(str, v.shape)),
)
def test_vectors_must_fit(name: str, vectors: Tensor) -> None:
    with pytest.raises(InputError):
        RETRIEVERS[name](2).add([1], vectors)


@every
def test_what_is_not_finite_or_cannot_be_asked_is_refused(name: str) -> None:
    retriever = RETRIEVERS[name](2)
    with pytest.raises(InputError, match="finite"):
        retriever.add([0], torch.tensor([[[0.0, float("nan")]]]))
    assert len(retriever) == 0
    retriever.add([0], torch.ones(1, 1, 2))
    for queries in (torch.ones(2), torch.ones(0, 2), torch.ones(1, 3)):
        with pytest.raises(InputError, match="shape"):
            retriever.search(queries, 1)
    with pytest.raises(InputError, match="finite"):
        retriever.search(torch.full((1, 2), float("inf")), 1)
    with pytest.raises(InputError, match="-1"):
        retriever.search(torch.ones(1, 2), -1)


@every
def test_nothing_is_found_in_an_empty_index_nor_when_nothing_is_allowed(name: str) -> None:
    retriever = RETRIEVERS[name](2)
    assert retriever.search(torch.ones(1, 2), 3) == Hits((), ())
    retriever.add([], torch.ones(0, 1, 2))
    retriever.add([0, 1], torch.ones(2, 1, 2))
    assert retriever.search(torch.ones(1, 2), 3, np.zeros(2, np.bool_)) == Hits((), ())
    assert retriever.search(torch.ones(1, 2), 3, np.ones(0, np.bool_)) == Hits((), ())
    assert retriever.search(torch.ones(1, 2), 0) == Hits((), ())


@pytest.mark.parametrize("name", EXACT)
def test_vectors_come_back_as_they_were_stored(name: str) -> None:
    index = RETRIEVERS[name](2)
    assert isinstance(index, VectorIndex)
    index.add([2], torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    index.add([5, 9], torch.tensor([[[5.0, 6.0]], [[7.0, 8.0]]]))
    vectors, counts = index.vectors([9, 2])
    assert vectors.tolist() == [[[7, 8], [0, 0]], [[1, 2], [3, 4]]]
    assert counts.tolist() == [1, 2]
    assert [len(t) for t in index.vectors([])] == [0, 0]
    index.remove([5])
    with pytest.raises(KeyError):
        index.vectors([2, 5])
