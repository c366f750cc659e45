"""How much the bundled model's visual tokens are like the names of things."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn.functional import normalize

if TYPE_CHECKING:
    from torch import Tensor

    from longwatch.models.bundled_tokenizer import BundledTokenizer
    from longwatch.types import VisualTokens

NATS = 10.0  # for yes, that a cosine of 1 is worth more than one of 0
EVEN = 0.35  # the cosine that says nothing; chosen, as NATS, on other worlds than are reported


class Likeness:
    """Compares visual tokens, which are sums of words, with the words of a question.

    It is no language model: it knows no "not" and no places. It makes up for what a small one
    does not know, such as which things are animals.
    """

    def __init__(self, tokenizer: BundledTokenizer, words: Tensor) -> None:
        """Take the word embeddings, (v, d)."""
        self._tokenizer, self._words = tokenizer, words
        ids = tokenizer.ids
        self._names = {ids[name]: [ids[name]] for name in tokenizer.names}
        for group, members in tokenizer.groups.items():
            own = self._names.get(ids[group], [])
            self._names[ids[group]] = [*own, *(ids[name] for name in members if name in ids)]

    def evidence(self, tokens: VisualTokens, question: str) -> float:
        """Return what the tokens say for yes, in nats; 0 of a question without a name.

        The closest pair of a token and a name counts, by the cosine between them. The word of a
        group stands for its members.
        """
        asked = set(self._tokenizer.encode(question)).intersection(self._names)
        names = [name for word in sorted(asked) for name in self._names[word]]
        if not names:
            return 0.0
        seen = normalize(tokens.embeds.float(), dim=1)
        known = normalize(self._words[names].float(), dim=1)
        return NATS * (float((seen @ known.T).max()) - EVEN)
