"""An answer is right when each of its tokens is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st

from training.scores import score

ANSWERS = st.lists(
    st.tuples(st.sampled_from(["now", "first", "where"]), st.lists(st.booleans(), max_size=4)),
    min_size=1,
    max_size=9,
)


@given(ANSWERS)
def test_scores_are_those_of_each_question_by_itself(answers: list[tuple[str, list[bool]]]) -> None:
    rows = [(i, right) for i, (_, tokens) in enumerate(answers) for right in tokens]
    model: Any = SimpleNamespace(right=torch.tensor([right for _, right in rows], dtype=torch.bool))
    question = torch.tensor([i for i, _ in rows], dtype=torch.int64)
    batch: Any = SimpleNamespace(kinds=[kind for kind, _ in answers], question=question)
    wanted: dict[str, list[float]] = {}
    for kind, tokens in answers:
        if tokens:  # one without tokens is padding
            wanted.setdefault(kind, []).append(float(all(tokens)))
    assert score(model, batch) == wanted
