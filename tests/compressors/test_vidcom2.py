"""VidCom2, against a loop over the whole past."""

from __future__ import annotations

import torch

from longwatch.compressors.vidcom2 import FRAMES, VidCom2
from tests.compressors.clips import Clip, make, run, tokens_of


def alike(rows: torch.Tensor, centre: torch.Tensor) -> torch.Tensor:
    squares = ((rows - centre) ** 2).sum(1)
    return torch.stack([torch.exp(-squares / (2 * 2.0**a)) for a in range(-3, 2)]).sum(0)


def test_tokens_and_shares_are_what_the_formula_says() -> None:
    """On channels whose order of variance does not change, where the past has one centre."""
    clip = make(Clip(frames=8, grid=(5, 4), width=8))
    for tokens in clip:
        tokens.embeds[:, 4:] *= 20
    kept = run(VidCom2(keep=0.5), clip)
    rows = [torch.nn.functional.normalize(t.embeds[:, :4], dim=1) for t in clip]
    unlike: list[float] = []
    for t, (now, found) in enumerate(zip(rows, kept, strict=True)):
        video = alike(now, torch.stack([r.mean(0) for r in rows[: t + 1]]).mean(0))
        unlike.append(-float(video.mean()))
        chance = float((torch.tensor(unlike) / 0.01).softmax(0)[-1])
        k = min(10, max(1, round(0.5 * (1 + chance - 1 / (t + 1)) * 20)))
        expected = (video + alike(now, now.mean(0))).argsort()[:k].sort().values
        assert (found.positions[1] * 4 + found.positions[2]).tolist() == expected.tolist()


def test_variances_are_those_of_all_tokens_so_far() -> None:
    clip = make(Clip(frames=6, grid=(4, 4)))
    method, state = VidCom2(), None
    for t, tokens in enumerate(clip):
        _, state = method.compress(tokens, state)
        past = torch.cat([x.embeds for x in clip[: t + 1]])
        assert state is not None
        torch.testing.assert_close(state.mean, past.mean(0))
        torch.testing.assert_close(state.variance, past.var(0, correction=0))


def test_a_frame_like_the_others_has_its_share_and_no_more() -> None:
    clip = make(Clip(frames=FRAMES + 5, grid=(4, 4), kind="static"))
    assert {len(kept) for kept in run(VidCom2(keep=0.5), clip)} == {8}


def test_while_a_new_sight_is_the_newest_the_frames_after_it_have_less() -> None:
    clip = make(Clip(frames=3, grid=(8, 8), kind="static"))
    other = tokens_of(-clip[0].embeds, (8, 8))
    counts = [len(kept) for kept in run(VidCom2(keep=0.5), [*clip, other, clip[0]])]
    assert counts[3] == 32
    assert counts[4] < 32


def test_the_token_unlike_the_frame_stays() -> None:
    x = torch.ones(16, 8)
    x[6] = -1
    kept = VidCom2(keep=1 / 16).compress(tokens_of(x, (4, 4)), None)[0]
    assert torch.equal(kept.embeds, x[6:7])
