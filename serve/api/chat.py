"""OpenAI's chat completions, over one stream."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, StreamingResponse

from longwatch.errors import ModelError, ProtocolError
from longwatch.serve.answers.types import Delta, Done, EvidenceFound, Started
from longwatch.serve.api.chat_request import parse_request, to_question
from longwatch.serve.observability.context import log_context
from longwatch.serve.protocol.errors import error_object
from longwatch.serve.realtime import events
from longwatch.wire import microseconds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from longwatch.serve.answers.answer import Answer
    from longwatch.serve.answers.types import AnswerEvent, Question
    from longwatch.serve.api.chat_request import ChatRequest
    from longwatch.serve.service import Service


class Answerer(Protocol):
    """Whoever takes questions: the engine, or the service on behalf of a key."""

    def ask(
        self, stream: str, question: Question, listener: Callable[[AnswerEvent], None]
    ) -> Answer:
        """Put a question; see `Engine.ask`."""
        ...


class AnswerStream:
    """One question's events, in order, as an asynchronous iterator.

    Whoever stops listening early must `cancel`. Raises what `ask` raises.
    """

    def __init__(self, asked: Answerer, stream: str, question: Question) -> None:
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[AnswerEvent] = asyncio.Queue()  # at most one a token
        self._answer = asked.ask(stream, question, self._take)

    async def __aiter__(self) -> AsyncIterator[AnswerEvent]:
        """Yield the events up to the last one, `Done`."""
        while True:
            event = await self._events.get()
            yield event
            if isinstance(event, Done):
                return

    def cancel(self) -> None:
        """Stop the answer; after its end this does nothing."""
        self._answer.cancel()

    def _take(self, event: AnswerEvent) -> None:
        with suppress(RuntimeError):  # the loop is closed, and whoever listened is gone
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)


FINISH = {"completed": "stop", "incomplete": "length", "cancelled": "stop"}


async def complete_chat(service: Service, request: Request) -> Response:
    """Answer one request, whole or as server-sent events; a client that leaves stops it.

    Raises:
        LongwatchError: the request cannot be carried out.
    """
    asked = parse_request(await _body(request, service.settings.max_message_bytes))
    stream, question = to_question(asked, service)
    completion = Completion(asked, service.engine.model.name, stream)
    with log_context(answer=completion.id):
        listening = AnswerStream(service, stream, question)
    if asked.stream:
        chunks = _server_sent(completion, listening)
        return StreamingResponse(
            chunks, media_type="text/event-stream", headers={"Cache-Control": "no-cache"}
        )
    done = await _finish(listening, request)
    if done.error is not None:
        raise done.error
    return JSONResponse(completion.whole(done))


class Completion:
    """One answer in the words of the chat protocol."""

    def __init__(self, asked: ChatRequest, model: str, stream: str) -> None:
        self.with_usage = asked.stream_options is not None and asked.stream_options.include_usage
        self._stream = stream
        self.id = events.new_id("chatcmpl")
        self._base = {
            "id": self.id,
            "created": int(time.time()),
            "model": model,
        }

    def whole(self, done: Done) -> dict[str, Any]:
        """Return the answer in one piece."""
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": done.text, "refusal": None},
            "logprobs": None,
            "finish_reason": FINISH[done.status],
        }
        return {
            **self._base,
            "object": "chat.completion",
            "choices": [choice],
            "usage": _usage(done),
            "lw": self._lw(done),
        }

    def chunks(self, event: AnswerEvent) -> list[dict[str, Any]]:
        """Return what an event of the engine amounts to."""
        if isinstance(event, Started):
            as_of = {self._stream: microseconds(event.as_of)}
            return [self._chunk({"role": "assistant", "content": ""}, lw={"as_of": as_of})]
        if isinstance(event, Delta):
            return [self._chunk({"content": event.text})]
        if isinstance(event, EvidenceFound):
            return [self._chunk({}, lw={"evidence": events.items(event.evidence, self._stream)})]
        if event.error is not None:
            return [{"error": error_object(event.error)}]
        last = [self._chunk({}, FINISH[event.status], lw=self._lw(event))]
        if self.with_usage:
            last.append({**self._chunk({}), "choices": [], "usage": _usage(event)})
        return last

    def _chunk(
        self, delta: dict[str, str], finish: str | None = None, **more: object
    ) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        usage = {"usage": None} if self.with_usage else {}
        return {
            **self._base,
            "object": "chat.completion.chunk",
            "choices": [choice],
            **usage,
            **more,
        }

    def _lw(self, done: Done) -> dict[str, Any]:
        as_of = {self._stream: microseconds(done.as_of)}
        rests = events.rests(done, self._stream)
        return {"as_of": as_of, "timing": events.timing(done), **rests}


def _usage(done: Done) -> dict[str, Any]:
    counts = events.usage(done)
    return {
        "prompt_tokens": counts["input_tokens"],
        "completion_tokens": counts["output_tokens"],
        "total_tokens": counts["total_tokens"],
        "prompt_tokens_details": {
            "cached_tokens": counts["input_token_details"]["cached_tokens"],
            "audio_tokens": 0,
        },
    }


async def _server_sent(completion: Completion, listening: AnswerStream) -> AsyncIterator[str]:
    try:
        async for event in listening:
            for chunk in completion.chunks(event):
                yield f"data: {json.dumps(chunk)}\n\n"
        yield "data: [DONE]\n\n"
    finally:
        listening.cancel()


async def _finish(listening: AnswerStream, request: Request) -> Done:
    """Return the answer's end; a client that leaves meanwhile cancels it."""
    leaving = asyncio.create_task(_left(request))
    leaving.add_done_callback(lambda _: listening.cancel())
    try:
        async for event in listening:
            if isinstance(event, Done):
                return event
    finally:
        leaving.cancel()
    raise ModelError("the answer ended without an end; ask again")


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _body(request: Request, limit: int) -> bytes:
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > limit:
                raise ProtocolError(
                    f"a request may have {limit} bytes and this one has more; send less",
                    code="message_too_large",
                )
    except ClientDisconnect:
        raise ProtocolError("the request broke off before its end; send it whole") from None
    return bytes(body)
