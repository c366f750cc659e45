"""What clients may send as JSON, and how it is checked.

Fields that we do not know are ignored in OpenAI's objects, as OpenAI may add some, and refused in
ours, where they can only be a mistake.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, TypeAdapter

from longwatch.serve.realtime.messages.dialogue import (
    ItemCreate,
    ItemDelete,
    Message,
    Part,
    Reference,
    ResponseCancel,
    ResponseCreate,
    ResponseLw,
    ResponseParams,
)
from longwatch.serve.realtime.messages.session import (
    Auth,
    Ping,
    SessionLw,
    SessionParams,
    SessionUpdate,
)
from longwatch.serve.realtime.messages.streams import (
    FrameAppend,
    PullSource,
    PushSource,
    StreamAttach,
    StreamClose,
    StreamDetach,
    StreamOpen,
    StreamPolicy,
)
from longwatch.serve.realtime.messages.watches import (
    WatchAttach,
    WatchCreate,
    WatchDelete,
    WatchList,
    WatchUpdate,
)

ClientEvent = (
    SessionUpdate
    | ItemCreate
    | ItemDelete
    | ResponseCreate
    | ResponseCancel
    | StreamOpen
    | StreamClose
    | StreamAttach
    | StreamDetach
    | FrameAppend
    | WatchCreate
    | WatchUpdate
    | WatchDelete
    | WatchAttach
    | WatchList
    | Ping
    | Auth
)
CLIENT_EVENTS: TypeAdapter[ClientEvent] = TypeAdapter(
    Annotated[ClientEvent, Field(discriminator="type")]
)

__all__ = [
    "CLIENT_EVENTS",
    "Auth",
    "ClientEvent",
    "FrameAppend",
    "ItemCreate",
    "ItemDelete",
    "Message",
    "Part",
    "Ping",
    "PullSource",
    "PushSource",
    "Reference",
    "ResponseCancel",
    "ResponseCreate",
    "ResponseLw",
    "ResponseParams",
    "SessionLw",
    "SessionParams",
    "SessionUpdate",
    "StreamAttach",
    "StreamClose",
    "StreamDetach",
    "StreamOpen",
    "StreamPolicy",
    "WatchAttach",
    "WatchCreate",
    "WatchDelete",
    "WatchList",
    "WatchUpdate",
]
