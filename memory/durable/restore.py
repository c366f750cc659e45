"""A memory that was on disk, back as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from longwatch.errors import StorageError
from longwatch.memory.archive import Archive
from longwatch.memory.durable.journal import kind_of
from longwatch.memory.durable.pack import DTYPES
from longwatch.memory.sealed import Shape

if TYPE_CHECKING:
    import torch

    from longwatch.memory.base import Policy
    from longwatch.memory.durable.store import Commit, Store
    from longwatch.memory.memory import Memory
    from longwatch.memory.need import Disk


def restore(
    memory: Memory, store: Store, device: torch.device, disk: Disk | None = None
) -> Commit | None:
    """Fill a new memory with what `store` holds, without running the model; None: it is empty.

    What was at hand is the same bit by bit, and so are the blocks and what finds them. Of a torn
    or damaged store it is what the last whole commit says, less what was hit. With a `disk`, blocks
    beyond its limit stay there; of these only what finds them is in RAM.

    Raises:
        StorageError: it was written under another policy than the memory's.
    """
    loaded = store.load(device)
    commit, segments = loaded if loaded is not None else (None, ())
    archive = None
    if commit is not None and commit.archive is not None:
        archive = _archive(memory.policy, commit.archive, device, disk)
        if disk is not None:
            disk.end = commit.end
        archive.restore(store.blocks(), commit.end)
    else:
        for _ in store.blocks():
            pass  # so that the store knows what is to be taken off
    if commit is not None:
        memory.restore(segments, commit.frames, commit.tokens, archive)
    return commit


def _archive(
    policy: Policy, kind: dict[str, Any], device: torch.device, disk: Disk | None
) -> Archive:
    """Return an empty archive for blocks of this kind."""
    sealing, recalling = policy.sealing, policy.recalling
    if sealing is None or recalling is None:
        raise _another(policy)
    shape = Shape(
        kind["layers"],
        kind["heads"],
        kind["width"],
        DTYPES[kind["dtype"]],
        device,
        kind["axes"],
        kind["advance"],
    )
    archive = Archive(sealing, recalling.scorer, shape, kind["block_tokens"], disk=disk)
    if kind_of(archive) != kind:
        raise _another(policy)
    return archive


def _another(policy: Policy) -> StorageError:
    return StorageError(
        f"what is stored was not written under {policy}; open it with the settings that it was "
        "written with, or forget it"
    )
