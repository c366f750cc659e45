"""Pictures and video that come over one connection."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING

from longwatch.errors import FrameError, InputError, LimitError, NotFoundError, ProtocolError
from longwatch.serve.auth.principal import current
from longwatch.serve.auth.scopes import BINARY
from longwatch.serve.protocol.errors import CloseConnection
from longwatch.serve.realtime.streams import WRAP
from longwatch.wire import VERSION, Flags, Kind, decode, image_format

if TYPE_CHECKING:
    from longwatch.serve.auth.limits import RateLimiter
    from longwatch.serve.realtime.messages import FrameAppend
    from longwatch.serve.realtime.streams import PublishedStream, Streams
    from longwatch.wire import Packet

TOLD_SECONDS = 1.0


class FrameReceiver:
    """Hands frames on to the streams that the session feeds, and never waits for them."""

    def __init__(self, streams: Streams, allowance: RateLimiter, credit: int = 256) -> None:
        self._streams = streams
        self._credit = credit  # messages that a publisher may have under way
        self._acked: dict[int, int] = {}  # handle -> the sequence number that was told of early
        self._allowance = allowance
        self._told = 0.0  # when we last said that too many pictures come, on the monotonic clock

    def append(self, request: FrameAppend) -> None:
        """Take in a picture that came as base64.

        Raises:
            FrameError: it is not base64; whether it is a picture is found out later.
            NotFoundError: this connection does not feed the stream.
            InputError: several streams are open here and none is named (`stream_required`).
            LimitError: more pictures come than the key or the session may send.
        """
        self._allowance.take("frames")
        channel = self._only(request.stream)
        encoded = request.image.partition(",")[2] if request.image[:5] == "data:" else request.image
        try:
            payload = base64.b64decode(encoded, validate=True)
        except ValueError:
            raise FrameError(
                "the image is not base64; send the bytes of a JPEG, PNG or WebP file, encoded",
                param="image",
            ) from None
        pts = None if request.pts_us is None else request.pts_us / 1e6
        channel.ingest.feed(payload, pts, captured_at=request.captured_at)

    def binary(self, message: bytes) -> None:
        """Take in a binary message: a packet, or a bare picture where that is clear enough.

        Raises:
            Hangup: no stream is open on this connection.
            ProtocolError: the header is wrong, or its handle is not one of this connection.
            ClosedError: the stream was ended or discarded.
            LimitError: more pictures come than the key or the session may send; not more than
                once a second, for each of them it would add to the load.
            ForbiddenError: the key is not for publishing.
        """
        current().require(BINARY)
        channels = self._streams.fed
        if not channels:
            raise CloseConnection(
                1003,
                ProtocolError(
                    "binary data came and this connection feeds no stream; send lw.stream.open "
                    "first",
                    code="no_open_stream",
                ),
            )
        if message[:1] != bytes([VERSION]) and image_format(message) is not None:
            channel = self._only(None)
            if self._may_take_picture():
                channel.ingest.feed(message)
            return
        packet = decode(message)
        if packet.handle not in channels:
            raise ProtocolError(
                f"no stream on this connection has the handle {packet.handle}; take it from "
                "lw.stream.opened",
                code="unknown_handle",
            )
        # What is missing of a video spoils what follows, so that its bytes alone are limited.
        if packet.kind is not Kind.IMAGE or self._may_take_picture():
            self._take(channels[packet.handle], packet)

    def _take(self, channel: PublishedStream, packet: Packet) -> None:
        """Take in a packet, tell of a gap before it, and of its number in good time."""
        acked = channel.feed.acked
        _take(channel, packet)
        if acked is not None and packet.sequence != (acked + 1) % WRAP:
            self._streams.gap(channel.feed, acked, packet.sequence)
        told = self._acked.setdefault(packet.handle, packet.sequence)
        if 2 * ((packet.sequence - told) % WRAP) >= self._credit:
            self._acked[packet.handle] = packet.sequence
            self._streams.acknowledge(channel.feed)

    def _may_take_picture(self) -> bool:
        """Take a picture from the allowance; tell whether it was there."""
        try:
            self._allowance.take("frames")
        except LimitError:
            now = time.monotonic()
            if now - self._told < TOLD_SECONDS:
                return False
            self._told = now
            raise
        return True

    def _only(self, name: str | None) -> PublishedStream:
        """Return the stream that a picture without a handle is for."""
        fed = [c for c in self._streams.fed.values() if name in (None, c.feed.name)]
        if len(fed) == 1:
            return fed[0]
        if fed:
            raise InputError(
                "several streams are open on this connection; name one, or send binary messages "
                "with a header",
                code="stream_required",
                param="stream",
            )
        raise NotFoundError(
            f"this connection does not feed {'a stream' if name is None else repr(name)}; send "
            "lw.stream.open first",
            code="stream_not_found",
            param="stream",
        )


def _take(channel: PublishedStream, packet: Packet) -> None:
    feed, ingest = channel
    if packet.kind is not Kind.END:
        captured = packet.captured_at_us
        ingest.feed(
            packet.payload,
            packet.pts_us / 1e6,
            epoch=packet.kind is Kind.EPOCH,
            discontinuity=bool(packet.flags & Flags.DISCONTINUITY),
            captured_at=None if captured is None else captured / 1e6,
        )
    elif feed.ingest is ingest:
        feed.end()
    if feed.ingest is ingest:
        feed.acked = packet.sequence
