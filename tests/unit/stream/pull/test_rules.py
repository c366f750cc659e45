"""Which addresses may be fetched."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from longwatch.errors import ConfigError, InputError, SourceError
from longwatch.stream.pull.address import parse_address
from longwatch.stream.pull.rules import UrlPolicy
from tests.support.addresses import NEVER, SPELLINGS

if TYPE_CHECKING:
    from pathlib import Path


def refused(rules: UrlPolicy, url: str) -> bool:
    """Tell whether an address is refused, at once or when its name is known."""
    try:
        rules.resolve(parse_address(url))
    except InputError as error:
        return error.code == "source_forbidden_url"
    return False


@pytest.mark.parametrize("host", NEVER)
@pytest.mark.parametrize("scheme", ["rtsp", "http", "rtmp"])
def test_link_local_metadata_and_group_addresses_are_never_fetched(host: str, scheme: str) -> None:
    url = f"{scheme}://{host}/x"
    assert refused(UrlPolicy(), url)
    assert refused(UrlPolicy(hosts=("*", "0.0.0.0/0", "::/0")), url)


@pytest.mark.parametrize("host", SPELLINGS)
def test_a_forbidden_address_is_known_in_every_spelling(host: str) -> None:
    assert refused(UrlPolicy(hosts=("*",)), f"http://{host}/latest")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.7", "192.168.1.2", "[::1]"])
def test_cameras_may_be_near_and_http_may_not_unless_named(host: str) -> None:
    bare = host.strip("[]")
    assert not refused(UrlPolicy(), f"rtsp://{host}/x")
    assert refused(UrlPolicy(), f"http://{host}/x")
    assert not refused(UrlPolicy(hosts=(bare,)), f"http://{host}/x")


def test_a_list_of_hosts_lets_nothing_else_pass() -> None:
    rules = UrlPolicy(hosts=("cam.lan", "*.example.org", "192.168.1.0/24"))
    assert not refused(rules, "rtsp://192.168.1.9/x")
    assert refused(rules, "rtsp://192.168.2.9/x")
    assert refused(rules, "rtsp://127.0.0.1/x")
    assert refused(UrlPolicy(hosts=("cam.lan",)), "rtsp://localhost/x")


def test_all_that_a_name_resolves_to_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ["93.184.216.34", "169.254.169.254"]

    def lookup(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 554)) for ip in found]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    assert refused(UrlPolicy(), "rtsp://rebound.example/x")
    found.pop()
    assert UrlPolicy().resolve(parse_address("rtsp://rebound.example/x")) == "93.184.216.34"


def test_an_unknown_name_is_no_forbidden_one() -> None:
    with pytest.raises(SourceError) as caught:
        UrlPolicy().resolve(parse_address("rtsp://nowhere.invalid/x"))
    assert caught.value.code == "source_dns"


def test_files_lie_under_the_root_whatever_links_say(tmp_path: Path) -> None:
    root, outside = tmp_path / "clips", tmp_path / "secret.mp4"
    root.mkdir()
    outside.write_bytes(b"x")
    (root / "a.mp4").write_bytes(b"x")
    (root / "link.mp4").symlink_to(outside)
    rules = UrlPolicy(root=str(root))
    assert rules.file(parse_address("a.mp4")) == root / "a.mp4"
    assert rules.file(parse_address(f"file://{root}/a.mp4")) == root / "a.mp4"
    for name in (
        "../secret.mp4",
        "link.mp4",
        str(outside),
        f"file://{outside}",
        "/etc/passwd",
        "a\0b",
    ):
        with pytest.raises(InputError):
            rules.check(parse_address(name))
    with pytest.raises(InputError):
        UrlPolicy().check(parse_address("a.mp4"))


def test_cameras_of_the_server_are_closed_unless_opened() -> None:
    with pytest.raises(InputError):
        UrlPolicy().check(parse_address("camera:0"))
    UrlPolicy(cameras=True).check(parse_address("camera:0"))


def test_a_host_that_is_none_is_refused_as_a_setting() -> None:
    for host in ("", "http://x", "a/b"):
        with pytest.raises(ConfigError):
            UrlPolicy(hosts=(host,))
