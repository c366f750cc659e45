"""Who feeds which stream. A stream stays when its publisher leaves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from longwatch.errors import InputError, NotFoundError
from longwatch.serve.publishing.feed import Feed
from longwatch.stream.ingest.ingest import Ingest

if TYPE_CHECKING:
    from collections.abc import Callable

    from longwatch.errors import LongwatchError
    from longwatch.serve.engine.engine import Engine
    from longwatch.serve.streams.settings import StreamSettings
    from longwatch.stream.limits import MediaLimits


class Feeds:
    """All streams and their publishers."""

    def __init__(self, engine: Engine, limits: MediaLimits) -> None:
        self._engine = engine
        self._limits = limits
        self._feeds: dict[str, Feed] = {}

    def get(self, name: str) -> Feed:
        """Return the stream called `name`, whoever made it, or raise `NotFoundError`."""
        stream = self._engine.stream(name)
        feed = self._feeds.get(name)
        if feed is None or feed.stream is not stream:
            feed = self._feeds[name] = Feed(stream)
        return feed

    def all(self) -> list[Feed]:
        """Return all streams, oldest first."""
        return [self.get(stream.name) for stream in self._engine.streams()]

    def open(
        self,
        name: str,
        form: str,
        settings: StreamSettings,
        on_fault: Callable[[LongwatchError], None],
        size: tuple[int, int] | None = None,
    ) -> tuple[Feed, Ingest]:
        """Begin to feed a stream, new or left by its last publisher, with data of format `form`.

        An existing stream keeps its memory and how it was set up; `settings.fps` alone is the
        publisher's. `on_fault` is called on another thread. `size` is (width, height) of raw
        frames.

        Raises:
            InputError: somebody feeds it already (`publisher_taken`), or the format is unknown.
            LimitError: there are too many streams.
        """
        fresh = name not in (stream.name for stream in self._engine.streams())
        feed = self.take_up(name, settings)
        if feed.taken:
            raise InputError(
                f"the stream {name!r} is being fed already; attach to it, wait until its publisher "
                "leaves, or choose another name",
                code="publisher_taken",
                param="stream",
            )
        try:
            ingest = Ingest(
                form,
                fps=settings.fps,
                limits=self._limits,
                buffer=feed.stream.buffer,
                timeline=feed.stream.timeline,
                on_fault=on_fault,
                size=size,
            )
        except BaseException:
            if fresh:
                self._engine.close_stream(name)
            raise
        feed.leave("publisher_ended")
        feed.begin(ingest)
        return feed, ingest

    def discard(self, name: str) -> None:
        """Forget a stream and all it has seen."""
        feed = self.get(name)
        feed.leave("closed")
        self._engine.close_stream(name)
        del self._feeds[name]
        feed.change("ended", "discarded")

    async def close(self) -> None:
        """Let all publishers go, and wait for their threads."""
        for feed in self._feeds.values():
            feed.leave("closed")
        await asyncio.gather(*(feed.closed() for feed in self._feeds.values()))

    def take_up(self, name: str, settings: StreamSettings) -> Feed:
        """Return the stream called `name`, made with `settings` if there is none.

        Raises:
            InputError: the name is none (`invalid_name`), or there is no folder to keep it in.
            LimitError: there are too many streams.
        """
        try:
            return self.get(name)
        except NotFoundError:
            self._engine.open_stream(name, settings)
            return self.get(name)
