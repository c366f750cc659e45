"""What becomes of the tokens of an answer: text as it comes, or JSON of a schema."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from longwatch.models.constraint import Constraint
from longwatch.models.text import TextStream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from longwatch.models.base import Tokenizer, VideoLM


class Voice(ABC):
    """The rest of one answer, a token at a time, and the text that it makes.

    All pieces joined, `lead` before them, are the text.
    """

    lead = ""  # stands before what the model says
    whole = False  # no token may follow

    def allowed(self, logits: Tensor) -> Tensor:
        """Return `logits`, (vocabulary,), with those that may not follow at minus infinity."""
        return logits

    @abstractmethod
    def push(self, token: int) -> str:
        """Take in which token followed; return the text that is settled by it."""

    @abstractmethod
    def finish(self) -> str:
        """Return what is left of the text, now that no token follows."""

    def cut(self) -> str:
        """Return what is left of the text where the answer had no more room."""
        return ""


class Spoken(Voice):
    """Any text, up to the first of the stop strings."""

    def __init__(self, tokenizer: Tokenizer, stop: Sequence[str] = ()) -> None:
        self._text = TextStream(tokenizer, stop)

    def push(self, token: int) -> str:  # noqa: D102
        piece = self._text.push(token)
        self.whole = self._text.stopped
        return piece

    def finish(self) -> str:  # noqa: D102
        return self._text.finish()

    def cut(self) -> str:  # noqa: D102
        return self._text.finish()


class Fitted(Spoken):
    """JSON of a schema, which is given as JSON; see `Constraint` for what is raised."""

    def __init__(
        self, model: VideoLM, schema: str, stop: Sequence[str] = (), lead: str = ""
    ) -> None:
        self._rule = Constraint(model, schema)
        self.lead = lead
        super().__init__(self._rule, stop)

    def allowed(self, logits: Tensor) -> Tensor:  # noqa: D102
        return self._rule.allowed(logits)

    def push(self, token: int) -> str:  # noqa: D102
        piece = super().push(token)
        self.whole = self.whole or self._rule.take(token)
        return piece
