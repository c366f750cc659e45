"""Which tokens of ranked frames are recalled, against plain loops."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from longwatch.memory.ranked import Room, best_frames


@given(
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=9),
    room=st.integers(1, 30),
    seed=st.integers(0, 99),
)
def test_frames_are_recalled_whole_and_no_better_one_is_left_out(
    sizes: list[int], room: int, seed: int
) -> None:
    frames = np.repeat(np.arange(len(sizes), dtype=np.int32) * 3, sizes)
    scores = np.random.default_rng(seed).integers(0, 6, len(frames)).astype(np.float64)
    chosen = best_frames(frames, scores, Room(room))
    assert chosen.tolist() == sorted(chosen.tolist())
    inside = set(frames[chosen].tolist())
    assert chosen.tolist() == [i for i, f in enumerate(frames.tolist()) if f in inside]
    best = {f: (scores[frames == f].max(), -f) for f in set(frames.tolist())}
    left = set(best) - inside
    assert not left or min(best[f] for f in inside) > max(best[f] for f in left)
    assert len(chosen) <= room or len(inside) == 1
    if left:
        following = max(left, key=lambda f: best[f])
        assert len(chosen) + (frames == following).sum() > room


@given(
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=12),
    room=st.integers(1, 40),
    seed=st.integers(0, 99),
)
def test_of_a_crowd_each_frame_s_best_token_comes_before_any_frame_s_second(
    sizes: list[int], room: int, seed: int
) -> None:
    """Also of equal scores; what room is left then is for the rest of the best frames."""
    frames = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    scores = np.random.default_rng(seed).integers(0, 6, len(frames)).astype(np.float64)
    chosen = best_frames(frames, scores, Room(room, crowd=True))
    mine = [np.flatnonzero(frames == f) for f in range(len(sizes))]
    ranked = sorted(range(len(sizes)), key=lambda f: -scores[mine[f]].max())
    own = {f: sorted(mine[f].tolist(), key=lambda i: -scores[i]) for f in ranked}
    wanted = [own[f][0] for f in ranked] + [i for f in ranked for i in own[f][1:]]
    assert chosen.tolist() == sorted(wanted[:room])
