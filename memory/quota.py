"""Bytes of sealed blocks that all memories of a server share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from longwatch.errors import ConfigError, LimitError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from longwatch.memory.archive import Archive
    from longwatch.memory.base import Policy
    from longwatch.memory.memory import Memory
    from longwatch.memory.seal import Sealing


@dataclass(frozen=True)
class QuotaSettings:
    """The most that all streams together hold; None is no limit."""

    host_bytes: int | None = None  # of blocks in RAM
    disk_bytes: int | None = None  # of blocks on disk, of streams that are kept there

    def __post_init__(self) -> None:
        """Check the settings."""
        for name in ("host_bytes", "disk_bytes"):
            if (size := getattr(self, name)) is not None and size < 1:
                raise ConfigError(f"a quota's {name} must be at least 1, not {size}")


class Used(NamedTuple):
    """What is held of a quota, in bytes."""

    host: int
    disk: int


class Room(NamedTuple):
    """What one more memory must find room in."""

    most: int | None  # bytes
    where: str
    code: str  # of the error that says there is none
    setting: str  # that makes more


class Quota:
    """Shares two sizes out among memories, so that no one is below its part for another's sake.

    Who needs less than an equal part lends the rest. Where all together would hold more, the one
    that holds most gives way until it holds no more than the others leave it: its blocks leave RAM
    where they are safe on disk, else they age sooner, as if its ladder had been made for what is
    left. Nobody is let in who would find no room for a block of each rung. What an answer under way
    still sees stays until it ends.

    `settle` is for the thread that writes the memories; anything else is for any thread.
    """

    def __init__(self, settings: QuotaSettings | None = None) -> None:
        self.settings = settings or QuotaSettings()
        self._members: tuple[Memory, ...] = ()  # replaced, never changed

    @property
    def used(self) -> Used:
        """Return what all hold now."""
        known = [(m, m.archive) for m in self._members if m.archive is not None]
        return Used(
            sum(in_ram(archive) for _, archive in known),
            sum(archive.ladder.nbytes for memory, archive in known if memory.keeper is not None),
        )

    @property
    def host_left(self) -> int | None:
        """Bytes of RAM that nobody holds; None where there is no limit."""
        most = self.settings.host_bytes
        return None if most is None else max(0, most - self.used.host)

    def admit(self, policy: Policy, layers: int, channels: int, *, kept: bool = False) -> None:
        """Raise `LimitError` where one more memory under `policy` has no room.

        It is `memory_full` where RAM has none, and `storage_full` where the disk has none for one
        that is `kept` there. A token has a key of so many channels, all heads together, in each of
        so many layers.
        """
        if policy.sealing is None:
            return
        rooms = [Room(self.settings.host_bytes, "RAM", "memory_full", "server_host_mb")]
        if kept:
            rooms.append(Room(self.settings.disk_bytes, "disk", "storage_full", "server_disk_mb"))
        for room in rooms:
            some = [m for m in self._members if room.where == "RAM" or m.keeper is not None]
            _admit(policy.sealing, (layers, channels), kept, room, some)

    def join(self, memory: Memory) -> None:
        """Share with one more memory, on its thread, or before it has one."""
        self._members = (*self._members, memory)
        memory.grown = lambda: self.settle(memory)
        if memory.archive is not None:
            memory.archive.grown = memory.grown

    def leave(self, memory: Memory) -> None:
        """Share with one memory less."""
        self._members = tuple(m for m in self._members if m is not memory)

    def settle(self, growing: Memory | None = None) -> None:
        """Let those give way that hold more than their part; `growing` is about to commit."""
        known = [(m, m.archive) for m in self._members if m.archive is not None]
        before = [archive.bounds() for _, archive in known]
        if (most := self.settings.disk_bytes) is not None:
            kept = [archive for memory, archive in known if memory.keeper is not None]
            _share(kept, most, _nbytes, _age)
        if (most := self.settings.host_bytes) is not None:
            _share([archive for _, archive in known], most, in_ram, _give_way)
        for (memory, archive), bounds in zip(known, before, strict=True):
            if memory is not growing:
                if archive.bounds() != bounds:
                    memory.publish()
                archive.trim()
            archive.tier.pack()


def _admit(
    sealing: Sealing, shape: tuple[int, int], kept: bool, room: Room, members: Sequence[Memory]
) -> None:
    """Raise `LimitError` where a room has none for one more, of so many layers and channels.

    Of those that are `kept` on disk, what every frame sees stays in RAM however little that is.
    """
    if room.most is None:
        return
    known = [m.archive for m in members if m.archive is not None]
    tokens = sealing.block_tokens or max(
        [sealing.least_tokens, *(archive.block_tokens for archive in known)]
    )
    layers, channels = shape
    sizes = [layers * rung.codec.row_bytes(1, channels, tokens) for rung in sealing.rungs]
    ram = room.where == "RAM"
    need = least_bytes(sizes, sealing.near // tokens if ram and kept else 0)
    begun = sum(
        least_bytes(archive.ladder.sizes, len(archive.newest()) if ram and archive.tier.disk else 0)
        for archive in known
    )
    if begun + need * (len(members) - len(known) + 1) > room.most:
        raise LimitError(
            f"the {len(members)} streams that are there share {room.most} bytes of {room.where} "
            f"for sealed blocks, and another one would need {need} at least; close a stream or "
            f"raise {room.setting}",
            code=room.code,
        )


def least_bytes(sizes: Sequence[int], near: int = 0) -> int:
    """Return what a ladder needs: a block of each rung's size, and room for the next one.

    Or it is what the `near` newest take, which stay.
    """
    return max(sum(sizes) + max(sizes), near * sizes[0])


def in_ram(archive: Archive) -> int:
    """Return the bytes of the blocks in RAM that were not let go."""
    return archive.ladder.nbytes - sum(archive.tier.away_bytes)


def _nbytes(archive: Archive) -> int:
    return archive.ladder.nbytes


def _share(
    archives: list[Archive],
    most: int,
    held: Callable[[Archive], int],
    bound: Callable[[Archive, int], None],
) -> None:
    """Bound archives to what the others leave of `most`, but to an equal part at least.

    A ladder holds a little less than it may, as its rungs hold whole blocks; that much of its part
    is not lent, or else who came first would keep it.
    """
    claims = {id(archive): held(archive) + 2 * sum(archive.ladder.sizes) for archive in archives}
    for archive in sorted(archives, key=held, reverse=True):
        before = held(archive)
        others = sum(claims.values()) - claims[id(archive)]
        bound(archive, max(most // len(archives), most - others))
        claims[id(archive)] += held(archive) - before


def _give_way(archive: Archive, most: int) -> None:
    """Let blocks leave RAM for the disk; where there is none, let them age."""
    if (disk := archive.tier.disk) is None:
        _age(archive, most)
    else:
        disk.limit = min(disk.own, most)
        archive.tier.trim()


def _age(archive: Archive, most: int) -> None:
    archive.ladder.bound(most)
    archive.age()
