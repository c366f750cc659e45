"""Sources by HTTP, from a real server: redirects, playlists, and where neither may lead."""

from __future__ import annotations

import base64
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from longwatch.errors import LongwatchError
from longwatch.stream.pull.address import parse_address
from longwatch.stream.pull.http import Fetcher
from longwatch.stream.pull.process import PullJob
from longwatch.stream.pull.rules import UrlPolicy
from longwatch.stream.pull.settings import PullSettings
from tests.support.media import clip
from tests.support.pull_rig import QUICK, pulled

if TYPE_CHECKING:
    from collections.abc import Iterator

RULES = UrlPolicy(hosts=("127.0.0.1",))


class Site(ThreadingHTTPServer):
    """Serves `pages`: path -> (status, content type, body, further headers)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages: dict[str, tuple[int, str, bytes, dict[str, str]]] = {}
        self.asked: list[tuple[str, str | None]] = []  # path and authorization

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def put(
        self, path: str, body: bytes = b"", status: int = 200, kind: str = "", **more: str
    ) -> None:
        self.pages[path] = (status, kind, body, more)


class Handler(BaseHTTPRequestHandler):
    """Answers from the site's pages."""

    server: Site

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Authorization"]))
        missing: tuple[int, str, bytes, dict[str, str]] = (404, "", b"", {})
        status, kind, body, more = self.server.pages.get(self.path, missing)
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[Site]:
    with _serving() as made:
        yield made


@contextmanager
def _serving() -> Iterator[Site]:
    with Site() as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        try:
            yield made
        finally:
            made.shutdown()
            thread.join()


def fetcher(url: str, rules: UrlPolicy = RULES) -> Fetcher:
    return Fetcher(PullJob(parse_address(url), rules, PullSettings(), None, 10_000, 0))


def code_of(url: str, rules: UrlPolicy = RULES) -> str:
    with pytest.raises(LongwatchError) as caught:
        fetcher(url, rules).open(url)
    return caught.value.code


def test_a_redirect_is_followed_and_judged(site: Site) -> None:
    site.put("/a", status=302, Location="/b")
    site.put("/b", b"hello", kind="Video/MP2T")
    body = fetcher(site.url).open(f"{site.url}/a")
    assert (body.read(100), body.read(100), body.kind) == (b"hello", b"", "video/mp2t")
    assert body.name == f"{site.url}/b"
    body.close()
    for place in ("http://169.254.169.254/latest", "http://127.0.0.2/", "file:///etc/passwd"):
        site.put("/c", status=307, Location=place)
        assert code_of(f"{site.url}/c") == "source_forbidden_url"
    site.put("/d", status=301, Location="/d")
    assert code_of(f"{site.url}/d") == "source_refused"
    assert code_of(f"{site.url}/a", UrlPolicy()) == "source_forbidden_url"


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "source_auth_failed"), (404, "source_not_found"), (503, "source_refused")],
)
def test_a_refusal_has_its_code(site: Site, status: int, code: str) -> None:
    site.put("/x", status=status)
    assert code_of(f"{site.url}/x") == code


def test_a_password_goes_to_the_source_s_own_host_alone(site: Site) -> None:
    with _serving() as other:
        site.put("/a", status=302, Location=f"{other.url}/b")
        other.put("/b", b"hello")
        fetcher(site.url.replace("//", "//user:hunter2@")).open(f"{site.url}/a").close()
        expected = "Basic " + base64.b64encode(b"user:hunter2").decode()
        assert site.asked == [("/a", expected)]
        assert other.asked == [("/b", None)]


def test_a_recording_by_http_is_played_at_its_pace_and_ends(site: Site) -> None:
    site.put("/clip.ts", clip("mpegts", count=40))
    with pulled(f"{site.url}/clip.ts", rules=RULES, fps=10.0) as source:
        source.until(lambda: len(source.told) > 2)
        assert source.states[:2] == [("connecting", None), ("online", None)]
        assert len(source.frames) >= 8


def test_a_playlist_is_played_over_its_pieces(site: Site) -> None:
    site.put("/0.ts", clip("mpegts", count=50))
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:2", "#EXTINF:2.0,", "0.ts", "#EXT-X-ENDLIST", ""]
    site.put("/live.m3u8", "\n".join(lines).encode(), kind="application/vnd.apple.mpegurl")
    with pulled(f"{site.url}/live.m3u8", rules=RULES, fps=10.0) as source:
        source.until_state("ended", "source_ended")
        assert len(source.frames) >= 8
        assert source.frames[-1].time > 1.0


@pytest.mark.parametrize(
    ("piece", "code"),
    [
        ("http://127.0.0.2:9/x.ts", "source_forbidden_url"),
        ("http://169.254.169.254/x.ts", "source_forbidden_url"),
        ("file:///etc/passwd", None),  # libav refuses it by itself
    ],
)
def test_a_playlist_leads_nowhere_that_is_forbidden(
    site: Site, piece: str, code: str | None
) -> None:
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:2", "#EXTINF:2.0,", piece, "#EXT-X-ENDLIST", ""]
    site.put("/live.m3u8", "\n".join(lines).encode())
    with pulled(f"{site.url}/live.m3u8", rules=RULES, settings=QUICK) as source:
        source.until_state("reconnecting", code)
        assert not source.frames
