"""CTR: a fixed number of tokens, shared between what moves and what does not."""

from __future__ import annotations

import pytest
import torch

from longwatch.compressors.ctr import Ctr
from longwatch.compressors.density import density_peaks
from longwatch.errors import ConfigError
from longwatch.types import VisualTokens
from tests.compressors.clips import Clip, make, run, tokens_of


def scene(still: int, n: int = 196) -> list[VisualTokens]:
    """Return two frames whose first `still` tokens are the same; the saliency is the index."""
    first, second = torch.randn(2, n, 16, generator=torch.Generator().manual_seed(0)).unbind()
    second[:still] = first[:still]
    side = int(n**0.5)
    return [
        VisualTokens(t.embeds, t.positions, t.grid, t.extras, torch.arange(float(n)))
        for t in (tokens_of(first, (side, side)), tokens_of(second, (side, side)))
    ]


@pytest.mark.parametrize("kind", ["noise", "static", "drift", "zeros", "sparse"])
def test_fifty_of_196_stay_of_every_frame(kind: str) -> None:
    assert [len(t) for t in run(Ctr(), make(Clip(grid=(14, 14), kind=kind)))] == [50] * 4


@pytest.mark.parametrize(("still", "merged"), [(0, 0), (98, 25), (190, 48), (196, 50), (100, 25)])
def test_still_tokens_get_their_share_and_moving_ones_the_rest(still: int, merged: int) -> None:
    kept = run(Ctr(), scene(still))[1]
    cells = kept.positions[1] * 14 + kept.positions[2]
    assert int((cells < still).sum()) == merged


def test_what_one_side_cannot_use_the_other_gets() -> None:
    """Of nine, two move: seven eighths of eight would be six and leave only two for two."""
    kept = run(Ctr(8 / 9), scene(7, n=9))[1]
    cells = (kept.positions[1] * 3 + kept.positions[2]).tolist()
    assert {7, 8} <= set(cells)
    assert len(cells) == 8


def test_moving_tokens_are_the_most_salient_ones_untouched() -> None:
    frames = scene(0)
    kept = run(Ctr(), frames)[1]
    assert torch.equal(kept.embeds, frames[1].embeds[-50:])


def test_still_tokens_are_their_densest_ones_drawn_towards_their_groups() -> None:
    frames = scene(196)
    kept = run(Ctr(), frames)[1]
    centres, owner = density_peaks(frames[1].embeds, 50, 7)
    for i, centre in enumerate(centres.tolist()):
        joined = [j for j in range(196) if owner[j] == i and j != centre]
        expected = frames[1].embeds[centre]
        if joined:
            expected = 0.6 * expected + 0.4 * frames[1].embeds[joined].mean(0)
        torch.testing.assert_close(kept.embeds[i], expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(kept.positions, frames[1].positions[:, centres])


def test_everything_stays_as_it_is_at_the_whole_share() -> None:
    frames = make(Clip(kind="static"))
    for before, kept in zip(frames, run(Ctr(1.0), frames), strict=True):
        assert torch.equal(kept.embeds, before.embeds)


@pytest.mark.parametrize(
    "wrong", [{"threshold": 1.5}, {"neighbours": 0}, {"beta": 2.0}, {"keep": 0.0}]
)
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Ctr(**wrong)  # type: ignore[arg-type]
