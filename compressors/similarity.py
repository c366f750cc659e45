"""Cosines and choices that are the same on every run, whatever ties or overflows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from longwatch.types import VisualTokens

if TYPE_CHECKING:
    from torch import Tensor

SHORTEST, LONGEST = 1e-12, 1e18  # lengths whose squares fp32 holds without loss


def unit(values: Tensor) -> Tensor:
    """Return `values` (..., d) in fp32 at length one; a row of zeros stays zero."""
    wide = values.float()
    lengths: Tensor = torch.linalg.vector_norm(wide, dim=-1, keepdim=True)
    if _ordinary(lengths):
        return wide / lengths
    # Divided by its largest number first, no square of a row overflows or vanishes.
    largest = wide.abs().amax(-1, keepdim=True)
    return functional.normalize(wide / torch.where(largest > 0, largest, 1.0), dim=-1)


def _ordinary(lengths: Tensor) -> bool:
    """Tell whether lengths are such that no square under them overflowed or vanished."""
    return bool(((lengths > SHORTEST) & (lengths < LONGEST)).all())


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """Return the cosine of each row of `a` (n, d) and `b` (n, d): (n,) fp32.

    A row of zeros has cosine 1 to a row of zeros, for nothing changed, and 0 to any other.
    """
    wide_a, wide_b = a.float(), b.float()
    lengths = [torch.linalg.vector_norm(x, dim=-1) for x in (wide_a, wide_b)]
    if all(map(_ordinary, lengths)):
        alike: Tensor = torch.linalg.vecdot(wide_a, wide_b) / lengths[0] / lengths[1]
        return alike.clamp(-1, 1)
    found = (unit(a) * unit(b)).sum(-1).clamp(-1, 1)
    nothing = (a == 0).all(-1) & (b == 0).all(-1)
    return torch.where(nothing, 1.0, found)


def cosines(a: Tensor, b: Tensor) -> Tensor:
    """Return the cosine of every row of `a` (n, d) to every row of `b` (m, d): (n, m) fp32.

    Rows of zeros are treated as `cosine` treats them.
    """
    one, other = unit(a), unit(b)
    nothing = (one == 0).all(-1)[:, None] & (other == 0).all(-1)[None]
    return torch.where(nothing, 1.0, (one @ other.T).clamp(-1, 1))


def top(scores: Tensor, k: int) -> Tensor:
    """Return the increasing int64 indices of the `k` largest `scores` (n,); of equals the first."""
    return scores.sort(descending=True, stable=True).indices[:k].sort().values


def spread(n: int, k: int, device: torch.device) -> Tensor:
    """Return `k` increasing int64 indices below `n`, evenly spaced; at most `n` of them."""
    k = min(k, n)
    return torch.div((2 * torch.arange(k, device=device) + 1) * n, 2 * k, rounding_mode="floor")


def bare(tokens: VisualTokens) -> VisualTokens:
    """Return embeddings, positions and grid of `tokens`: what a later frame is compared with."""
    return VisualTokens(tokens.embeds, tokens.positions, tokens.grid)


def aligned(before: VisualTokens | None, tokens: VisualTokens) -> bool:
    """Tell whether token i of both frames lies in the same cell of the same grid, for all i."""
    return (
        before is not None
        and before.grid == tokens.grid
        and before.embeds.shape == tokens.embeds.shape
        and torch.equal(before.positions, tokens.positions)
    )
