"""Streams that the service fetches by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from longwatch.client.base import Blocking
from longwatch.client.view import StreamView

if TYPE_CHECKING:
    from longwatch.client.channel import Channel


class Pulling:
    """What a client can do with cameras that the service reaches."""

    _channel: Channel

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


class BlockingPulling(Blocking):
    """The same for programs without an event loop."""

    def pull(self, url: str, *, stream: str, **source: Any) -> StreamView:
        """Have the service fetch `url` into `stream`; see `longwatch.client.Client.pull`."""
        view: StreamView = self.run(self.asynchronous.pull(url, stream=stream, **source))
        return view
