"""From tokens to text that may be shown at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longwatch.models.base import Tokenizer

INCOMPLETE = "\ufffd"  # what a tokenizer shows for the first bytes of a character


class TextStream:
    """The text of one answer, in pieces that are never taken back.

    Joined, the pieces are the decoded text up to the stop string that is complete first, or all
    of it. A piece never splits a character, and text that may be the start of a stop string waits
    until that is settled. The tokenizer must decode prefixes to prefixes.
    """

    def __init__(self, tokenizer: Tokenizer, stop: Sequence[str] = ()) -> None:
        self.stopped = False  # a stop string was found: the answer is over
        self._tokenizer = tokenizer
        self._stop = tuple(stop)
        # Decoding starts at a token whose text is settled, because some tokenizers treat the
        # first token of a text in a way of their own: [context | pending]. Tokens without text
        # settle nothing.
        self._context: list[int] = []
        self._pending: list[int] = []
        self._settled = 0  # characters of the context
        self._taken = 0  # characters of this window's text that went on already
        self._held = ""  # may be the start of a stop string

    def push(self, token: int) -> str:
        """Return the text that may be shown now that `token` is known; it may be empty."""
        if self.stopped:
            return ""
        self._pending.append(token)
        text = self._tokenizer.decode([*self._context, *self._pending])
        whole = text.rstrip(INCOMPLETE)
        piece = self._emit(whole[self._taken :])
        self._taken = max(self._taken, len(whole))
        if whole == text and len(text) > self._settled:
            self._context, self._pending = self._pending, []
            self._settled = self._taken = len(self._tokenizer.decode(self._context))
        return piece

    def finish(self) -> str:
        """Return the rest, at the end of the answer."""
        if self.stopped:
            return ""
        text = self._tokenizer.decode([*self._context, *self._pending])
        piece = self._emit(text[self._taken :])
        rest, self._held, self._taken = self._held, "", len(text)
        return piece if self.stopped else piece + rest

    def _emit(self, text: str) -> str:
        """Add `text`; return what can no longer become part of a stop string."""
        text = self._held + text
        found = [(at + len(stop), at) for stop in self._stop if (at := text.find(stop)) >= 0]
        if found:
            self.stopped = True
            self._held = ""
            return text[: min(found)[1]]
        keep = max((_overlap(text, stop) for stop in self._stop), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]


def _overlap(text: str, stop: str) -> int:
    """Return the length of the longest end of `text` that `stop` begins with."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(stop[:n])), 0)
