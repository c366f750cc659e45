"""One answer on its way to the client."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from longwatch.errors import NotFoundError
from longwatch.models.base import Turn
from longwatch.serve.answers.types import Delta, Found, Started
from longwatch.serve.realtime import events
from longwatch.serve.realtime.conversation import Item
from longwatch.wire import microseconds

if TYPE_CHECKING:
    from longwatch.serve.answers.answer import Answer
    from longwatch.serve.answers.types import AnswerEvent, Done
    from longwatch.serve.realtime.messages import ResponseParams
    from longwatch.serve.realtime.responses import Responses


class Response:
    """Turns the engine's events into the protocol's, in the order that OpenAI's clients expect."""

    def __init__(self, owner: Responses, params: ResponseParams, stream: str) -> None:
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
        elif isinstance(event, Found):
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
