"""Which blocks are the newest."""

from __future__ import annotations

import numpy as np
import torch

from longwatch.retrieval.recent import Recent


def test_the_newest_allowed_blocks_come_first() -> None:
    index = Recent(2)
    index.add([1, 3, 4, 8, 9], torch.zeros(5, 2, 2))
    allowed = np.array([1, 1, 1, 1, 0, 1, 1, 1, 1], np.bool_)
    assert index.search(torch.ones(1, 2), 2).ids == (9, 8)
    assert index.search(torch.ones(1, 2), 2, allowed).ids == (8, 3)
