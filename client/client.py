"""The asynchronous client: many streams and many answers over one connection."""

from __future__ import annotations

import json
import time
from itertools import count
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Unpack
from urllib.parse import quote

from longwatch.client.answer import Answer
from longwatch.client.options import Dialer, Sampling
from longwatch.client.reconnect import RECONNECT
from longwatch.client.session import Session, create_watch
from longwatch.client.streams import Publisher, StreamView
from longwatch.client.watches import Watch
from longwatch.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from types import TracebackType
    from typing import Self

    from longwatch.client.reconnect import Notice, Reconnect
    from longwatch.client.transport import Ca, Transport
    from longwatch.wire import Packet


LATEST = 1e12  # seconds; no clock of a stream says more


class Picture(NamedTuple):
    """A small JPEG of one frame."""

    time: float  # seconds on the stream's clock; that of the nearest picture that is kept
    jpeg: bytes


def connect(
    url: str,
    *,
    api_key: str | None = None,
    timeout: float = 30.0,
    ca: Ca = None,
    reconnect: Reconnect | None = RECONNECT,
    on_notice: Callable[[Notice], None] | None = None,
) -> Client:
    """Return a client of the service at `url`, such as `http://127.0.0.1:8090`.

    It connects when it is entered: `async with connect(url) as client: ...`. `timeout` is in
    seconds, for the connection and for each reply that is not an answer's text. `ca` is a PEM file
    of an authority to trust in place of the system's, or an SSL context. A connection that breaks
    off is tried again as `reconnect` says (None: it is not), and `on_notice` is told of it.
    """
    dialer = Dialer(url, api_key, timeout, ca)
    return Client(
        dialer.open, dialer.read, timeout=timeout, reconnect=reconnect, on_notice=on_notice
    )


class Client:
    """Feeds streams and asks about them; any number of each at the same time.

    One task reads the connection and hands every event to whom it concerns, so nothing that
    waits here keeps anything else waiting.
    """

    def __init__(
        self,
        opener: Callable[[Mapping[str, str]], Awaitable[Transport]],
        read: Callable[[str], Awaitable[tuple[bytes, dict[str, str]]]],
        *,
        timeout: float = 30.0,
        reconnect: Reconnect | None = None,
        on_notice: Callable[[Notice], None] | None = None,
    ) -> None:
        self.session: dict[str, Any] = {}
        """The session object of the server, as it came with `session.created`."""
        self.clock_offset = 0.0
        """Seconds that the server's clock is ahead of ours; `ping` measures it."""
        self._channel = Session(opener, timeout, reconnect, on_notice)
        self._router = self._channel.router
        self._read = read
        self._ids = count(1)

    async def __aenter__(self) -> Self:
        """Connect and wait for the session.

        Raises:
            ClosedError: nothing answers at the address.
            ServerError: the server refused us.
        """
        self.session = (await self._channel.open())["session"]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection; whatever still waits ends with `ClosedError`. Again: nothing."""
        await self._channel.aclose()

    @property
    def closed(self) -> bool:
        """Whether the connection is gone, by our doing or not."""
        return self._router.lost is not None

    async def open_stream(
        self,
        stream: str,
        *,
        format: str = "image",  # noqa: A002 - the name on the wire
        fps: float | None = None,
        policy: dict[str, Any] | None = None,
        **source: Any,
    ) -> Publisher:
        """Open `stream` to feed it, or take it up again where the last publisher left it.

        `format` is `image` (JPEG, PNG or WebP), `h264`, `hevc`, `mp4`, `webm`, `mpegts` or
        `raw_rgb`; `fps` is how many frames a second the model reads (0: every one, None: as the
        server is set); `policy` is what the server does when it cannot keep up (`queue`,
        `on_full`) and what it remembers (`memory`, `window_tokens`, ...). What else the source
        has (`width`, `height`) follows by name.

        Raises:
            ServerError: the server refused, for instance with code `publisher_taken`.
        """
        body = {"kind": "push", "format": format, **source}
        if fps is not None:
            body["fps"] = fps or None  # on the wire, every frame is null
        event: dict[str, Any] = {"type": "lw.stream.open", "stream": stream, "source": body}
        if policy:
            event["policy"] = policy
        opened = await self._channel.request(event, "lw.stream.opened", stream)
        limits = (self.session.get("lw") or {}).get("limits") or {}
        publisher = Publisher(
            self,
            opened,
            max_bytes=limits.get("max_message_bytes"),
            max_inflight=limits.get("max_inflight"),
        )
        publisher.opening = event
        self._router.views[stream] = publisher
        return publisher

    async def pull(
        self,
        url: str,
        *,
        stream: str,
        fps: float | None = None,
        transport: Literal["auto", "tcp", "udp"] = "auto",
        username: str | None = None,
        password: str | None = None,
        loop: bool = False,
        policy: dict[str, Any] | None = None,
    ) -> StreamView:
        """Have the service fetch `url` (rtsp, rtmp, http, HLS, a file of its own) into `stream`.

        It goes on when this client leaves, until `close_stream`. `fps` is how many frames a second
        the model reads (0: every one, None: as the server is set), `policy` as in `open_stream`,
        and `loop` plays a file again and again. The source may take a while to be reached: the
        view's `state` and `reason` tell.

        Raises:
            ServerError: the server refused, for instance with code `source_forbidden_url`.
        """
        given = {"transport": transport, "username": username, "password": password}
        source = {"kind": "pull", "url": url, "loop": loop, **given}
        body: dict[str, Any] = {k: v for k, v in source.items() if v is not None}
        if fps is not None:
            body["fps"] = fps or None  # on the wire, every frame is null
        event: dict[str, Any] = {"type": "lw.stream.open", "stream": stream, "source": body}
        if policy:
            event["policy"] = policy
        view = StreamView(stream)
        view.state = "connecting"
        views = self._channel.router.views
        before = views.get(stream)
        views[stream] = view  # at once, as news may follow on the heels of the reply
        try:
            await self._channel.request(event, "lw.stream.opened", stream)
        except BaseException:
            if before is None:
                del views[stream]
            else:
                views[stream] = before
            raise
        return view

    async def attach(self, stream: str) -> StreamView:
        """Follow the state and the statistics of a stream that someone else feeds.

        Raises:
            ServerError: there is no such stream (code `stream_not_found`).
        """
        event = {"type": "lw.stream.attach", "stream": stream}
        reply = await self._channel.request(event, "lw.stream.state", stream)
        view = self._router.views.setdefault(stream, StreamView(stream))
        view.take(reply)
        return view

    async def close_stream(self, stream: str, *, discard_memory: bool = False) -> None:
        """Stop feeding `stream`; the server forgets it only with `discard_memory`.

        Raises:
            ServerError: there is no such stream, or another connection feeds it.
        """
        event = {"type": "lw.stream.close", "stream": stream, "discard_memory": discard_memory}
        await self._channel.command(event)

    async def ask(
        self,
        question: str,
        *,
        stream: str | None = None,
        as_of: float | None = None,
        between: tuple[float, float] | None = None,
        max_tokens: int | None = None,
        instructions: str | None = None,
        conversation: Literal["auto", "none"] = "none",
        **sampling: Unpack[Sampling],
    ) -> Answer:
        """Ask about what `stream` has shown, and return the answer as soon as it begins.

        `as_of` is the moment, in seconds on the stream's clock, beyond which the answer sees
        nothing; None is now. `between` is the stretch that earlier frames are recalled from, in
        the same seconds; None leaves it to the question's words ("at 0:42", "in the last five
        minutes"). With `conversation="auto"` the answer knows this session's earlier questions of
        that kind, and there can be only one at a time.

        Raises:
            InputError: `as_of` or `between` are no moments of a stream.
            ServerError: the question was refused; nothing was asked.
            ClosedError: the connection is gone.
        """
        lw: dict[str, Any] = {**moment_fields(as_of, between), **sampling}
        tag = f"q{next(self._ids)}"
        answer = Answer(stream, self._cancel)
        message = {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": question}],
        }
        if stream is not None:
            lw["streams"] = [stream]
        response: dict[str, Any] = {
            "conversation": conversation,
            "metadata": {"lw_tag": tag},
            "output_modalities": ["text"],
            "max_output_tokens": max_tokens,
            "instructions": instructions,
            "lw": lw,
        }
        if conversation == "none":
            response["input"] = [message]
        else:
            item = {"id": tag, **message}
            event = {"type": "conversation.item.create", "item": item}
            await self._channel.request(event, "conversation.item.done", tag)
        body = {key: value for key, value in response.items() if value is not None}
        with self._router.await_answer(tag, answer):
            await self._channel.request(
                {"type": "response.create", "response": body}, "response.created", tag
            )
        return answer

    async def watch_for(
        self, condition: str, *, stream: str | list[str] | None = None, **settings: Any
    ) -> Watch:
        """Let the server tell when `condition`, such as "a dog appears", comes true.

        `stream` is a name, a pattern such as `door-*`, or several; None is every stream. The
        settings are those of the wire: `threshold`, `min_duration_s`, `cooldown_s`, `until`,
        `once`, `webhook`.

        Raises:
            ServerError: the server refused.
            ClosedError: the connection is gone.
        """
        event: dict[str, Any] = {"type": "lw.watch.create", "condition": condition, **settings}
        if stream is not None:
            event["streams"] = [stream] if isinstance(stream, str) else stream
        watch = Watch(self._channel, event)
        await create_watch(self._channel, watch)
        return watch

    async def watches(self) -> list[dict[str, Any]]:
        """Return what the server says of each of its watches."""
        listed = await self._channel.request({"type": "lw.watch.list"}, "lw.watch.listed", "")
        found: list[dict[str, Any]] = listed["watches"]
        return found

    async def delete_watch(self, watch_id: str) -> None:
        """Forget a watch, whoever made it; raises `ServerError` where there is no such watch."""
        event = {"type": "lw.watch.delete", "watch_id": watch_id}
        await self._channel.request(event, "lw.watch.deleted", watch_id)

    async def ping(self) -> float:
        """Return the seconds of one round trip, and set `clock_offset` by the way."""
        sent = time.time()
        clock = time.perf_counter()
        pong = await self._channel.request({"type": "lw.ping", "t": sent}, "lw.pong", str(sent))
        trip = time.perf_counter() - clock
        self.clock_offset = pong["server_time"] - (sent + trip / 2)
        return trip

    async def streams(self) -> list[dict[str, Any]]:
        """Return what the server says of each of its streams."""
        listed: list[dict[str, Any]] = await self._list("/v1/streams")
        return listed

    async def models(self) -> list[str]:
        """Return the names of the models that answer here."""
        return [model["id"] for model in await self._list("/v1/models")]

    async def picture(
        self, stream: str, time: float, *, within: float = 5.0, width: int | None = None
    ) -> Picture:
        """Return the picture nearest to `time`, in seconds, at most `within` seconds away.

        It is at most `width` pixels wide, 16 to 4096; it is kept small, and never made larger.

        Raises:
            ServerError: there is none (code `http_404`), or the server refused (`http_422`: the
                width).
            ClosedError: the service does not answer.
        """
        path = f"/v1/streams/{quote(stream, safe='')}/frames/{round(time * 1e6)}.jpg"
        narrow = "" if width is None else f"&width={width}"
        jpeg, headers = await self._read(f"{path}?within_us={round(within * 1e6)}{narrow}")
        return Picture(int(headers["x-longwatch-pts-us"]) / 1e6, jpeg)

    async def timeline(self, stream: str) -> dict[str, Any]:
        """Return what is held of a stream, stretch by stretch, as it stands on the wire.

        Raises:
            ServerError: there is no such stream, or the server refused.
            ClosedError: the service does not answer.
        """
        body, _ = await self._read(f"/v1/streams/{quote(stream, safe='')}/timeline")
        found: dict[str, Any] = json.loads(body)
        return found

    async def send_packet(self, packet: Packet) -> None:
        """Send one binary message; `Publisher.send` is the usual way."""
        await self._channel.send(packet.encode())

    async def _cancel(self, answer: Answer) -> None:
        await self._channel.notify({"type": "response.cancel", "response_id": answer.id})

    async def _list(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((await self._read(path))[0])["data"]
        return found


def moment_fields(as_of: float | None, between: tuple[float, float] | None) -> dict[str, Any]:
    """Return the fields of a question's `lw` object that say what it is about, and as of when.

    Raises:
        InputError: they are no moments of a stream, or the range ends before it begins.
    """
    fields: dict[str, Any] = {"as_of": "now" if as_of is None else _moment(as_of, "as_of")}
    if between is not None:
        start, end = (_moment(seconds, "between") for seconds in between)
        if end < start:
            raise InputError(
                f"the range from {between[0]} s to {between[1]} s ends before it begins; swap them",
                param="between",
            )
        fields["range"] = {"from": start, "to": end}
    return fields


def _moment(seconds: float, name: str) -> int:
    if not 0 <= seconds <= LATEST:
        raise InputError(
            f"{name} is {seconds} s; it must be a moment on the stream's clock, which starts at 0",
            param=name,
        )
    return round(seconds * 1e6)
