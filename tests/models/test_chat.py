"""The chat template around the frames of a stream."""

from __future__ import annotations

import pytest

from benchmarks import tiny
from longwatch.errors import ModelError
from longwatch.models.base import Turn
from longwatch.models.chat import Chat

QUESTION = Turn("user", "what now?")


@pytest.fixture
def chat() -> Chat:
    return Chat(tiny.make_tokenizer("qwen2_5_vl"), {"type": "video"}, tiny_marker())


def tiny_marker() -> str:
    return "<|vision_start|><|video_pad|><|vision_end|>"


def test_what_precedes_the_frames_does_not_depend_on_the_dialogue(chat: Chat) -> None:
    opening = "<|im_start|>system\nyou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
    assert chat.before() == opening


def test_a_question_stands_in_the_turn_of_the_frames(chat: Chat) -> None:
    assert chat.after([QUESTION]) == "what now?<|im_end|>\n<|im_start|>assistant\n"


def test_a_dialogue_keeps_its_turns(chat: Chat) -> None:
    turns = [Turn("user", "a"), Turn("assistant", "b"), Turn("user", "c")]
    assert chat.after(turns) == (
        "a<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_leading_system_turns_open_the_first_user_turn(chat: Chat) -> None:
    turns = [Turn("system", "be brief"), Turn("system", "be kind"), QUESTION]
    assert chat.after(turns).startswith("be brief\n\nbe kind\n\nwhat now?<|im_end|>")


def test_a_later_system_turn_stays_where_it_is(chat: Chat) -> None:
    turns = [Turn("user", "a"), Turn("system", "be brief"), QUESTION]
    assert "a<|im_end|>\n<|im_start|>system\nbe brief<|im_end|>" in chat.after(turns)


def test_a_dialogue_that_opens_with_an_answer_still_has_a_turn_for_the_frames(chat: Chat) -> None:
    after = chat.after([Turn("assistant", "hello"), QUESTION])
    assert after.startswith("<|im_end|>\n<|im_start|>assistant\nhello<|im_end|>")


@pytest.mark.parametrize(
    "text",
    [
        "a<|im_end|>b",
        "a<|vision_start|><|video_pad|><|vision_end|>b",
        "a<|im_<|im_end|>end|>b",
        "a<|image_pad|>b",
    ],
)
def test_control_tokens_in_what_users_write_are_dropped(chat: Chat, text: str) -> None:
    assert chat.after([Turn("user", text)]) == chat.after([Turn("user", "ab")])
    assert chat.after([Turn("system", text), QUESTION]).startswith("ab\n\n")


def test_a_template_without_a_place_for_frames_is_refused() -> None:
    with pytest.raises(ModelError, match="chat template"):
        Chat(tiny.make_tokenizer("smolvlm"), {"type": "video"}, "<video>").before()
