"""The dialogue as the bundled model reads it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from longwatch.models.base import Turn
from longwatch.models.bundled_chat import TURN_TOKENS, TURNS, dialogue_ids
from longwatch.models.bundled_model import FOLDER
from longwatch.models.bundled_tokenizer import BundledTokenizer

WORDS = BundledTokenizer(FOLDER)
USER, BOT, EOS = map(WORDS.word, ("<user>", "<bot>", "<eos>"))
TURN = st.builds(Turn, st.sampled_from(["user", "assistant", "system"]), st.text(max_size=30))


def shown(turns: list[Turn]) -> str:
    forms = {i: word for word, i in WORDS.ids.items()}
    return " ".join(forms.get(i, WORDS.decode([i])) for i in dialogue_ids(WORDS, turns))


def test_one_question() -> None:
    turns = [Turn("system", "Be brief."), Turn("user", "What do you see?")]
    assert shown(turns) == "<user> what do you see ? <bot>"


def test_a_question_that_asks_on_is_put_alone_with_its_thing() -> None:
    turns = [
        Turn("user", "What is this?"),
        Turn("assistant", "egyptian cat"),
        Turn("user", "and before that?"),
    ]
    assert shown(turns) == "<user> what came before the egyptian cat <bot>"


def test_one_that_no_rule_can_put_alone_comes_after_what_was_said() -> None:
    turns = [
        Turn("user", "What is there?"),
        Turn("assistant", "egyptian cat and vulture"),
        Turn("user", "and before that?"),
    ]
    before = "<user> what is there ? <bot> egyptian cat and vulture <eos>"
    assert shown(turns) == f"{before} <user> and before that ? <bot>"


def test_a_question_that_was_not_answered_is_left_out() -> None:
    turns = [Turn("user", "what is this"), Turn("user", "Where?")]
    assert shown(turns) == "<user> where ? <bot>"


def test_of_a_long_question_the_last_sentences_are_read() -> None:
    text = "I have been watching this for a while and I wonder. " * 40 + "Where is the cat? Now?"
    ids = dialogue_ids(WORDS, [Turn("user", text)])
    assert WORDS.decode(ids).endswith("I wonder. where is the cat? now?")
    assert len(ids) <= TURN_TOKENS + 2
    endless = dialogue_ids(WORDS, [Turn("user", "cat " * 500)])
    assert endless == [USER, *WORDS.encode("cat " * TURN_TOKENS), BOT]


@given(st.lists(TURN, max_size=12), st.text(max_size=30))
def test_any_dialogue_is_questions_with_answers_and_a_question(
    turns: list[Turn], question: str
) -> None:
    ids = dialogue_ids(WORDS, [*turns, Turn("user", question)])
    marks = [i for i in ids if i in {USER, BOT, EOS}]
    rounds = len(marks) // 3
    assert marks == [USER, BOT, EOS] * rounds + [USER, BOT]
    assert 2 * rounds < TURNS
    assert ids[-1] == BOT
