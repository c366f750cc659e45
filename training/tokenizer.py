"""The bundled model's vocabulary: every word of its world is one token, the rest is bytes.

`python -m training.tokenizer` writes `tokenizer.json`, `names.json` (the head's columns),
`groups.json` and `aliases.json` (other names) into `models/bundled/`.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)

from longwatch.models.bundled_tokenizer import plain
from training.groups import groups
from training.names import columns
from training.words import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FOLDER = Path(__file__).parent.parent / "models" / "bundled"
SOURCE = Path(__file__).with_name("imagenet.json")
SPECIAL = ("<pad>", "<eos>", "<user>", "<bot>")
EVERYDAY = frozenset(  # other names of classes that mostly mean something else
    (
        *("ai", "bars", "bath", "beam", "bell", "board", "bob", "cell", "claw", "coach", "coast"),
        *("drop", "grand", "hack", "head", "jack", "light", "mail", "mini", "mole", "painter"),
        *("press", "puff", "rig", "scope", "semi", "site", "spike", "spot", "sub", "taper"),
        *("trump", "vale"),
    )
)
MERGED = 500  # tokens that are learnt, so that unknown words take few of them
SPACE = "\u0120"  # how a byte-level vocabulary writes the space in front of a word
WORD = r"[^\W\d_]+(?:'[^\W\d_]+)*"
# A time is written hour, minute, second: 1h02:05. All three are words of their own.
HOURS, MINUTES, SECONDS = (
    [f" {i}h" for i in range(24)],
    [f" {i:02}:" for i in range(60)],
    [f"{i:02}" for i in range(60)],
)


def build(names: Sequence[str], words: Iterable[str], texts: Iterable[str]) -> Tokenizer:
    """Return the tokenizer: names first, each at its place, then words, times, numbers, bytes.

    Names that repeat have the id of the first. `texts` is what the smaller pieces are learnt from.
    """
    spaced = [f" {word}" for word in [*names, *words, *map(str, range(100))]]
    signs = list("?.,:;!'\"()/-")
    alphabet, merges = _pieces(texts)
    tokens = dict.fromkeys([*map(_bytes, spaced), *SPECIAL])
    tokens |= dict.fromkeys(map(_bytes, [*HOURS, *MINUTES, *SECONDS, *signs]))
    tokens |= dict.fromkeys([*alphabet, *(a + b for a, b in merges)])
    vocabulary = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=True))
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Replace(Regex(r"(?<=\dh)(?=\d\d:)"), " "), normalizers.Prepend(" ")]
    )
    phrases = [word.strip() for word in spaced if not re.fullmatch(rf" (?:{WORD}|\d+)", word)]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_split(phrases)), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _split(phrases: Iterable[str]) -> str:
    """Return the pattern that cuts a text into what may be one token."""
    return "|".join(
        [
            rf" {_tree(phrases)}(?![^\W_])",
            r" ?[0-9]{1,2}h(?= [0-9]{2}:)| ?[0-9]{2}:(?=[0-9]{2})",
            rf" ?{WORD}| ?[0-9]{{1,2}}| ?[^\s\w]|\s+(?=\s)|\s|.",
        ]
    )


def _tree(phrases: Iterable[str]) -> str:
    """Return the pattern of the longest of `phrases`, by letters; a list is slow."""
    tails: dict[str, list[str]] = {}
    for phrase in sorted(filter(None, phrases)):
        tails.setdefault(phrase[0], []).append(phrase[1:])
    branches = [
        re.escape(head) + (_tree(rest) + ("?" if "" in rest else "") if any(rest) else "")
        for head, rest in tails.items()
    ]
    return (
        branches[0] if len(branches) == 1 and len(branches[0]) == 1 else f"(?:{'|'.join(branches)})"
    )


def _pieces(texts: Iterable[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the 256 bytes, and the merges that make the commonest runs of them."""
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(rf" ?{WORD}"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False),
        ]
    )
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    learner.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=len(alphabet) + MERGED, initial_alphabet=alphabet, show_progress=False
        ),
    )
    merges = json.loads(learner.to_str())["model"]["merges"]
    return alphabet, [(a, b) for a, b in merges]


def _bytes(text: str) -> str:
    """Return how a byte-level vocabulary writes `text`, which is ASCII."""
    return text.replace(" ", SPACE)


def aliases(
    found: dict[str, str], imagenet: Sequence[str], names: Sequence[str], said: set[str]
) -> dict[str, str]:
    """Return the other names that still mean one thing only, each with the name it stands for."""
    renamed = dict(zip(imagenet, names, strict=False))
    taken = EVERYDAY | {_key(word) for word in [*names, *said]}
    return {other: renamed[name] for other, name in found.items() if _key(other) not in taken}


def _key(text: str) -> str:
    """Return what two names have in common that the tokenizer cannot tell apart."""
    return re.sub(r"[^a-z0-9]+", " ", plain(text))


def main() -> None:
    """Write the four files."""
    arguments = argparse.ArgumentParser(prog="python -m training.tokenizer", description=__doc__)
    arguments.add_argument("--folder", type=Path, default=FOLDER)
    folder = arguments.parse_args().folder
    source = json.loads(SOURCE.read_text("utf-8"))
    names = columns(source["classes"])
    shared = names[1000:]
    table = groups(names, shared)
    words = dict.fromkeys([*WORDS, *table])
    others = aliases(source["synonyms"], source["classes"], names, set(words))
    tokenizer = build(names, words, [*names, *others, *words])
    tokenizer.save(str(folder / "tokenizer.json"))
    for file, value in (("names", names), ("groups", table), ("aliases", others)):
        (folder / f"{file}.json").write_text(json.dumps(value, indent=0) + "\n", "utf-8")
    print(f"{tokenizer.get_vocab_size()} tokens, {len(names)} columns, {len(others)} synonyms")


if __name__ == "__main__":
    main()
