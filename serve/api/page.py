"""The page that the service shows in a browser, and its JavaScript client.

The files are in the package; nothing of them is anybody's, so that they need no key.
"""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from longwatch.serve.service import Service

FOLDER = Path(__file__).resolve().parents[1] / "page"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
POLICY = (  # what the page may load and do: what is the service's own, and nothing inline
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
    "img-src 'self' blob:; media-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Cache-Control": "no-cache",  # asked for anew, so that it is the version of the service
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "camera=(self), display-capture=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}
PACKED = {".woff2"}  # are small already


class Part(NamedTuple):
    """One file of the page."""

    body: bytes
    packed: bytes | None  # the same with gzip
    headers: dict[str, str]


def routes(_: Service) -> APIRouter:
    """Return the routes of the page: `/` and what it loads from `/page/`."""
    router = APIRouter(include_in_schema=False)
    parts = load()

    @router.api_route("/", methods=["GET", "HEAD"])
    async def index(request: Request) -> Response:
        return _serve(request, parts["index.html"])

    @router.api_route("/page/{name:path}", methods=["GET", "HEAD"])
    async def part(name: str, request: Request) -> Response:
        if name not in parts:
            raise HTTPException(404, f"the page has no file {name[:80]!r}")
        return _serve(request, parts[name])

    return router


def load() -> dict[str, Part]:
    """Return the page's files by their path, all of them in memory: they are small."""
    return {
        path.relative_to(FOLDER).as_posix(): _part(path)
        for path in sorted(FOLDER.rglob("*"))
        if path.suffix in TYPES
    }


def _part(path: Path) -> Part:
    body = path.read_bytes()
    tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    packed = None if path.suffix in PACKED else gzip.compress(body, mtime=0)
    return Part(body, packed, {**HEADERS, "Content-Type": TYPES[path.suffix], "ETag": tag})


def _serve(request: Request, part: Part) -> Response:
    if request.headers.get("if-none-match") == part.headers["ETag"]:
        return Response(None, 304, part.headers)
    if part.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(part.packed, 200, {**part.headers, "Content-Encoding": "gzip"})
    return Response(part.body, 200, part.headers)
