"""Muon in float32, its work shared out among the processes.

torch.optim.Muon orthogonalises in bfloat16, which takes ten seconds a step on a CPU without
bfloat16 units; here it takes a third of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import distributed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic Newton-Schulz iteration
ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """Momentum whose direction is made orthogonal (arXiv 2502.16982), scaled to match AdamW's size.

    With torch.distributed each process orthogonalises its share of the matrices and gets the rest
    from the others; the gradients must be the same in all of them.

    Args:
        matrices: parameters of two dimensions.
        lr: learning rate.
        momentum: of Nesterov's kind.
        decay: of the weights, decoupled.
    """

    def __init__(
        self, matrices: Iterable[Tensor], lr: float, momentum: float = 0.95, decay: float = 0.01
    ) -> None:
        """Start without momentum."""
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Follow the gradients that are there; there is no `closure` to call."""
        for group in self.param_groups:
            matrices = [p for p in group["params"] if p.grad is not None]
            found = self._directions(matrices, group["momentum"])
            for p, direction in zip(matrices, found, strict=True):
                size = 0.2 * max(p.shape) ** 0.5
                p.mul_(1 - group["lr"] * group["decay"]).add_(direction, alpha=-group["lr"] * size)

    def _directions(self, matrices: list[Tensor], momentum: float) -> list[Tensor]:
        together = distributed.is_initialized()
        ranks, rank = (distributed.get_world_size(), distributed.get_rank()) if together else (1, 0)
        directions = []
        for number, p in enumerate(matrices):
            gradient: Any = p.grad
            mean = self.state[p].setdefault("momentum", torch.zeros_like(p))
            mean.lerp_(gradient, 1 - momentum)
            if number % ranks == rank:
                directions.append(orthogonal(gradient.lerp(mean, momentum)))
            else:
                directions.append(torch.zeros_like(p))
        if ranks == 1:
            return directions
        flat = torch.cat([d.reshape(-1) for d in directions])
        distributed.all_reduce(flat)  # each process made its own share, the rest is zero
        return [
            x.view_as(p)
            for x, p in zip(flat.split([p.numel() for p in matrices]), matrices, strict=True)
        ]


def orthogonal(matrix: Tensor) -> Tensor:
    """Return about the nearest matrix, (m, n), whose singular values are all near one."""
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x
