"""Watches for programs without an event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from longwatch.client.base import Blocking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

    from longwatch.client.watches import Firing
    from longwatch.client.watches import Watch as AsyncWatch

T = TypeVar("T")


class Watching(Blocking):
    """What a client can do with watches; see `longwatch.client.watches.Watching`."""

    def watch_for(
        self, condition: str, *, stream: str | list[str] | None = None, **settings: Any
    ) -> Watch:
        """Let the server tell when `condition` comes true; iterate over what this returns."""
        made = self.asynchronous.watch_for(condition, stream=stream, **settings)
        return Watch(self, self.run(made))

    def watches(self) -> list[dict[str, Any]]:
        """Return what the server says of each of its watches."""
        return self.run(self.asynchronous.watches())

    def delete_watch(self, watch_id: str) -> None:
        """Forget a watch, whoever made it."""
        self.run(self.asynchronous.delete_watch(watch_id))


class Watch:
    """See `longwatch.client.Watch`."""

    def __init__(self, client: Watching, watch: AsyncWatch) -> None:
        self._client = client
        self._watch = watch

    def __enter__(self) -> Self:
        """Return the watch itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Forget it, unless the connection is gone."""
        self._client.run(self._watch.__aexit__(kind, error, trace))

    def __iter__(self) -> Iterator[Firing]:
        """Yield each firing as it comes, until the watch ends or is deleted."""
        while (firing := self._client.run(self._watch.next())) is not None:
            yield firing

    @property
    def id(self) -> str:
        """The watch's id on the server."""
        return self._watch.id

    @property
    def state(self) -> str:
        """`armed`, `fired`, `paused` or `ended`, as the server last said."""
        return self._watch.state

    def delete(self) -> None:
        """Forget the watch."""
        self._client.run(self._watch.delete())
