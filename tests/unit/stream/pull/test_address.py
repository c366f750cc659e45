"""Addresses of sources, and that their credentials show nowhere."""

from __future__ import annotations

import pytest

from longwatch.errors import InputError
from longwatch.stream.pull.address import parse_address, redact

SECRET = "p@ss:w/rd"


@pytest.mark.parametrize(
    ("given", "url", "kind"),
    [
        ("rtsp://cam:8554/a?b=c", "rtsp://cam:8554/a?b=c", "rtsp"),
        ("RTSPS://cam/a", "rtsps://cam/a", "rtsp"),
        ("rtmp://host/live/x", "rtmp://host/live/x", "rtmp"),
        ("https://[2001:db8::1]:444/x.m3u8", "https://[2001:db8::1]:444/x.m3u8", "http"),
        ("clips/a.mp4", "file:clips/a.mp4", "file"),
        ("file:///clips/a%20b.mp4", "file:/clips/a b.mp4", "file"),
        ("camera:0", "camera:0", "camera"),
    ],
)
def test_an_address_is_of_its_kind(given: str, url: str, kind: str) -> None:
    address = parse_address(given)
    assert (address.url, address.kind) == (url, kind)


@pytest.mark.parametrize(
    "given",
    [
        "concat:a|b",
        "subfile,,start,0,end,9,,:/etc/passwd",
        "pipe:0",
        "data:text/plain,x",
        "gopher://x/",
        "ftp://x/a",
        "crypto:file:a",
        "tcp://127.0.0.1:1",
        "async:http://x/",
    ],
)
def test_other_kinds_of_address_are_refused(given: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_address(given)
    assert caught.value.code == "source_forbidden_url"


@pytest.mark.parametrize(
    "given",
    ["rtsp://", "rtsp://a:b:c/", "rtsp://[::1/x", "rtsp://h:99999/", "http://a b/", "camera:x"],
)
def test_a_malformed_address_is_refused(given: str) -> None:
    with pytest.raises(InputError):
        parse_address(given)


def test_options_that_do_not_fit_are_refused() -> None:
    for options in (
        {"url": "rtsp://h/", "transport": "ftp"},
        {"url": "rtsp://h/", "loop": True},
        {"url": "a.mp4", "password": "x"},
    ):
        with pytest.raises(InputError):
            parse_address(**options)


def test_credentials_are_taken_out_of_the_url_and_go_to_libav_alone() -> None:
    address = parse_address("rtsp://user:p%40ss%3Aw%2Frd@cam:8554/a")
    assert (address.username, address.password) == ("user", SECRET)
    assert address.url == address.shown == "rtsp://cam:8554/a"
    assert address.with_credentials() == "rtsp://user:p%40ss%3Aw%2Frd@cam:8554/a"
    assert address.with_credentials("10.0.0.7") == "rtsp://user:p%40ss%3Aw%2Frd@10.0.0.7:8554/a"
    shown = f"{address!r} {address.json()}"
    assert not any(secret in shown for secret in ("p%40ss", SECRET, "user:"))


def test_credentials_beside_the_url_win() -> None:
    address = parse_address("rtsp://a:b@cam/", username="c", password="d")
    assert (address.username, address.password) == ("c", "d")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://u:hunter2@h/x", "rtsp://***@h/x"),
        ("open 'http://u@h/' failed", "open 'http://***@h/' failed"),
        ("rtsp://h/x?channel=1&password=hunter2&y=2", "rtsp://h/x?channel=1&password=***&y=2"),
        (
            "rtsp://h/user=admin_password=hunter2_channel=1",
            "rtsp://h/user=***_password=***_channel=1",
        ),
        ("http://h/x?Token=hunter2", "http://h/x?Token=***"),
    ],
)
def test_what_is_shown_holds_no_credentials(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_what_is_shown_holds_no_secret_that_is_known() -> None:
    address = parse_address("rtsp://user:p%40ss%3Aw%2Frd@cam:8554/a")
    told = redact("failed: p@ss:w/rd, p%40ss%3Aw%2Frd", address.secrets)
    assert told == "failed: ***, ***"
