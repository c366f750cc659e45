"""A checkpoint's chat template, cut in two where the frames of a stream stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from longwatch.errors import ModelError
from longwatch.models.base import Turn

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Chat:
    """Text around the frames; the frames open the first user turn.

    `frames` is the content entry of the chat template that stands for them, and `marker` is what
    the template writes for it.
    """

    def __init__(self, tokenizer: Any, frames: dict[str, str], marker: str) -> None:
        self._tokenizer = tokenizer
        self._frames = frames
        self._marker = marker
        added = tokenizer.added_tokens_decoder.values()
        special = {marker, *(token.content for token in added if token.special)}
        self._special = sorted(special, key=len, reverse=True)

    def before(self) -> str:
        """Return the text in front of the frames. It is the same for every dialogue."""
        return self._render([Turn("user", "")])[0]

    def after(self, turns: Sequence[Turn]) -> str:
        """Return the text from the frames on to where the model's answer begins.

        The stream was opened before anybody asked, so system turns that lead a dialogue cannot
        stand in front of the frames; they open the first user turn's text instead.
        """
        first = next((i for i, t in enumerate(turns) if t.role != "system"), len(turns))
        opening, dialogue = turns[:first], list(turns[first:])
        if not dialogue or dialogue[0].role != "user":
            dialogue.insert(0, Turn("user", ""))
        parts = [t.text for t in (*opening, dialogue[0]) if t.text]
        dialogue[0] = Turn("user", "\n\n".join(parts))
        return self._render(dialogue)[1]

    def _render(self, turns: Iterable[Turn]) -> tuple[str, str]:
        messages: list[dict[str, Any]] = [
            {"role": t.role, "content": [{"type": "text", "text": self._plain(t.text)}]}
            for t in turns
        ]
        messages[0]["content"].insert(0, self._frames)
        text: str = self._tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True
        )
        before, found, after = text.partition(self._marker)
        if not found:
            raise ModelError(
                f"the chat template does not write {self._marker!r} where frames stand; use the "
                "template of the original checkpoint"
            )
        return before, after

    def _plain(self, text: str) -> str:
        """Return what a user wrote without the model's control tokens.

        Left in, they would end the user's turn or stand for frames that are not there.
        """
        while any(token in text for token in self._special):
            for token in self._special:
                text = text.replace(token, "")
        return text
