"""The streams of one session: those that it feeds and those that it follows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from longwatch.errors import InputError, LongwatchError, NotFoundError, ProtocolError
from longwatch.serve.auth.principal import current
from longwatch.serve.auth.scopes import DISCARD, FOLLOW, PULL
from longwatch.serve.realtime import events
from longwatch.serve.realtime.messages import PullSource, asked_settings

if TYPE_CHECKING:
    from longwatch.serve.publishing.feeds import Feed
    from longwatch.serve.realtime.messages import StreamClose, StreamOpen
    from longwatch.serve.realtime.outbox import Outbox
    from longwatch.serve.service import Service
    from longwatch.serve.streams.settings import StreamSettings
    from longwatch.stream.ingest.ingest import Ingest

WRAP = 2**32  # sequence numbers start over there
FaultCallback = Callable[[LongwatchError, str], None]  # the error, and the stream that it is about


class PublishedStream(NamedTuple):
    """What a session feeds. The stream may get another publisher once this one has ended."""

    feed: Feed
    ingest: Ingest


class Streams:
    """Opens, follows and reports on streams. All on the event loop's thread."""

    def __init__(self, service: Service, outbox: Outbox, complain: FaultCallback) -> None:
        self._service = service
        self._outbox = outbox
        self._complain = complain  # of what a decoder's thread finds wrong
        self._loop = asyncio.get_running_loop()
        self.fed: dict[int, PublishedStream] = {}  # those that this session feeds, by handle
        self._followed: dict[str, Feed] = {}
        self._handles = 0
        self._received: dict[str, tuple[float, int]] = {}  # when, and how many by then

    @property
    def names(self) -> list[str]:
        """The streams of this session, those that it feeds first."""
        fed = [channel.feed.name for channel in self.fed.values()]
        return list(dict.fromkeys([*fed, *self._followed]))

    def open(self, request: StreamOpen) -> None:
        """Begin to feed a stream, and follow it.

        See `FeedRegistry.open` for what is raised, or `SourceManager.open` where it is fetched.
        """
        source = request.source
        settings = self._service.settings.stream.overridden(asked_settings(request.policy, source))
        if isinstance(source, PullSource):
            self._pull(request.stream, source, settings)
            return
        size = None
        if source.width is not None and source.height is not None:
            size = (source.width, source.height)
        feed, ingest = self._service.feeds.open(
            request.stream, source.format, settings, self._fault(request.stream), size
        )
        self._drop_channels(feed)  # one that had ended
        self._handles += 1
        self.fed[self._handles] = PublishedStream(feed, ingest)
        about = {"format": source.format, "fps": settings.fps}
        self._say(
            "lw.stream.opened",
            feed,
            handle=self._handles,
            accepted=about
            | feed.stream.settings.describe(self._service.engine.model.window_tokens),
            acked_seq=feed.acked_before,
        )
        self._follow(feed)

    def close_stream(self, request: StreamClose) -> None:
        """Stop feeding a stream; only its publisher may, or anybody when it has none.

        Raises:
            NotFoundError: there is no such stream.
            InputError: another connection feeds it (`publisher_taken`).
            ForbiddenError: its memory is to be discarded, which is for managers.
        """
        if request.discard_memory:
            current().require(DISCARD)
        feed = self._service.feeds.get(request.stream)
        pulls = self._service.sources.pulls(feed)
        if pulls:
            current().require(PULL)
        own = pulls or any(channel.ingest is feed.ingest for channel in self.fed.values())
        if feed.taken and not own:
            raise InputError(
                f"another connection feeds the stream {feed.name!r}; close it there",
                code="publisher_taken",
                param="stream",
            )
        self._drop_channels(feed)
        self._service.sources.forget(feed.name)
        following, before = feed.name in self._followed, feed.since
        feed.release("closed")
        if request.discard_memory:
            self._service.feeds.discard(feed.name)
        if not following or feed.since == before:  # we were not told as a follower
            self._tell_state(feed)

    def attach(self, name: str) -> None:
        """Follow a stream, or raise `NotFoundError`, or `ForbiddenError` without the scope."""
        current().require(FOLLOW)
        self._follow(self._service.feeds.get(name))

    def detach(self, name: str) -> None:
        """Stop following a stream, or raise `NotFoundError`."""
        if name not in self._followed:
            raise NotFoundError(
                f"this session is not attached to a stream {name!r}",
                code="stream_not_found",
                param="stream",
            )
        self._unfollow(self._followed[name])

    def report(self) -> None:
        """Send the statistics of all streams of this session; older unsent ones are replaced."""
        for feed in self._followed.values():
            self._report(feed)

    def release(self) -> None:
        """Feed no more, as the connection broke off; what was ended is still read to its end."""
        for handle, (feed, ingest) in list(self.fed.items()):
            if feed.ingest is ingest and feed.state != "ended":
                feed.release("publisher_left")
            if feed.ingest is not ingest:
                del self.fed[handle]

    def gap(self, feed: Feed, acked: int, came: int) -> None:
        """Tell the client that messages between two sequence numbers never came."""
        told = ProtocolError(
            f"after message {acked} of the stream {feed.name!r} came {came}; those "
            "between were lost, or the numbers do not count up by one",
            code="sequence_gap",
        )
        self._complain(told, feed.name)

    def acknowledge(self, feed: Feed) -> None:
        """Send statistics early, before the publisher runs out of credit."""
        if feed.name in self._followed:
            self._report(feed)

    def close(self) -> None:
        """Leave all streams; they wait for the next publisher."""
        for feed, ingest in self.fed.values():
            if feed.ingest is ingest:
                feed.release("publisher_left")
        self.fed.clear()
        for feed in list(self._followed.values()):
            self._unfollow(feed)

    def _report(self, feed: Feed) -> None:
        now, state = time.monotonic(), feed.json()
        before, count = self._received.get(feed.name, (now, state["received"]))
        self._received[feed.name] = (now, state["received"])
        rate = (state["received"] - count) / (now - before) if now > before else 0.0
        self._outbox.put_latest(
            feed.name, events.event("lw.stream.stats", **state, fps_in=round(rate, 3))
        )

    def _pull(self, name: str, source: PullSource, settings: StreamSettings) -> None:
        """Have the service fetch a stream, and follow it; it goes on when this session ends."""
        feed = self._service.sources.open(name, source.address(), settings)
        about = {"source": source.address().json(), "fps": settings.fps}
        about |= feed.stream.settings.describe(self._service.engine.model.window_tokens)
        self._say("lw.stream.opened", feed, handle=None, accepted=about)
        self._follow(feed)

    def _fault(self, name: str) -> Callable[[LongwatchError], None]:
        """Return what a decoder's thread tells its errors to."""

        def on_fault(error: LongwatchError) -> None:
            with suppress(RuntimeError):  # the loop is closed, and the client with it
                self._loop.call_soon_threadsafe(self._complain, error, name)

        return on_fault

    def _drop_channels(self, feed: Feed) -> None:
        for handle, channel in list(self.fed.items()):
            if channel.feed is feed:
                del self.fed[handle]

    def _follow(self, feed: Feed) -> None:
        self._followed[feed.name] = feed
        feed.watch(self._tell_state)
        self._tell_state(feed)

    def _unfollow(self, feed: Feed) -> None:
        feed.unwatch(self._tell_state)
        self._followed.pop(feed.name, None)
        self._received.pop(feed.name, None)

    def _tell_state(self, feed: Feed) -> None:
        about = {"state": feed.state, "reason": feed.reason, "since": feed.since, **feed.details}
        self._say("lw.stream.state", feed, **about)
        if feed.state == "ended" and feed.reason == "discarded":
            self._unfollow(feed)

    def _say(self, kind: str, feed: Feed, **fields: object) -> None:
        self._outbox.put(events.event(kind, stream=feed.name, epoch=feed.epoch, **fields))
