"""Laws of a dialogue's order."""

from __future__ import annotations

import pytest

from longwatch.errors import InputError, NotFoundError
from longwatch.models.base import Turn
from longwatch.serve.realtime.conversation import MAX_ITEMS, Conversation, Item, read_message
from longwatch.serve.realtime.messages import Message, Reference


def item(name: str) -> Item:
    return Item(name, Turn("user", f"text of {name}"))


def test_items_stand_where_they_were_put() -> None:
    dialogue = Conversation()
    assert dialogue.add(item("b")) == (None, [])
    assert dialogue.add(item("d")) == ("b", [])
    assert dialogue.add(item("a"), "root") == (None, [])
    assert dialogue.add(item("c"), "b") == ("b", [])
    assert [turn.text[-1] for turn in dialogue.turns()] == ["a", "b", "c", "d"]
    dialogue.delete("b")
    assert [turn.text[-1] for turn in dialogue.turns()] == ["a", "c", "d"]
    assert dialogue.update(Item("c", Turn("user", "another C"))) == "a"
    assert [turn.text[-1] for turn in dialogue.turns()] == ["a", "C", "d"]


def test_an_id_is_used_once_and_must_exist() -> None:
    dialogue = Conversation()
    dialogue.add(item("a"))
    with pytest.raises(InputError, match="already"):
        dialogue.add(item("a"))
    for missing in (
        lambda: dialogue.delete("x"),
        lambda: dialogue.add(item("b"), "x"),
        lambda: dialogue.update(item("b")),
    ):
        with pytest.raises(NotFoundError):
            missing()
    assert len(dialogue.turns()) == 1


def test_the_oldest_go_when_there_are_too_many() -> None:
    dialogue = Conversation()
    gone = [name for i in range(MAX_ITEMS + 3) for name in dialogue.add(item(f"{i}"))[1]]
    assert gone == ["0", "1", "2"]
    assert len(dialogue.turns()) == MAX_ITEMS


def test_answers_that_were_stopped_before_a_word_are_not_put_to_the_model() -> None:
    dialogue = Conversation()
    dialogue.add(item("a"))
    dialogue.add(Item("b", Turn("assistant", ""), "incomplete"))
    assert [turn.role for turn in dialogue.turns()] == ["user"]


def test_input_of_its_own_may_point_into_the_conversation() -> None:
    dialogue = Conversation()
    dialogue.add(item("a"))
    own = Message.model_validate(
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "b"}]}
    )
    turns = dialogue.resolve([Reference(type="item_reference", id="a"), own])
    assert [turn.text for turn in turns] == ["text of a", "b"]
    assert len(dialogue.turns()) == 1
    assert read_message(own, "item").id != read_message(own, "item").id
