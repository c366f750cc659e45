"""How much of a frame, by the names of its tokens, is what a question asks about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from longwatch.models.bundled_tokenizer import BundledTokenizer
    from longwatch.types import VisualTokens

NATS = 12.0  # for yes, that a token which is surely of a name is worth more than one without
EVEN = 0.2  # the probability that says nothing; chosen, as NATS, on other worlds than are reported


class Likeness:
    """Compares what visual tokens are likely to be with the names in a question.

    It is no language model: it knows no "not" and no places. It makes up for what a small one
    does not know, such as which things are animals.
    """

    def __init__(self, tokenizer: BundledTokenizer) -> None:
        self._tokenizer = tokenizer
        ids = tokenizer.ids
        self._names = {ids[name]: {ids[name]} for name in tokenizer.names}
        for group, members in tokenizer.groups.items():
            own = self._names.setdefault(ids[group], set())
            own.update(ids[name] for name in members if name in ids)

    def evidence(self, tokens: VisualTokens, question: str) -> float:
        """Return what the tokens say for yes, in nats; 0 of a question without a name.

        The likeliest token counts. The word of a group stands for its members: a cat that may be
        one of three breeds is a cat for all that the three have together.
        """
        asked = set(self._tokenizer.encode(question)).intersection(self._names)
        if not asked or tokens.named is None:
            return 0.0
        ids, p = tokens.named
        names = torch.tensor(sorted(set().union(*(self._names[word] for word in asked))))
        likely = (p * torch.isin(ids, names.to(ids.device))).sum(1).max()
        return NATS * (float(likely) - EVEN)
