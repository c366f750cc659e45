"""Laws of single values: what is said becomes the JSON of one that may be."""

from __future__ import annotations

import json

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.models.bundled_model import load_bundled
from longwatch.models.field_voices import Chosen, Worded, listed, unknown

MODEL = load_bundled()
WORDS = MODEL.tokenizer
STOP = min(MODEL.stop_ids)


def favour(*ids: int) -> torch.Tensor:
    """Return logits that want these tokens, the first one most."""
    logits = torch.zeros(len(WORDS))
    for place, token in enumerate(ids):
        logits[token] = 9.0 - place
    return logits


def test_a_choice_takes_no_more_tokens_than_it_takes_to_tell() -> None:
    voice = Chosen(MODEL, [("top left", 1), ("top", 2), ("bottom", 3)], lead='{"a":')
    top, left = WORDS.encode("top left")
    voice.push(int(voice.allowed(favour(left, top)).argmax()))
    assert not voice.whole
    stopped = voice.allowed(favour(STOP)) > -torch.inf
    assert set(stopped.nonzero().flatten().tolist()) == {left, *MODEL.stop_ids}
    assert voice.finish() == "2"
    voice.push(left)
    assert (voice.whole, voice.finish()) == (True, "1")
    sure = Chosen(MODEL, [("top left", 1), ("top", 2), ("bottom", 3)])
    sure.push(WORDS.encode("bottom")[0])
    assert (sure.whole, sure.finish()) == (True, "3")


def test_other_names_of_a_thing_choose_it() -> None:
    voice = Chosen(MODEL, [("aegis", "aegis"), ("cat", "cat")])
    voice.push(WORDS.encode("breastplate")[0])
    assert (voice.whole, voice.finish()) == (True, '"aegis"')


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=30), st.integers(0, 12), st.one_of(st.none(), st.integers(0, 20)))
def test_a_string_is_what_was_said_within_its_bounds(
    text: str, least: int, most: int | None
) -> None:
    limits = (least, most)
    voice, ids = Worded(MODEL, "", (), limits), WORDS.encode(text)
    said, fed = voice.lead, list[int]()
    for token in ids:
        if voice.whole:
            break
        said += voice.push(token)
        fed.append(token)
    whole = said + voice.finish()
    assert json.loads(whole) == WORDS.decode(fed)[:most]
    fresh = Worded(MODEL, "", (), (1, None))
    assert fresh.allowed(favour(STOP))[STOP] == -torch.inf


def test_a_list_has_what_was_named() -> None:
    assert listed(WORDS, "a cat, the dog and some fish") == ["cat", "dog", "fish"]
    assert listed(WORDS, "Cat, cat and dog.", unique=True) == ["Cat", "cat", "dog"]
    assert listed(WORDS, "cat and cat and dog", unique=True, most=2) == ["cat", "dog"]
    assert listed(WORDS, "a breastplate and an otter", ["aegis", "fox"]) == ["aegis"]
    for none in ("nothing", "None.", "", "I can't tell from the video."):
        assert listed(WORDS, none) == []
    assert listed(WORDS, "sand and candles") == ["sand", "candles"]


def test_doubt_is_known_by_its_words() -> None:
    assert unknown("I can't tell from the video.")
    assert unknown("I do not know")
    assert not unknown("a can and a candle")
