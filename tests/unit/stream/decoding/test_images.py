"""Pictures: every kind that phones and programs write, and everything that is none."""

from __future__ import annotations

import io
import random
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from longwatch.errors import ConfigError, FrameError
from longwatch.stream.decoding.images import decode_image
from longwatch.stream.limits import MediaLimits
from tests.support import media

LIMITS = MediaLimits()
FORMS = ["jpeg", "png", "webp"]


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


@pytest.mark.parametrize("form", FORMS)
def test_a_picture_comes_out_as_it_went_in(form: str) -> None:
    image = decode_image(media.still(77, form), LIMITS)
    assert image.shape == (media.HEIGHT, media.WIDTH, 3)
    assert image.dtype == np.uint8
    assert image.flags.writeable
    assert media.read_number(image) == 77
    if form == "png":
        assert np.array_equal(image, media.picture(77))


@pytest.mark.parametrize(
    ("form", "mode"),
    [("jpeg", mode) for mode in ("L", "1", "CMYK", "YCbCr")]
    + [("png", mode) for mode in ("L", "1", "P", "LA", "RGBA", "I;16")]
    + [("webp", mode) for mode in ("L", "P", "RGBA")],
)
def test_any_mode_becomes_rgb(form: str, mode: str) -> None:
    image = Image.fromarray(media.picture(9)).convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image, np.uint16) * 257)
    result = decode_image(encoded(image, form), LIMITS)
    assert result.shape == (media.HEIGHT, media.WIDTH, 3)
    assert media.read_number(result) == 9


def test_what_is_transparent_is_white() -> None:
    rgba = np.zeros((20, 20, 4), np.uint8)
    rgba[:10] = (255, 0, 0, 255)
    result = decode_image(encoded(Image.fromarray(rgba), "png"), LIMITS)
    assert (result[:10] == (255, 0, 0)).all()
    assert (result[10:] == 255).all()


def test_a_photo_stands_upright() -> None:
    upright = Image.fromarray(media.picture(5))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to show
    lying = upright.transpose(Image.Transpose.ROTATE_90)
    result = decode_image(encoded(lying, "jpeg", quality=95, exif=exif), LIMITS)
    assert result.shape == (media.HEIGHT, media.WIDTH, 3)
    assert media.read_number(result) == 5


def test_of_an_animation_the_first_picture_is_seen() -> None:
    stills = [Image.fromarray(media.picture(k)) for k in (3, 4)]
    payload = encoded(stills[0], "webp", save_all=True, append_images=stills[1:])
    assert media.read_number(decode_image(payload, LIMITS)) == 3


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
def test_a_cut_picture_is_undecodable(form: str, part: float) -> None:
    payload = media.still(1, form)
    with pytest.raises(FrameError) as caught:
        decode_image(payload[: int(len(payload) * part)], LIMITS)
    assert caught.value.code == "frame_undecodable"


@pytest.mark.parametrize("payload", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP"])
def test_a_picture_without_a_header_is_refused_in_words(payload: bytes) -> None:
    with pytest.raises(FrameError) as caught:
        decode_image(payload, LIMITS)
    assert caught.value.code == "frame_undecodable"
    assert "object at" not in str(caught.value)


@pytest.mark.parametrize("payload", [b"", b"\x00" * 99, b"GIF89a" + b"\0" * 50, b"<svg/>"])
def test_what_is_no_known_picture_is_named_so(payload: bytes) -> None:
    with pytest.raises(FrameError) as caught:
        decode_image(payload, LIMITS)
    assert caught.value.code == "unsupported_format"


@pytest.mark.parametrize("form", FORMS)
def test_a_picture_too_large_is_refused_before_it_is_decoded(form: str) -> None:
    size = (16000, 16000) if form == "png" else (3000, 3000)
    payload = encoded(Image.new("1" if form == "png" else "L", size), form)
    with pytest.raises(FrameError) as caught:
        decode_image(payload, MediaLimits(max_pixels=1000 * 1000))
    assert caught.value.code == "frame_too_large"


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(FrameError) as caught:
        decode_image(media.still(0), MediaLimits(max_message_bytes=100))
    assert caught.value.code == "frame_too_large"


@pytest.mark.parametrize("form", FORMS)
def test_damage_gives_a_picture_or_a_frame_error(form: str) -> None:
    rng = random.Random(form)
    whole = media.still(50, form)
    for _ in range(150):
        payload = bytearray(whole)
        for _ in range(rng.randrange(1, 8)):
            payload[rng.randrange(len(payload))] = rng.randrange(256)
        try:
            image = decode_image(bytes(payload), LIMITS)
        except FrameError:
            continue
        assert image.ndim == 3


@pytest.mark.parametrize("name", ["max_pixels", "idle_s", "parse_bytes", "probe_bytes"])
def test_limits_are_above_zero(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        MediaLimits(**{name: 0})


def test_the_queue_holds_at_least_a_message() -> None:
    with pytest.raises(ConfigError, match="queue_bytes"):
        MediaLimits(max_message_bytes=10, queue_bytes=9)


def test_sizes_that_were_refused_leave_nothing_behind() -> None:
    """Pillow would warn at every other one of these, and remember each warning for good."""
    for width in range(9000, 9016):
        payload = bytearray(media.still(1, "png"))
        payload[16:24] = width.to_bytes(4, "big") + (12000).to_bytes(4, "big")
        payload[29:33] = zlib.crc32(payload[12:29]).to_bytes(4, "big")
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            with pytest.raises(FrameError, match=f"{width}x12000 pixels"):
                decode_image(bytes(payload), LIMITS)
        assert warned == []
