"""The bundled model's form of a dialogue, in training and in use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from longwatch.models.base import Turn
from longwatch.models.standalone import last_question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longwatch.models.bundled_tokenizer import BundledTokenizer

TURNS = 8  # of a dialogue, the last ones
TURN_TOKENS = 32  # about the longest text of one turn in training
SENTENCE = re.compile(r"(?<=[.!?;\n])\s+")


def dialogue_ids(words: BundledTokenizer, turns: Sequence[Turn]) -> list[int]:
    """Return what the model reads of a dialogue whose last turn is the question.

    The question is put alone wherever it can be (`last_question`), else after what was said: of
    223 questions with two others before them 165 were answered right alone, and 121 with all that
    was said.
    """
    spoken = [turn for turn in turns if turn.role != "system"][-TURNS:]
    asked = last_question(words, spoken)
    return spoken_ids(words, turns if asked is None else [Turn("user", asked)])


def spoken_ids(words: BundledTokenizer, turns: Sequence[Turn]) -> list[int]:
    """Return `<user> question <bot> answer <eos> <user> question <bot>`.

    The last of `turns` is the question. System turns are left out, so are those before the last
    eight, and a question that another one follows. Of a turn that is longer than any in training
    the last sentences are read.
    """
    user, bot, eos = map(words.word, ("<user>", "<bot>", "<eos>"))
    spoken = [turn for turn in turns if turn.role != "system"][-TURNS:]
    answered = [turn.role == "assistant" for turn in spoken[1:]]
    ids = list[int]()
    for turn, answer_follows in zip(spoken, [*answered, True], strict=True):
        if turn.role == "user" and answer_follows:
            ids += [user, *_said(words, turn.text), bot]
        elif turn.role == "assistant" and ids and ids[-1] == bot:
            ids += [*_said(words, turn.text), eos]
    return ids


def _said(words: BundledTokenizer, text: str) -> list[int]:
    """Return the ids of the last sentences of `text` that are short enough together."""
    ids = words.encode(text)
    if len(ids) <= TURN_TOKENS:
        return ids
    kept = list[int]()
    for sentence in reversed(SENTENCE.split(text.strip())):
        more = words.encode(sentence)
        if len(more) + len(kept) > TURN_TOKENS:
            return kept or more[-TURN_TOKENS:]
        kept = more + kept
    return kept
