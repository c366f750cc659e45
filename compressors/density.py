"""Centres by density peaks: DPC-KNN, which several methods merge tokens with."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

LARGEST = 1e15  # of a number whose square is still one


class Clusters(NamedTuple):
    """k groups of n tokens."""

    centres: Tensor  # (k,) int64, increasing
    owner: Tensor  # (n,) int64: the group that each token belongs to, in the order of `centres`


def density_peaks(features: Tensor, k: int, neighbours: int) -> Clusters:
    """Return `k` centres of `features` (n, d) and the group of each token, k <= n.

    With D the Euclidean distances over sqrt(d), the density of a token is
    rho = exp(-mean of D^2 to its `neighbours` nearest, itself among them), its separation delta is
    the least D to a denser token, or for the densest the largest D of all; centres are the k
    largest rho * delta, every other token joins its nearest centre (arXiv 2203.11987, after
    Rodriguez and Laio 2014). Of two equally dense tokens the earlier one counts as denser, and of
    two equally near centres the earlier one gets the token, so the result is always the same.
    """
    n = len(features)
    distances = _distances(features)
    nearest = distances.sort(1).values[:, : min(neighbours, n)]
    # Order is taken from the exponent: far from everything, exp() would make all of them equal.
    closeness = -(nearest**2).mean(1)
    order = closeness.sort(descending=True, stable=True).indices
    rank = torch.empty_like(order)
    rank[order] = torch.arange(n, device=order.device)
    denser = rank[None] < rank[:, None]  # (n, n): is column's token denser than row's?
    separation = torch.where(denser, distances, torch.inf).amin(1)
    separation[order[0]] = distances.max()
    score = closeness + separation.log()  # of the product; a twin's log is -inf
    # Score first, density among equals.
    by_density = score[order].sort(descending=True, stable=True).indices
    centres = order[by_density[:k]].sort().values
    owner = distances[:, centres].argmin(1)
    owner[centres] = torch.arange(k, device=owner.device)
    return Clusters(centres, owner)


def _distances(features: Tensor) -> Tensor:
    """Return (n, n) fp32 distances over sqrt(d): zero on the diagonal and the same both ways."""
    wide = features.float().clamp(-LARGEST, LARGEST)
    wide = wide - wide.mean(0)  # what all have in common would drown the differences in rounding
    products = wide @ wide.T
    squares = products.diagonal()
    found = (squares[:, None] + squares[None] - products - products.T).clamp(min=0)
    return found.fill_diagonal_(0).sqrt() / math.sqrt(features.shape[1])
