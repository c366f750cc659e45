"""Pictures and video that come over one connection."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from longwatch.errors import FrameError, InputError, NotFoundError, ProtocolError
from longwatch.serve.realtime.hangup import Hangup
from longwatch.wire import VERSION, Flags, Kind, decode, image_format

if TYPE_CHECKING:
    from longwatch.serve.realtime.messages import FrameAppend
    from longwatch.serve.realtime.streams import Channel, Streams
    from longwatch.wire import Packet


class Frames:
    """Hands frames on to the streams that the session feeds, and never waits for them."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    def append(self, request: FrameAppend) -> None:
        """Take in a picture that came as base64.

        Raises:
            FrameError: it is not base64; whether it is a picture is found out later.
            NotFoundError: this connection does not feed the stream.
            InputError: several streams are open here and none is named (`stream_required`).
        """
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
        """
        channels = self._streams.fed
        if not channels:
            raise Hangup(
                1003,
                ProtocolError(
                    "binary data came and this connection feeds no stream; send lw.stream.open "
                    "first",
                    code="no_open_stream",
                ),
            )
        if message[:1] != bytes([VERSION]) and image_format(message) is not None:
            channel = self._only(None)
            channel.ingest.feed(message)
            return
        packet = decode(message)
        if packet.handle not in channels:
            raise ProtocolError(
                f"no stream on this connection has the handle {packet.handle}; take it from "
                "lw.stream.opened",
                code="unknown_handle",
            )
        _take(channels[packet.handle], packet)

    def _only(self, name: str | None) -> Channel:
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


def _take(channel: Channel, packet: Packet) -> None:
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
