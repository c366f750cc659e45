"""What papers say that can be checked without their weights."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.clips import pictures
from benchmarks.hour import shown
from longwatch.compressors import Ctr, Dtd, Stc
from longwatch.models.bundled_model import load_bundled
from tests.compressors.clips import KINDS, Clip, make, run

if TYPE_CHECKING:
    from longwatch.compressors import Compressor
    from longwatch.types import VisualTokens

GRID = (14, 14)  # 196 tokens a frame, as in LLaVA-OneVision


@pytest.mark.parametrize(("method", "tokens"), [(Ctr(), 50), (Stc(), 60)], ids=["ctr", "stc"])
@pytest.mark.parametrize("kind", KINDS)
def test_of_196_tokens_a_fixed_number_stays_whatever_happens(
    method: Compressor[Any], tokens: int, kind: str
) -> None:
    """StreamingTOM keeps 50 tokens a frame, STC 60."""
    clip = make(Clip(frames=5, grid=GRID, kind=kind, width=32))
    assert [len(frame) for frame in run(method, clip)] == [tokens] * 5


@cache
def real() -> list[VisualTokens]:
    """Return the tokens of a real clip of ten seconds."""
    model = load_bundled(grid=(9, 9))
    return [tokens for _, tokens in shown(model, pictures("bikes", 1.0))]


def dropped(threshold: float) -> float:
    """Return the share of the tokens that DTD drops after the first frame."""
    frames = real()[1:]
    kept = run(Dtd(threshold=threshold), real())[1:]
    return 1 - sum(map(len, kept)) / sum(map(len, frames))


def test_dtd_drops_more_of_a_real_clip_the_lower_its_threshold() -> None:
    """As in TimeChat-Online's tables; most of a real clip repeats the frame before."""
    ratios = [dropped(threshold) for threshold in (0.99, 0.95, 0.9, 0.8, 0.5)]
    assert ratios == sorted(ratios)
    assert ratios[0] < 0.5 < ratios[-1]
    assert dropped(1.0) == 0
