"""Laws of streamed text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import example, given
from hypothesis import strategies as st

from longwatch.models.text import INCOMPLETE, TextStream

if TYPE_CHECKING:
    from collections.abc import Sequence


class Bytes:
    """A byte-level tokenizer: token i is the i-th of a list of byte strings."""

    def __init__(self, vocabulary: Sequence[bytes]) -> None:
        self.vocabulary = vocabulary

    def encode(self, text: str) -> list[int]:
        raise NotImplementedError

    def decode(self, ids: Sequence[int]) -> str:
        return b"".join(self.vocabulary[i] for i in ids).decode(errors="replace")


class Spaced(Bytes):
    """Strips the space in front of the first word, as sentencepiece does."""

    def decode(self, ids: Sequence[int]) -> str:
        return super().decode(ids).removeprefix(" ")


def stream(tokenizer: Bytes, stop: Sequence[str] = ()) -> tuple[list[str], bool]:
    """Return the pieces of all tokens of the vocabulary, in turn, and whether one stopped it."""
    text = TextStream(tokenizer, stop)
    pieces = [text.push(i) for i in range(len(tokenizer.vocabulary))]
    return [*pieces, text.finish()], text.stopped


def cut(text: str, stop: Sequence[str]) -> str:
    """Return `text` before the stop string that is complete first, character by character."""
    for end in range(1, len(text) + 1):
        ends = [s for s in stop if text[:end].endswith(s)]
        if ends:
            return text[: end - max(map(len, ends))]
    return text


@st.composite
def tokens(draw: st.DrawFn, text: st.SearchStrategy[bytes]) -> list[bytes]:
    data = draw(text)
    at = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[a:b] for a, b in zip([0, *at], [*at, len(data)], strict=True)]


UNICODE = st.text(max_size=20).map(str.encode)
FEW = st.text("ab\u00e9\U0001f600 ", max_size=20)
STOPS = st.lists(st.text("ab\u00e9\U0001f600 ", min_size=1, max_size=4), max_size=3)


@given(tokens(UNICODE))
def test_pieces_join_to_the_text_whatever_the_tokens_cut(vocabulary: list[bytes]) -> None:
    pieces, _ = stream(Bytes(vocabulary))
    assert "".join(pieces) == b"".join(vocabulary).decode()


@given(tokens(st.binary(max_size=20)))
def test_bytes_that_are_no_text_are_shown_as_the_tokenizer_shows_them(
    vocabulary: list[bytes],
) -> None:
    pieces, _ = stream(Bytes(vocabulary))
    assert "".join(pieces) == b"".join(vocabulary).decode(errors="replace")


@given(tokens(FEW.map(str.encode)), STOPS)
@example([b"a", b"b", b"a", b"b", b" "], ["abab a", "b "])
@example([b"abc"], ["abc", "b"])
def test_the_answer_ends_before_the_first_complete_stop_string(
    vocabulary: list[bytes], stop: list[str]
) -> None:
    text = b"".join(vocabulary).decode()
    pieces, stopped = stream(Bytes(vocabulary), stop)
    assert "".join(pieces) == cut(text, stop)
    assert stopped == any(s in text for s in stop)


@given(tokens(FEW.map(str.encode)))
def test_no_piece_splits_a_character(vocabulary: list[bytes]) -> None:
    pieces, _ = stream(Bytes(vocabulary))
    assert not any(INCOMPLETE in piece for piece in pieces)


@given(tokens(FEW.map(str.encode)))
@example([b"a", b"", b" b"])
@example([b"", b" ", b"", b" b", b" "])
def test_a_tokenizer_that_strips_the_first_space_loses_no_other(vocabulary: list[bytes]) -> None:
    tokenizer = Spaced(vocabulary)
    pieces, _ = stream(tokenizer)
    assert "".join(pieces) == tokenizer.decode(range(len(vocabulary)))


@given(st.text("abc", min_size=1, max_size=30))
def test_text_that_can_start_no_stop_string_is_shown_at_once(text: str) -> None:
    tokenizer = Bytes([c.encode() for c in text])
    pieces, _ = stream(tokenizer, ["xyz"])
    assert pieces == [*text, ""]


def test_a_character_appears_with_its_last_byte() -> None:
    pieces, _ = stream(Bytes([b"a\xf0", b"\x9f\x98", b"\x80b"]))
    assert pieces == ["a", "", "\U0001f600b", ""]


def test_the_start_of_a_stop_string_waits_and_comes_back() -> None:
    pieces, stopped = stream(Bytes([b"see <", b"/", b"b> a", b"nd </a", b">!"]), ["</a>"])
    assert (pieces, stopped) == (["see ", "", "</b> a", "nd ", "", ""], True)


def test_nothing_follows_a_stop_string() -> None:
    text = TextStream(Bytes([b"one. ", b"two"]), [". "])
    assert [text.push(0), text.push(1), text.finish()] == ["one", "", ""]


def test_decoding_does_not_grow_with_the_answer() -> None:
    longest = 0

    class Watched(Bytes):
        def decode(self, ids: Sequence[int]) -> str:
            nonlocal longest
            longest = max(longest, len(ids))
            return super().decode(ids)

    stream(Watched([b"word "] * 500))
    assert longest <= 2
