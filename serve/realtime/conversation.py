"""The dialogue of one session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from longwatch.errors import InputError, NotFoundError
from longwatch.models.base import Turn
from longwatch.serve.realtime import events

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longwatch.serve.realtime.messages import Message, Reference

MAX_ITEMS = 256
ROOT = "root"  # in `previous_item_id`: before the first


@dataclass(frozen=True, slots=True)
class Item:
    """One message."""

    id: str
    turn: Turn
    status: str = "completed"

    def json(self) -> dict[str, Any]:
        """Return the item as clients see it."""
        return events.message(self.id, self.turn.role, self.turn.text, self.status)


class Conversation:
    """Messages in their order; of more than `MAX_ITEMS` the oldest go."""

    def __init__(self) -> None:
        self.id = events.new_id("conv")
        self._items: list[Item] = []

    def add(self, item: Item, after: str | None = None) -> tuple[str | None, list[str]]:
        """Put `item` after the one named (`root`: first; None: last).

        Returns the id of the item before it and the ids of those that had to go.

        Raises:
            InputError: the id is taken (`item_exists`).
            NotFoundError: there is no item `after` (`item_not_found`).
        """
        if any(known.id == item.id for known in self._items):
            raise InputError(
                f"there is an item {item.id!r} already; choose another id or leave it out",
                code="item_exists",
                param="item.id",
            )
        if after is None:
            place = len(self._items)
        else:
            place = 0 if after == ROOT else self._find(after, "previous_item_id") + 1
        self._items.insert(place, item)
        before = self._items[place - 1].id if place else None
        gone = [old.id for old in self._items[:-MAX_ITEMS]]
        del self._items[: len(gone)]
        return before, gone

    def update(self, item: Item) -> str | None:
        """Put `item` in the place of the one with its id and return the id of the one before it.

        Raises:
            NotFoundError: it was deleted meanwhile, or pushed out.
        """
        place = self._find(item.id, "item_id")
        self._items[place] = item
        return self._items[place - 1].id if place else None

    def delete(self, item_id: str) -> None:
        """Take an item out, or raise `NotFoundError`."""
        del self._items[self._find(item_id, "item_id")]

    def turns(self) -> list[Turn]:
        """Return the dialogue, without answers that have no word yet, or never came to one."""
        return [item.turn for item in self._items if item.turn.text]

    def resolve(self, given: Sequence[Message | Reference]) -> list[Turn]:
        """Return the dialogue that a response's own `input` makes up."""
        return [
            self._items[self._find(item.id, f"response.input.{i}.id")].turn
            if item.type == "item_reference"
            else read_message(item, f"response.input.{i}").turn
            for i, item in enumerate(given)
        ]

    def _find(self, item_id: str, param: str) -> int:
        for place, item in enumerate(self._items):
            if item.id == item_id:
                return place
        raise NotFoundError(
            f"there is no item {item_id[:64]!r} in this conversation; it may have been deleted",
            code="item_not_found",
            param=param,
        )


def read_message(given: Message, param: str) -> Item:
    """Return what a client's message says, with an id of ours if it has none.

    Raises:
        InputError: it holds something else than text (`unsupported_content`), or nothing.
    """
    for i, part in enumerate(given.content):
        if part.type not in ("input_text", "output_text", "text") or part.text is None:
            raise InputError(
                f"content of type {part.type!r} cannot be taken; write `input_text`, and push "
                "pictures to a stream",
                code="unsupported_content",
                param=f"{param}.content.{i}",
            )
    text = "\n".join(part.text or "" for part in given.content)
    if not text:
        raise InputError(
            "a message without text says nothing; add a part of type `input_text`",
            param=f"{param}.content",
        )
    return Item(given.id or events.new_id("item"), Turn(given.role, text))
