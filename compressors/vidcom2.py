"""VidCom2: more tokens for frames unlike the video, and the tokens unlike both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from longwatch.compressors.base import Budgeted
from longwatch.compressors.similarity import top, unit

if TYPE_CHECKING:
    from torch import Tensor

    from longwatch.types import VisualTokens

WIDTHS = (1 / 8, 1 / 4, 1 / 2, 1, 2)  # of the Gaussians
TEMPERATURE = 0.01
FRAMES = 32  # the past that a frame's uniqueness is weighed against; the paper reads 32 frames


@dataclass(frozen=True, eq=False)
class _Video:
    """The stream so far, d channels."""

    frames: int
    mean: Tensor  # (d,) of all tokens
    variance: Tensor  # (d,) of all tokens
    centre: Tensor  # (d,) mean of the frames' centres
    unlike: Tensor  # (FRAMES,) uniqueness of the last frames, -inf before the first


@dataclass(frozen=True)
class VidCom2(Budgeted[_Video | None]):
    """Video compression commander (arXiv 2505.14454).

    On the half of the channels that vary least, with tokens at length one,
    g(m)_i = sum_{a in 1/8 .. 2} exp(-|x_i - m|^2 / 2a) is how like the centre m a token is. A frame
    is as unique as u_t = -mean_i g(video)_i; its share of tokens is
    keep (1 + p_t - 1/T), p = softmax(u / 0.01) over T frames, and the tokens with the lowest
    g(video) + g(frame) stay.

    The paper sees the whole video first. In the streaming form the centre and the channels'
    variances are those of the frames so far, T counts the last 32 frames, and `keep` is a ceiling:
    a frame that is more unique than the others cannot have more than its share.
    """

    paper: ClassVar[str | None] = "2505.14454"
    keep: float = 0.25

    def new_state(self) -> _Video | None:
        """Return nothing: the stream has no centre yet."""
        return None

    def _compress(
        self, tokens: VisualTokens, state: _Video | None
    ) -> tuple[VisualTokens, _Video | None]:
        n, d = tokens.embeds.shape
        mean, variance = _moments(tokens.embeds.float(), state)
        channels = variance.sort(stable=True).indices[: max(1, d // 2)]
        rows = unit(tokens.embeds[:, channels])
        own = rows.mean(0)
        frames = 1 if state is None else state.frames + 1
        centre = torch.zeros_like(mean) if state is None else state.centre
        centre = centre + (torch.zeros_like(mean).index_copy_(0, channels, own) - centre) / frames
        to_video = _alike(rows, centre[channels])
        past = mean.new_full((FRAMES,), -torch.inf) if state is None else state.unlike
        unlike = torch.cat([past[1:], -to_video.mean()[None]])
        extra = float((unlike / TEMPERATURE).softmax(0)[-1]) - 1 / min(frames, FRAMES)
        k = min(self.budget(n), max(1, round(self.keep * (1 + extra) * n)))
        kept = top(-to_video - _alike(rows, own), k)
        return tokens.select(kept), _Video(frames, mean, variance, centre, unlike)


def _moments(x: Tensor, state: _Video | None) -> tuple[Tensor, Tensor]:
    """Return mean and variance of each channel over the stream up to `x` (n, d), frames alike."""
    mean, variance = x.mean(0), x.var(0, correction=0)
    if state is None:
        return mean, variance
    part = 1 / (state.frames + 1)
    apart = mean - state.mean
    between = part * (1 - part) * apart.square()
    return state.mean + part * apart, (1 - part) * state.variance + part * variance + between


def _alike(rows: Tensor, centre: Tensor) -> Tensor:
    """Return g (n,)."""
    squares = (rows - centre).square().sum(1)
    return sum((torch.exp(-squares / (2 * width)) for width in WIDTHS), torch.zeros_like(squares))
