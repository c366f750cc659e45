"""One answer, as it comes in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from longwatch.errors import LongwatchError, ServerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


@dataclass(frozen=True, slots=True)
class Timing:
    """Where an answer's time went in the server, in milliseconds; None: it did not come to that."""

    queue_ms: float | None
    prefill_ms: float | None
    ttft_ms: float | None
    total_ms: float | None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that an answer took."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """A frame that an answer rests on."""

    time: float  # seconds on the stream's clock
    score: float | None  # share of what was recalled, 0 to 1; None of a frame at hand
    why: str  # `recalled` or `at_hand`
    url: str = ""  # of its picture, as a path of the service; see `Client.picture`


class Answer:
    """The answer to one question; iterate over it for its text, piece by piece.

    Each iteration starts at the first piece, and ends when the answer does. An answer that fails,
    or whose connection is lost, raises after the pieces that did come. Leaving the loop early
    does not stop the server: call `cancel` for that.
    """

    def __init__(self, stream: str | None, cancel: Callable[[Answer], Awaitable[None]]) -> None:
        self.stream = stream
        """The stream that was asked about, or None where the server chose it."""
        self.id = ""
        """The response's id on the server."""
        self.as_of: float | None = None
        """Seconds on the stream's clock of the newest frame that the answer may see."""
        self.status = "in_progress"
        """`in_progress`, then `completed`, `incomplete`, `cancelled` or `failed`."""
        self.reason: str | None = None
        """Why it ended, in the server's word: `stop`, `max_output_tokens`, an error's code, ..."""
        self.timing: Timing | None = None
        self.usage: Usage | None = None
        self.evidence: tuple[Evidence, ...] = ()
        """The frames that it rests on, the most important first; known at its end."""
        self.range: tuple[float, float] | None = None
        """The stretch, in seconds, that frames were recalled from; None is the whole stream."""
        self.range_dropped = False
        """Whether a range was asked for, or said, of which no frame is held any more."""
        self._cancel = cancel
        self._pieces: list[str] = []
        self._error: LongwatchError | None = None
        self._news = asyncio.Event()

    @property
    def text(self) -> str:
        """The text that has come in so far."""
        return "".join(self._pieces)

    @property
    def done(self) -> bool:
        """Whether no more text will come."""
        return self.status != "in_progress"

    async def __aiter__(self) -> AsyncIterator[str]:
        """Yield the pieces of the text as they come."""
        shown = 0
        while True:
            news = self._news  # taken first, so that nothing between is missed
            while shown < len(self._pieces):
                yield self._pieces[shown]
                shown += 1
            if self.done:
                break
            await news.wait()
        if self._error is not None:
            raise self._error

    async def read(self) -> str:
        """Wait for the end and return the whole text.

        Raises:
            ServerError: the answer failed; the code is the server's own.
            ClosedError: the connection was lost first.
        """
        async for _ in self:
            pass
        return self.text

    async def cancel(self) -> None:
        """Stop the answer; what has come in stays. On an ended answer it does nothing."""
        if not self.done:
            await self._cancel(self)

    # The client's reader calls what follows.

    def begin(self, response: dict[str, Any]) -> None:
        """Take in `response.created`'s response object."""
        self.id = response["id"]
        self._take(response.get("lw") or {})
        self._tell()

    def push(self, piece: str) -> None:
        """Take in the next piece of text."""
        self._pieces.append(piece)
        self._tell()

    def finish(self, response: dict[str, Any]) -> None:
        """Take in `response.done`'s response object."""
        self._take(response.get("lw") or {})
        details = response.get("status_details") or {}
        self.reason = details.get("reason")
        usage = response.get("usage")
        if usage:
            self.usage = Usage(usage.get("input_tokens", 0), usage.get("output_tokens", 0))
        self.status = response.get("status", "completed")
        if self.status == "failed":
            error = details.get("error") or {}
            self.reason = self.reason or error.get("code")
            self._error = ServerError(
                error.get("message") or "the server could not finish the answer; ask again",
                code=error.get("code") or "internal",
                kind=error.get("type") or "server_error",
            )
        self._tell()

    def fail(self, error: LongwatchError) -> None:
        """End the answer with `error`, unless it has ended."""
        if not self.done:
            self.status, self.reason, self._error = "failed", error.code, error
            self._tell()

    def _take(self, lw: dict[str, Any]) -> None:
        """Take in what the service adds to a response object."""
        as_of = lw.get("as_of")
        if isinstance(as_of, dict) and as_of:
            stream = self.stream if self.stream in as_of else next(iter(as_of))
            self.stream, self.as_of = stream, as_of[stream] / 1e6
        timing = lw.get("timing")
        if timing:
            self.timing = Timing(
                *(timing.get(k) for k in ("queue_ms", "prefill_ms", "ttft_ms", "total_ms"))
            )

        found = lw.get("evidence") or ()
        self.evidence = tuple(
            Evidence(
                frame["pts_us"] / 1e6,
                frame.get("score"),
                frame.get("why") or "recalled",
                frame.get("url") or "",
            )
            for frame in found
        )
        span = lw.get("range")
        self.range = (span["from"] / 1e6, span["to"] / 1e6) if span else None
        self.range_dropped = bool(lw.get("range_dropped"))

    def _tell(self) -> None:
        """Wake everyone who waits for news."""
        news, self._news = self._news, asyncio.Event()
        news.set()
