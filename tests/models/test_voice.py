"""Laws of what becomes of tokens."""

from __future__ import annotations

import json

import torch

from longwatch.models.bundled_model import load_bundled
from longwatch.models.voice import Fitted, Spoken

MODEL = load_bundled()
WORDS = MODEL.tokenizer


def test_what_is_spoken_is_what_was_said_up_to_a_stop_string() -> None:
    for stop, text, whole in (((), "a cat and a dog", False), ((" and",), "a cat", True)):
        voice, said = Spoken(WORDS, stop), ""
        for token in WORDS.encode("a cat and a dog"):
            if not voice.whole:
                said += voice.push(token)
        assert (said + voice.finish(), voice.whole) == (text, whole)


def test_where_there_was_no_more_room_what_was_said_stays() -> None:
    voice = Spoken(WORDS, ("left and then",))
    said = "".join(voice.push(token) for token in WORDS.encode("a cat left"))
    assert said == "a cat "
    assert said + voice.cut() == "a cat left"


def test_what_is_fitted_is_whole_as_soon_as_its_schema_is() -> None:
    voice = Fitted(MODEL, json.dumps({"enum": ["cat", "cow"]}), lead='{"a":')
    draw, said = torch.Generator().manual_seed(1), voice.lead
    while not voice.whole:
        logits = torch.randn(len(WORDS), generator=draw)
        said += voice.push(int(voice.allowed(logits).argmax()))
    assert said + voice.finish() + "}" in {'{"a":"cat"}', '{"a":"cow"}'}
