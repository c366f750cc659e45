"""Laws of every compressor in the table."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.compressors import COMPRESSORS, Budgeted, Compressor, Dtd, FluxMem, PruMerge
from longwatch.errors import ConfigError, ModelError
from tests.compressors.clips import Clip, clips, held, make, run, same

if TYPE_CHECKING:
    from longwatch.types import VisualTokens

SHARES = (1.0, 1 / 2, 1 / 4, 1 / 8, 1 / 16)
# Of methods that have more than one way of working.
VARIANTS: list[Compressor[Any]] = [
    Dtd(by="pixel"),
    FluxMem(spatial=True),
    PruMerge(plus=False),
]
DEFAULTS: list[Compressor[Any]] = [build() for build in COMPRESSORS.values()]
BUDGETED = [c for c in [*DEFAULTS, *VARIANTS] if isinstance(c, Budgeted)]
CASES = [*DEFAULTS, *VARIANTS, *(c.at(1 / 4) for c in BUDGETED)]

over_cases = pytest.mark.parametrize("compressor", CASES, ids=repr)
over_budgets = pytest.mark.parametrize("compressor", BUDGETED, ids=repr)
quick = settings(max_examples=8, deadline=None)


@over_cases
@given(clip=clips())
@quick
def test_tokens_keep_their_order_and_are_never_more_and_never_none(
    compressor: Compressor[Any], clip: Clip
) -> None:
    frames = make(clip)
    for before, kept in zip(frames, run(compressor, frames), strict=True):
        assert 1 <= len(kept) <= len(before)
        cells = kept.positions[:, kept.summary :]
        places = (cells[1] * clip.grid[1] + cells[2]).tolist()
        assert places == sorted(set(places))
        assert set(places) <= set(range(clip.grid[0] * clip.grid[1]))
        assert (kept.positions[0] == 0).all()
        assert kept.grid == before.grid


@over_cases
@given(clip=clips())
@quick
def test_what_a_token_carries_is_kept_and_merged_with_it(
    compressor: Compressor[Any], clip: Clip
) -> None:
    for kept in run(compressor, make(clip)):
        assert torch.equal(kept.extras[0], kept.embeds)
        tolerance = 0.02 if clip.dtype != torch.float32 else 1e-5
        torch.testing.assert_close(kept.extras[1], 2 * kept.embeds, rtol=tolerance, atol=1e-5)
        assert (kept.saliency is not None) == clip.saliency
        assert kept.saliency is None or kept.saliency.shape == (len(kept),)


@over_cases
@given(clip=clips())
@quick
def test_no_number_is_outside_those_that_were_given(
    compressor: Compressor[Any], clip: Clip
) -> None:
    """What is kept is a token, or a mean of some: of this frame alone."""
    frames = make(clip)
    for before, kept in zip(frames, run(compressor, frames), strict=True):
        embeds = before.embeds.float()
        slack = 0.01 * embeds.abs().max() + 1e-12
        assert (kept.embeds.float() <= embeds.amax(0) + slack).all()
        assert (kept.embeds.float() >= embeds.amin(0) - slack).all()


@over_cases
@given(clip=clips())
@quick
def test_dtypes_and_devices_stay(compressor: Compressor[Any], clip: Clip) -> None:
    for kept in run(compressor, make(clip)):
        assert {kept.embeds.dtype, *(e.dtype for e in kept.extras)} == {clip.dtype}
        assert kept.positions.dtype == torch.int64
        assert {kept.embeds.device, kept.positions.device} == {torch.device("cpu")}


@over_cases
@given(clip=clips())
@quick
def test_what_is_of_the_whole_frame_stays_first_and_as_it_is(
    compressor: Compressor[Any], clip: Clip
) -> None:
    frames = make(clip)
    for before, kept in zip(frames, run(compressor, frames), strict=True):
        assert kept.summary == min(before.summary, len(kept))
        front = torch.arange(kept.summary)
        assert same(kept.select(front), before.select(front))


@over_budgets
@given(clip=clips(), share=st.sampled_from(SHARES))
@quick
def test_no_frame_has_more_than_its_share(
    compressor: Budgeted[Any], clip: Clip, share: float
) -> None:
    frames = make(clip)
    for before, kept in zip(frames, run(compressor.at(share), frames), strict=True):
        assert len(kept) <= max(1, int(share * len(before)))


@over_budgets
@given(clip=clips(), shares=st.lists(st.sampled_from(SHARES), min_size=6, max_size=6))
@quick
def test_a_state_goes_on_at_another_share(
    compressor: Budgeted[Any], clip: Clip, shares: list[float]
) -> None:
    state = compressor.new_state()
    for tokens, share in zip(make(clip), shares, strict=False):
        kept, state = compressor.at(share).compress(tokens, state)
        assert 1 <= len(kept) <= max(1, int(share * len(tokens)))


@over_cases
@given(clip=clips(), seed=st.integers(0, 9))
@quick
def test_what_is_kept_of_a_frame_never_depends_on_later_ones(
    compressor: Compressor[Any], clip: Clip, seed: int
) -> None:
    frames, half = make(clip), clip.frames // 2
    later = make(replace(clip, seed=clip.seed + 1 + seed))[half:]
    for a, b in zip(run(compressor, frames)[:half], run(compressor, frames[:half] + later)):  # noqa: B905
        assert same(a, b)


@over_cases
@given(clip=clips())
@quick
def test_a_state_is_not_changed_by_the_frames_after_it(
    compressor: Compressor[Any], clip: Clip
) -> None:
    """So a frame that failed may be forgotten, and the same frame gives the same tokens again."""
    frames = make(clip)
    states, first = [compressor.new_state()], []
    for tokens in frames:
        out, state = compressor.compress(tokens, states[-1])
        first.append(out)
        states.append(state)
    for tokens, state, out in zip(frames, states, first, strict=False):
        assert same(compressor.compress(tokens, state)[0], out)


@over_cases
@given(one=clips(), other=clips())
@quick
def test_streams_side_by_side_equal_each_alone(
    compressor: Compressor[Any], one: Clip, other: Clip
) -> None:
    streams = [make(one), make(other)]
    states = [compressor.new_state() for _ in streams]
    together: list[list[VisualTokens]] = [[], []]
    for moment in range(max(map(len, streams))):
        for i, frames in enumerate(streams):
            if moment < len(frames):
                out, states[i] = compressor.compress(frames[moment], states[i])
                together[i].append(out)
    for frames, kept in zip(streams, together, strict=True):
        assert all(map(same, run(compressor, frames), kept))


@over_cases
@given(one=clips(), other=clips())
@quick
def test_a_stream_may_change_its_size(compressor: Compressor[Any], one: Clip, other: Clip) -> None:
    frames = [*make(replace(one, width=8)), *make(replace(other, width=8))]
    for before, kept in zip(frames, run(compressor, frames), strict=True):
        assert 1 <= len(kept) <= len(before)
        assert kept.grid == before.grid


@over_cases
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("where", ["embeds", "extras", "saliency"])
def test_what_is_not_a_finite_number_is_refused(
    compressor: Compressor[Any], value: float, where: str
) -> None:
    tokens = make(Clip(saliency=True))[0]
    spoiled = {"embeds": tokens.embeds, "extras": tokens.extras[1], "saliency": tokens.saliency}
    row = spoiled[where]
    if row is None:
        pytest.fail("the clip has no saliency")
    row[4] = value
    with pytest.raises(ModelError, match="1 of 9 visual tokens"):
        compressor.compress(tokens, compressor.new_state())


@over_cases
def test_numbers_near_the_largest_are_not_refused(compressor: Compressor[Any]) -> None:
    tokens = make(Clip())[0]
    tokens.embeds.fill_(3e38)
    assert len(compressor.compress(tokens, compressor.new_state())[0]) >= 1


@over_cases
def test_a_frame_without_tokens_has_none_and_is_not_remembered(compressor: Compressor[Any]) -> None:
    state = compressor.new_state()
    tokens = make(Clip())[0].select(torch.zeros(0, dtype=torch.int64))
    kept, after = compressor.compress(tokens, state)
    assert len(kept) == 0
    assert after is state


@over_cases
@pytest.mark.parametrize("kind", ["noise", "static", "drift"])
def test_what_a_stream_remembers_is_bounded(compressor: Compressor[Any], kind: str) -> None:
    state, sizes = compressor.new_state(), []
    for tokens in make(Clip(frames=60, kind=kind)):
        _, state = compressor.compress(tokens, state)
        sizes.append(held(state))
    assert max(sizes[30:]) <= max(sizes[:30])


@over_budgets
@pytest.mark.parametrize("share", [0, -0.1, 1.01, float("nan")])
def test_a_share_outside_its_range_is_refused(compressor: Budgeted[Any], share: float) -> None:
    with pytest.raises(ConfigError, match="keep"):
        compressor.at(share)


@over_cases
def test_settings_cannot_be_changed_and_are_the_whole_object(compressor: Compressor[Any]) -> None:
    assert replace(compressor) == compressor  # type: ignore[type-var]
    for field in fields(compressor):  # type: ignore[arg-type]
        with pytest.raises(FrozenInstanceError):
            setattr(compressor, field.name, None)


@pytest.mark.parametrize("name", COMPRESSORS)
def test_a_method_says_what_it_is_and_where_it_is_from(name: str) -> None:
    method = COMPRESSORS[name]
    assert method.__name__.lower() == name.replace("_", "")
    assert method.__doc__
    assert method.paper is None or method.paper in (method.__doc__ or "")
