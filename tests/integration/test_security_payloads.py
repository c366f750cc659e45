"""Bodies and pictures that are made to cost more than they seem to."""

from __future__ import annotations

import gzip
import os
import struct
import time
import zlib
from io import BytesIO
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from longwatch.errors import FrameError, LongwatchError
from longwatch.stream.decoding.images import decode_image
from longwatch.stream.limits import MediaLimits
from longwatch.wire import Kind, Packet, decode
from tests.support import peer as p
from tests.support.media import clip, still

if TYPE_CHECKING:
    from tests.support.service import Live

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "300"))


def png_of(width: int, height: int) -> bytes:
    """Return a small file that says that it is a large picture, and is one of zeros."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))
        )

    head = struct.pack("!IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(min(width * height, 1 << 26)), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def jpeg_of(scans: int) -> bytes:
    """Return a progressive JPEG whose last scan is there again and again."""
    out = BytesIO()
    grey = np.full((1080, 1920, 3), 127, np.uint8)
    Image.fromarray(grey).save(out, "jpeg", progressive=True)
    data = out.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * scans + data[-2:]


BOMBS = {
    "png": png_of(60_000, 60_000),
    "png_wide": png_of(2**31 - 1, 1),
    "png_zero": png_of(0, 0),
    "jpeg_size": still(1).replace(struct.pack("!HH", 120, 160), b"\xff\xff\xff\xff", 1),
    "jpeg_scans": jpeg_of(2000),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_without_being_decoded(name: str) -> None:
    begun = time.process_time()
    with pytest.raises(FrameError):
        decode_image(BOMBS[name], MediaLimits())
    assert time.process_time() - begun < 2  # the scans alone would take several


def test_a_progressive_picture_of_an_ordinary_encoder_is_taken() -> None:
    assert decode_image(jpeg_of(0), MediaLimits()).shape == (1080, 1920, 3)


async def test_bombs_spoil_nothing_for_the_pictures_after_them(tiny: Live, name: str) -> None:
    async with p.connect(tiny.url) as peer:
        handle = await peer.open(name)
        for i, bomb in enumerate(BOMBS.values()):
            await peer.send(Packet(Kind.IMAGE, handle, i, i * 1000, bomb).encode())
        await peer.push(handle, range(5, 8), used=3)
        stats = await peer.until("lw.stream.stats")
        assert stats["dropped"]["decode"] + stats["dropped"]["size"] == len(BOMBS)


async def test_a_packed_body_is_refused_unopened(tiny: Live) -> None:
    packed = gzip.compress(bytes(1 << 24))
    async with httpx.AsyncClient(base_url=tiny.url) as client:
        for encoding in ("gzip", "deflate", "br", "zstd", "gzip, identity"):
            reply = await client.post(
                "/v1/chat/completions", content=packed, headers={"Content-Encoding": encoding}
            )
            assert reply.status_code == 415
            assert reply.json()["error"]["code"] == "unsupported_encoding"


async def test_a_body_is_bounded_whether_it_says_its_length_or_not(tiny: Live) -> None:
    most = tiny.settings.max_message_bytes

    async def pieces(count: int) -> object:
        for _ in range(count):
            yield bytes(1 << 16)

    async with httpx.AsyncClient(base_url=tiny.url) as client:
        for path in ("/v1/chat/completions", "/v1/watches"):
            told = await client.post(path, content=bytes(most + 1))
            assert (told.status_code, told.json()["error"]["code"]) == (413, "message_too_large")
            told = await client.post(path, content=pieces((most >> 16) + 2))  # type: ignore[arg-type]
            assert told.status_code == 413


PICTURES = [still(1), clip("mp4", count=2, fps=2), clip("mpegts", count=2, fps=2)]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Draw a picture or a clip of which some bytes are others, or missing, or there twice."""
    data = bytearray(draw(st.sampled_from([*PICTURES, png_of(8, 8)])))
    for _ in range(draw(st.integers(0, 8))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 16))] = draw(st.binary(max_size=16))
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


@settings(
    max_examples=EXAMPLES,
    derandomize=EXAMPLES == 300,  # a longer search is a new one each time
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(damaged(), st.binary(max_size=40))
def test_a_picture_and_a_header_are_taken_or_refused_and_nothing_else(
    payload: bytes, head: bytes
) -> None:
    limits = MediaLimits(max_pixels=1 << 20)
    try:
        image = decode_image(payload, limits)
    except LongwatchError:
        pass
    else:
        assert image.ndim == 3
        assert image.shape[0] * image.shape[1] <= limits.max_pixels
    for message in (head, b"\x01" + head, head[:28] + payload):
        try:
            packet = decode(message)
        except LongwatchError:
            continue
        assert len(packet.payload) <= len(message)
