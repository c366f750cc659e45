"""Two processes of one thread each that train in step: what uses two cores best."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import distributed
from torch.multiprocessing.spawn import spawn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from torch import Tensor

PROCESSES = 2


def spread(process: Callable[..., None], folder: Path, *arguments: Any) -> None:
    """Call `process(rank, folder, *arguments)` in PROCESSES processes; return when they are done.

    They meet in `folder`, see `joined`.
    """
    (folder / "rendezvous").unlink(missing_ok=True)
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ["THP_MEM_ALLOC_ENABLE"] = "1"  # large pages: a step allocates gigabytes anew
    spawn(process, (folder, *arguments), PROCESSES)


@contextmanager
def joined(rank: int, folder: Path) -> Iterator[None]:
    """Be process `rank` of those that meet in `folder`; none leaves before all are done."""
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=PROCESSES
    )
    try:
        yield
        distributed.barrier()
    finally:
        distributed.destroy_process_group()


def agreed(value: float) -> float:
    """Return the first process's value in all of them."""
    shared = torch.tensor(value, dtype=torch.float64)
    if distributed.is_initialized():
        distributed.broadcast(shared, 0)
    return float(shared)


def average(parameters: Sequence[Tensor]) -> None:
    """Give all processes the mean of their gradients."""
    if not distributed.is_initialized():
        return
    grads = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([g.reshape(-1) for g in grads])
    distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    for p, g in zip(parameters, flat.split([g.numel() for g in grads]), strict=True):
        p.grad = g.view_as(p)
