"""What each client event does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from longwatch import __version__
from longwatch.errors import InputError, ProtocolError
from longwatch.serve.auth.principal import current
from longwatch.serve.auth.scopes import scope_of_event
from longwatch.serve.protocol.errors import CloseConnection
from longwatch.serve.realtime import events, messages
from longwatch.serve.realtime.conversation import read_message
from longwatch.serve.realtime.frames import FrameReceiver
from longwatch.serve.realtime.responses import ResponseManager, refuse_unsupported
from longwatch.serve.realtime.streams import FaultCallback, Streams
from longwatch.serve.realtime.watches import Watches
from longwatch.wire import PROTOCOL

if TYPE_CHECKING:
    from longwatch.serve.auth.limits import RateLimiter
    from longwatch.serve.realtime.outbox import Outbox
    from longwatch.serve.service import Service

FEATURES = ["binary_frames", "encoded_video", "frame_append", "as_of", "watches", "resume"]


class Handler:
    """The state of one session: its streams, its conversation and its answers."""

    def __init__(
        self, service: Service, outbox: Outbox, complain: FaultCallback, allowance: RateLimiter
    ) -> None:
        self.id = events.new_id("sess")
        self.streams = Streams(service, outbox, complain)
        self.frames = FrameReceiver(self.streams, allowance, service.settings.max_inflight)
        self.responses = ResponseManager(service, outbox, lambda: self.streams.names, allowance)
        self.watches = Watches(service.watches.table, outbox, lambda: self.streams.names)
        self._service = service
        self._outbox = outbox

    def close(self) -> None:
        """Stop the answers and leave the streams."""
        self.responses.close()
        self.watches.close()
        self.streams.close()

    def handle(self, event: messages.ClientEvent) -> None:
        """Do what an event asks for.

        Raises:
            ForbiddenError: the key has not the scope that this needs.
            LongwatchError: it cannot be done; nothing was changed.
            Hangup: it ends the connection.
        """
        current().require(scope_of_event(event.type))
        match event:
            case messages.SessionUpdate():
                self._update(event.session)
            case messages.ItemCreate():
                self._add_item(event)
            case messages.ItemDelete():
                self.responses.conversation.delete(event.item_id)
                self._say("conversation.item.deleted", item_id=event.item_id)
            case messages.ResponseCreate():
                self.responses.create(event.response)
            case messages.ResponseCancel():
                self.responses.cancel(event.response_id)
            case messages.Ping():
                self._outbox.put(events.pong(event.t))
            case messages.Auth():
                pass  # from a page that cannot know whether its key is needed, or was taken
            case _:
                self._dispatch_media(event)

    def _dispatch_media(self, event: messages.ClientEvent) -> None:
        match event:
            case messages.StreamOpen():
                self.streams.open(event)
            case messages.StreamClose():
                self.streams.close_stream(event)
            case messages.StreamAttach():
                self.streams.attach(event.stream)
            case messages.StreamDetach():
                self.streams.detach(event.stream)
            case messages.FrameAppend():
                self.frames.append(event)
            case (
                messages.WatchCreate()
                | messages.WatchUpdate()
                | messages.WatchDelete()
                | messages.WatchAttach()
                | messages.WatchList()
            ):
                self.watches.handle(event)

    def _update(self, session: messages.SessionParams) -> None:
        refuse_unsupported(session.output_modalities, session.tools, "session")
        if session.lw is not None and session.lw.protocol != PROTOCOL:
            wanted = session.lw.protocol
            raise CloseConnection(
                4400,
                ProtocolError(
                    f"version {wanted} of the protocol is not known here; use {PROTOCOL}",
                    code="protocol_unsupported",
                    param="session.lw.protocol",
                ),
            )
        self._check_length(session.instructions or "", "session.instructions")
        for name in session.lw.streams if session.lw else ():
            self.streams.attach(name)
        defaults = self.responses.defaults
        if "instructions" in session.model_fields_set:
            defaults.instructions = session.instructions
        if "max_output_tokens" in session.model_fields_set:
            defaults.max_output_tokens = session.max_output_tokens
        self._say("session.updated", session=self.json())

    def _add_item(self, event: messages.ItemCreate) -> None:
        item = read_message(event.item, "item")
        self._check_length(item.turn.text, "item.content")
        before = self.responses.add_item(item, event.previous_item_id)
        for kind in ("conversation.item.added", "conversation.item.done"):
            self._say(kind, previous_item_id=before, item=item.json())

    def _check_length(self, text: str, param: str) -> None:
        """Refuse at once what no question could be put with."""
        limit = self._service.settings.max_question_chars
        if len(text) > limit:
            raise InputError(
                f"a dialogue may have {limit} characters and this has {len(text)}; shorten it",
                code="context_overflow",
                param=param,
            )

    def _say(self, kind: str, **fields: Any) -> None:
        self._outbox.put(events.event(kind, **fields))

    def json(self) -> dict[str, Any]:
        """Return the session as clients see it."""
        settings, defaults = self._service.settings, self.responses.defaults
        return {
            "id": self.id,
            "object": "realtime.session",
            "type": "realtime",
            "model": self._service.engine.model.name,
            "output_modalities": ["text"],
            "instructions": defaults.instructions,
            "max_output_tokens": defaults.max_output_tokens,
            "tools": [],
            "lw": {
                "protocol": PROTOCOL,
                "server": f"longwatch/{__version__}",
                "features": FEATURES,
                "limits": {
                    "max_message_bytes": settings.max_message_bytes,
                    "max_pixels": settings.max_pixels,
                    "max_streams": settings.max_streams,
                    "max_parallel": settings.max_parallel,
                    "max_inflight": settings.max_inflight,
                    "max_question_chars": settings.max_question_chars,
                },
                "server_time": time.time(),
            },
        }
