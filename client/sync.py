"""The client for programs without an event loop: the same names, each call blocks.

A thread of its own runs the asynchronous client. Any thread may call in, several at once.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from longwatch.client import client as asynchronous
from longwatch.errors import ClosedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator
    from types import TracebackType
    from typing import Self

    from longwatch.client.answer import Answer as AsyncAnswer
    from longwatch.client.answer import Evidence, Timing, Usage
    from longwatch.client.client import Picture
    from longwatch.client.options import Options, Sampling
    from longwatch.client.streams import Publisher as AsyncPublisher
    from longwatch.client.streams import StreamStats, StreamView
    from longwatch.client.watches import Firing
    from longwatch.client.watches import Watch as AsyncWatch

T = TypeVar("T")


def connect(url: str, **options: Unpack[Options]) -> Client:
    """Return a client of the service at `url`; it connects when it is entered with `with`."""
    return Client(asynchronous.connect(url, **options))


class Client:
    """See `longwatch.client.Client`."""

    def __init__(self, client: asynchronous.Client) -> None:
        self.asynchronous = client
        """The client beneath, for `run`: `client.run(push_file(client.asynchronous, ...))`."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Connect."""
        loop = asyncio.new_event_loop()
        self._loop = loop
        self._thread = threading.Thread(
            target=loop.run_forever, name="longwatch-client", daemon=True
        )
        self._thread.start()
        try:
            self.run(self.asynchronous.__aenter__())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection; calls under way end with `ClosedError`. Again does nothing."""
        if self._loop is not None:
            self.run(self.asynchronous.aclose())
            self._stop()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` on the client's own loop and return its result.

        Raises:
            ClosedError: this client is not open.
        """
        if self._loop is None:
            work.close()
            raise ClosedError("this client is not connected; use it in `with`")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:  # Ctrl-C, too, must not leave the work running
            future.cancel()
            raise

    def open_stream(self, stream: str, **options: Any) -> Publisher:
        """Open `stream` to feed it; the options are those of the asynchronous client."""
        return Publisher(self, self.run(self.asynchronous.open_stream(stream, **options)))

    def pull(self, url: str, *, stream: str, **source: Any) -> StreamView:
        """Have the service fetch `url` into `stream`; see `longwatch.client.Client.pull`."""
        return self.run(self.asynchronous.pull(url, stream=stream, **source))

    def close_stream(self, stream: str, *, discard_memory: bool = False) -> None:
        """Take `stream` off the server; what it remembers stays unless `discard_memory`."""
        self.run(self.asynchronous.close_stream(stream, discard_memory=discard_memory))

    def ask(
        self,
        question: str,
        *,
        stream: str | None = None,
        as_of: float | None = None,
        between: tuple[float, float] | None = None,
        max_tokens: int | None = None,
        **sampling: Unpack[Sampling],
    ) -> Answer:
        """Ask about what `stream` has shown; returns as soon as the answer begins."""
        options: dict[str, Any] = {"as_of": as_of, "between": between, "max_tokens": max_tokens}
        asked = self.asynchronous.ask(question, stream=stream, **options, **sampling)
        return Answer(self, self.run(asked))

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

    def ping(self) -> float:
        """Return the seconds of one round trip."""
        return self.run(self.asynchronous.ping())

    def streams(self) -> list[dict[str, Any]]:
        """Return what the server says of each of its streams."""
        return self.run(self.asynchronous.streams())

    def models(self) -> list[str]:
        """Return the names of the models that answer here."""
        return self.run(self.asynchronous.models())

    def picture(
        self, stream: str, time: float, *, within: float = 5.0, width: int | None = None
    ) -> Picture:
        """Return the picture nearest to `time`; see `longwatch.client.Client.picture`."""
        return self.run(self.asynchronous.picture(stream, time, within=within, width=width))

    def timeline(self, stream: str) -> dict[str, Any]:
        """Return what is held of a stream; see `longwatch.client.Client.timeline`."""
        return self.run(self.asynchronous.timeline(stream))

    def _stop(self) -> None:
        """Stop the loop and its thread."""
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


class Publisher:
    """See `longwatch.client.Publisher`."""

    def __init__(self, client: Client, publisher: AsyncPublisher) -> None:
        self._client = client
        self._publisher = publisher

    def __enter__(self) -> Self:
        """Return the publisher itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait until all that was sent is read, and leave the stream; after an error at once."""
        self._client.run(self._publisher.__aexit__(kind, error, trace))

    @property
    def stats(self) -> StreamStats | None:
        """The latest statistics; None until the first came."""
        return self._publisher.stats

    @property
    def accepted(self) -> dict[str, Any]:
        """The format, sampling rate and so on that the server settled on."""
        return self._publisher.accepted

    def send(self, payload: bytes, time: float, **marks: Any) -> None:
        """Send one picture or piece of video; waits while the server does not keep up."""
        self._client.run(self._publisher.send(payload, time, **marks))

    def end(self) -> None:
        """Say that nothing more will come."""
        self._client.run(self._publisher.end())

    def drain(self) -> StreamStats | None:
        """End the stream and wait until the server is through with it."""
        return self._client.run(self._publisher.drain())

    def close(self, *, discard_memory: bool = False) -> None:
        """Leave the stream to its next publisher; it is forgotten only with `discard_memory`."""
        self._client.run(self._publisher.close(discard_memory=discard_memory))


class Answer:
    """See `longwatch.client.Answer`."""

    def __init__(self, client: Client, answer: AsyncAnswer) -> None:
        self._client = client
        self._answer = answer

    def __iter__(self) -> Iterator[str]:
        """Yield the pieces of the text as they come."""
        pieces = aiter(self._answer)
        while (piece := self._client.run(_next(pieces))) is not None:
            yield piece

    def read(self) -> str:
        """Wait for the end and return the whole text."""
        return self._client.run(self._answer.read())

    def cancel(self) -> None:
        """Stop the answer; what has come in stays."""
        self._client.run(self._answer.cancel())

    @property
    def text(self) -> str:
        """The text that has come in so far."""
        return self._answer.text

    @property
    def as_of(self) -> float | None:
        """Seconds on the stream's clock of the newest frame that the answer may see."""
        return self._answer.as_of

    @property
    def status(self) -> str:
        """`in_progress`, then `completed`, `incomplete`, `cancelled` or `failed`."""
        return self._answer.status

    @property
    def timing(self) -> Timing | None:
        """Where the answer's time went, once it has ended."""
        return self._answer.timing

    @property
    def usage(self) -> Usage | None:
        """Tokens that the answer took, once it has ended."""
        return self._answer.usage

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The frames that the answer rests on, the most important first, once it has ended."""
        return self._answer.evidence

    @property
    def range(self) -> tuple[float, float] | None:
        """The stretch, in seconds, that frames were recalled from; None is the whole stream."""
        return self._answer.range

    @property
    def range_dropped(self) -> bool:
        """Whether a range was asked for, or said, of which no frame is held any more."""
        return self._answer.range_dropped


class Watch:
    """See `longwatch.client.Watch`."""

    def __init__(self, client: Client, watch: AsyncWatch) -> None:
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


async def _next(pieces: AsyncIterator[str]) -> str | None:
    """Return the next piece, or None at the end."""
    return await anext(pieces, None)
