"""The page over HTTP: what is served, to whom, and what it may do."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import httpx
import pytest

from longwatch.serve.api.page import FOLDER, load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.page.conftest import Locked
    from tests.support.service import Live

MOST_BYTES = 100_000  # of a page that may have 150 kB
SCRIPTS = sorted(FOLDER.rglob("*.js"))


@pytest.fixture
def client(tiny: Live) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=tiny.url) as made:
        yield made


def test_the_page_s_files_have_types_and_a_policy_without_anything_inline(
    client: httpx.Client,
) -> None:
    for name in load():
        reply = client.get("/" if name == "index.html" else f"/page/{name}")
        assert reply.status_code == 200, name
        policy = reply.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["content-type"].split("/")[0] in {"text", "image", "font"}


def test_what_is_held_already_is_not_sent_again(client: httpx.Client) -> None:
    first = client.get("/page/longwatch.js")
    again = client.get("/page/longwatch.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["cache-control"] == "no-cache"


def test_files_are_packed_for_those_who_can_unpack_them(client: httpx.Client) -> None:
    plain = client.get("/", headers={"Accept-Encoding": "identity"})
    packed = client.get("/", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.text == packed.text


@pytest.mark.parametrize(
    "path", ["/page/", "/page/none.js", "/page/..%2Fconfig.py", "/page/../config.py", "/page/%00"]
)
def test_nothing_but_the_page_s_files_is_served(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_page_needs_no_key_where_all_else_does(locked: Locked) -> None:
    with httpx.Client(base_url=locked.live.url) as client:
        assert client.get("/").status_code == 200
        assert client.get("/page/longwatch.js").status_code == 200
        assert client.get("/v1/streams").status_code == 401
        assert client.post("/page/longwatch.js").status_code in {401, 405}


def test_the_page_is_small() -> None:
    parts = {name: part for name, part in load().items() if not name.endswith(".txt")}
    packed = sum(len(part.packed or part.body) for part in parts.values())
    assert packed < MOST_BYTES
    assert all(gzip.decompress(p.packed) == p.body for p in parts.values() if p.packed)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.relative_to(FOLDER).as_posix())
def test_a_script_is_short_and_inserts_text_as_text_alone(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 250
    assert text.startswith("/**")
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert way not in text


def test_the_page_names_no_other_host() -> None:
    for path in FOLDER.rglob("*"):
        if path.suffix in {".html", ".css", ".js"}:
            text = path.read_text()
            assert "https://" not in text.replace("https://www.w3.org", ""), path
            assert " style=" not in text, path
