"""What a stream showed: its pictures and its timeline."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import Response

from longwatch.errors import NotFoundError
from longwatch.memory.durable.thumbnail import narrowed
from longwatch.serve.api.timeline import past
from longwatch.wire import microseconds

if TYPE_CHECKING:
    from longwatch.serve.service import Service

AGE = 3600  # seconds that a browser may keep a picture, which never changes
Pts = Annotated[int, Path(ge=0, lt=2**63)]
Moment = Annotated[int, Query(ge=0, lt=2**63)]
Near = Annotated[int, Query(ge=0, le=86_400_000_000)]
Width = Annotated[int | None, Query(ge=16, le=4096)]  # pixels
Known = Annotated[str | None, Header(alias="If-None-Match")]


def routes(service: Service) -> APIRouter:
    """Return the routes to what was seen. They may wait for the disk, so they run on threads."""
    router = APIRouter()

    @router.get("/v1/streams/{name}/frames/{pts_us}.jpg", response_class=Response)
    def picture(
        name: str,
        pts_us: Pts,
        within_us: Near = 5_000_000,
        width: Width = None,
        known: Known = None,
    ) -> Response:
        """Return the picture nearest to a moment, at most `within_us` away, as a small JPEG.

        It is at most `width` pixels wide, and never wider than it was kept.
        """
        found = service.engine.stream(name).gallery.nearest(pts_us / 1e6)
        if found is None or abs(microseconds(found.time) - pts_us) > within_us:
            near = "none at all" if found is None else f"the nearest is {found.time:.3f} s"
            raise NotFoundError(
                f"there is no picture of {name!r} at {pts_us / 1e6:.3f} s ({near}); pictures of "
                "the past get sparse with age, so allow more with within_us",
                code="picture_gone",
                param="pts_us",
            )
        jpeg = found.jpeg if width is None else narrowed(found.jpeg, width)
        tag = f'"{blake2b(jpeg, digest_size=8).hexdigest()}"'
        headers = {
            "ETag": tag,
            "Cache-Control": f"private, max-age={AGE}",
            "X-Content-Type-Options": "nosniff",
            "X-Longwatch-Pts-Us": str(microseconds(found.time)),
        }
        if known == tag:
            return Response(status_code=304, headers=headers)
        return Response(jpeg, media_type="image/jpeg", headers=headers)

    @router.get("/v1/streams/{name}/timeline")
    def timeline(
        name: str,
        since: Annotated[Moment, Query(alias="from")] = 0,
        until: Annotated[Moment | None, Query(alias="to")] = None,
    ) -> dict[str, Any]:
        """Return what is held of the stretch `from` .. `to`, in microseconds."""
        end = float("inf") if until is None else until / 1e6
        found = past(service.engine.stream(name), since / 1e6, end)
        return {"stream": name, **found}

    return router
