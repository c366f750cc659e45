"""The answers of one session as OpenAI's responses."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from longwatch.errors import InputError, LimitError, NotFoundError
from longwatch.models.base import Turn
from longwatch.models.sampling import Sampling
from longwatch.serve.answers.types import Delta, EvidenceFound, Question, Started
from longwatch.serve.observability.context import log_context
from longwatch.serve.protocol.questions import (
    asks_by_field,
    choose_stream,
    fit_dialogue,
    parse_as_of,
    parse_deadline,
    parse_range,
    response_schema,
)
from longwatch.serve.realtime import events
from longwatch.serve.realtime.conversation import Conversation, Item
from longwatch.serve.realtime.messages import ResponseParams
from longwatch.wire import microseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from longwatch.serve.answers.answer import Answer
    from longwatch.serve.answers.types import AnswerEvent, Done
    from longwatch.serve.auth.limits import RateLimiter
    from longwatch.serve.realtime.outbox import Outbox
    from longwatch.serve.service import Service


class Response:
    """Turns the engine's events into the protocol's, in the order that OpenAI's clients expect."""

    def __init__(self, owner: ResponseManager, params: ResponseParams, stream: str) -> None:
        self.id = events.new_id("resp")
        self.kept = params.conversation == "auto"
        self.answer: Answer | None = None
        self._owner = owner
        self._stream = stream
        self._params = params
        self._item = events.new_id("item")
        self._place = {"response_id": self.id, "item_id": self._item, "output_index": 0}

    def listen(self, event: AnswerEvent) -> None:
        """Take an event of the engine, on its thread."""
        self._owner.post(self, event)

    def stop(self) -> None:
        """Stop decoding soon."""
        if self.answer is not None:
            self.answer.cancel()

    def take(self, event: AnswerEvent) -> None:
        """Tell the client."""
        if isinstance(event, Delta):
            self._owner.say(
                "response.output_text.delta", **self._place, content_index=0, delta=event.text
            )
        elif isinstance(event, Started):
            self._start(event)
        elif isinstance(event, EvidenceFound):
            items = events.items(event.evidence, self._stream)
            self._owner.say("lw.response.evidence", response_id=self.id, items=items)
        else:
            self._end(event)

    def _start(self, event: Started) -> None:
        say, item = self._owner.say, events.message(self._item, "assistant", None, "in_progress")
        place = Item(self._item, Turn("assistant", ""), "in_progress")
        lw = {"as_of": self._moment(event.as_of), "queue_position": event.queue_position}
        say("response.created", response=self._json("in_progress", output=[], lw=lw))
        say("response.output_item.added", response_id=self.id, output_index=0, item=item)
        if self.kept:
            before = self._owner.add_item(place)  # what is added meanwhile comes after the answer
            say("conversation.item.added", previous_item_id=before, item=item)
        part = {"type": "text", "text": ""}
        say("response.content_part.added", **self._place, content_index=0, part=part)

    def _end(self, done: Done) -> None:
        say, text = self._owner.say, done.text
        kept = Item(
            self._item,
            Turn("assistant", text),
            "completed" if done.status == "completed" else "incomplete",
        )
        say("response.output_text.done", **self._place, content_index=0, text=text)
        part = {"type": "text", "text": text}
        say("response.content_part.done", **self._place, content_index=0, part=part)
        if self.kept:
            with suppress(NotFoundError):  # the client wants it no more
                before = self._owner.conversation.update(kept)
                say("conversation.item.done", previous_item_id=before, item=kept.json())
        say("response.output_item.done", response_id=self.id, output_index=0, item=kept.json())
        say(
            "response.done",
            response=self._json(
                done.status,
                output=[kept.json()],
                status_details=events.status_details(done),
                usage=events.usage(done),
                lw={
                    "as_of": self._moment(done.as_of),
                    "timing": events.timing(done),
                    **events.rests(done, self._stream),
                },
            ),
        )
        self._owner.forget(self)

    def _moment(self, as_of: float) -> dict[str, int]:
        return {self._stream: microseconds(as_of)}

    def _json(self, status: str, **fields: Any) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "realtime.response",
            "status": status,
            "status_details": None,
            "conversation_id": self._owner.conversation.id if self.kept else None,
            "output_modalities": ["text"],
            "metadata": self._params.metadata,
            "max_output_tokens": self._params.max_output_tokens,
            "usage": None,
            **fields,
        }


ENDLESS = 4096  # what `inf` stands for in max_output_tokens


@dataclass
class Defaults:
    """What `session.update` says for all later answers of the session."""

    instructions: str | None = None
    max_output_tokens: int | str | None = None


class ResponseManager:
    """At most one answer at a time goes into the conversation; others run beside it.

    Everything here happens on the event loop's thread.
    """

    def __init__(
        self,
        service: Service,
        outbox: Outbox,
        own: Callable[[], Sequence[str]],
        allowance: RateLimiter,
    ) -> None:
        self.conversation = Conversation()
        self.defaults = Defaults()
        self._service = service
        self._outbox = outbox
        self._own = own  # the session's streams
        self._allowance = allowance
        self._running: dict[str, Response] = {}
        self._loop = asyncio.get_running_loop()

    def create(self, params: ResponseParams | None) -> None:
        """Ask the engine; the answer's events go to the outbox as they come.

        Raises:
            LongwatchError: the question cannot be put; nothing was started.
        """
        params = params or ResponseParams()
        self._admit(params)
        engine, settings = self._service.engine, self._service.settings
        own_input = params.input is not None
        turns = (
            self.conversation.resolve(params.input or [])
            if own_input
            else self.conversation.turns()
        )
        instructions = params.instructions or self.defaults.instructions
        form = params.text.format
        name = choose_stream(engine, params.lw.streams, self._own())
        question = Question(
            turns=fit_dialogue(turns, instructions, settings.max_question_chars),
            sampling=self._sampling(params),
            as_of=parse_as_of(params.lw.as_of),
            range=parse_range(params.lw.range),
            schema=response_schema(form.type, form.schema_, "response.text.format"),
            by_field=asks_by_field(params.lw.json_),
            deadline=parse_deadline(params.lw.deadline_ms),
        )
        response = Response(self, params, name)
        with log_context(answer=response.id):
            response.answer = self._service.ask(name, question, response.listen, self._allowance)
        self._running[response.id] = response
        left = self._allowance.json()
        if left:
            self.say("rate_limits.updated", rate_limits=left)

    def cancel(self, response_id: str | None) -> None:
        """Stop the answer named, else the conversation's.

        Raises:
            NotFoundError: there is none under way (`response_cancel_not_active`).
        """
        for response in self._running.values():
            if response.id == response_id or (response_id is None and response.kept):
                response.stop()
                return
        raise NotFoundError(
            "there is no answer under way to cancel; it may have ended already",
            code="response_cancel_not_active",
            param="response_id",
        )

    def close(self) -> None:
        """Stop all answers, as nobody is left to read them."""
        for response in self._running.values():
            response.stop()

    def post(self, response: Response, event: AnswerEvent) -> None:
        """Hand an event from the engine's thread to the event loop."""
        try:
            self._loop.call_soon_threadsafe(response.take, event)
        except RuntimeError:  # the loop is closed, and the client with it
            response.stop()

    def say(self, kind: str, **fields: Any) -> None:
        """Send an event."""
        self._outbox.put(events.event(kind, **fields))

    def add_item(self, item: Item, after: str | None = None) -> str | None:
        """Put an item into the conversation and tell who had to go; see `Conversation.add`."""
        before, gone = self.conversation.add(item, after)
        for item_id in gone:
            self.say("conversation.item.deleted", item_id=item_id)
        return before

    def forget(self, response: Response) -> None:
        """Let go of an answer that ended."""
        self._running.pop(response.id, None)

    def _admit(self, params: ResponseParams) -> None:
        refuse_unsupported(params.output_modalities, params.tools, "response")
        kept = params.conversation == "auto"
        if kept and any(response.kept for response in self._running.values()):
            raise InputError(
                "an answer is under way in this conversation; wait for its response.done, cancel "
                'it, or ask with conversation "none"',
                code="conversation_already_has_active_response",
            )
        limit = self._service.settings.max_parallel
        if len(self._running) >= limit:
            raise LimitError(
                f"{limit} answers are under way in this session, which is the limit; wait for one"
            )

    def _sampling(self, params: ResponseParams) -> Sampling:
        lw, usual = params.lw, Sampling()
        temperature = params.temperature if lw.temperature is None else lw.temperature
        tokens = params.max_output_tokens or self.defaults.max_output_tokens or usual.max_tokens
        return Sampling(
            temperature=usual.temperature if temperature is None else temperature,
            top_p=usual.top_p if lw.top_p is None else lw.top_p,
            seed=lw.seed,
            max_tokens=ENDLESS if isinstance(tokens, str) else tokens,
            stop=tuple(lw.stop or ()),
        )


def refuse_unsupported(
    modalities: Sequence[str] | None, tools: Sequence[object] | None, param: str
) -> None:
    """Raise `InputError` for what would otherwise be silently ignored."""
    if modalities and "text" not in modalities:
        raise InputError(
            'answers are text; ask for output_modalities ["text"]',
            code="unsupported_modality",
            param=f"{param}.output_modalities",
        )
    if tools:
        raise InputError(
            "tools are not supported; leave them out",
            code="unsupported_parameter",
            param=f"{param}.tools",
        )
