"""Answers that are JSON of a schema: which tokens may come next, by the library llguidance."""

from __future__ import annotations

import importlib.util
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import torch

from longwatch.errors import InputError, ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longwatch.models.base import VideoLM

MOST = 32_768  # characters of a schema


@runtime_checkable
class Spelled(Protocol):
    """A tokenizer that says how its tokens are written."""

    def spelling(self) -> list[bytes]:
        """Return the bytes of every token, in the order of their ids."""
        ...


class Spelling:
    """How a tokenizer of ours writes: the bytes of each token, as llguidance asks for them."""

    bos_token_id = None

    def __init__(self, tokens: Sequence[bytes], stops: Sequence[int]) -> None:
        self.tokens = list(tokens)
        self.eos_token_id = stops[0]
        self.special_token_ids = list(stops)
        self._single = {token: i for i, token in enumerate(self.tokens) if len(token) == 1}

    def __call__(self, text: bytes | str) -> list[int]:
        """Return one way to write `text`, a byte a token."""
        data = text.encode() if isinstance(text, str) else text
        return [self._single[bytes([byte])] for byte in data if bytes([byte]) in self._single]


class Constraint:
    """The rest of one answer that must fit a JSON schema: ask what may follow, tell what did.

    It decodes as a tokenizer does, but to the very bytes that the schema was checked against.
    """

    def __init__(self, model: VideoLM, schema: str) -> None:
        """Begin an answer of `model`.

        Raises:
            InputError: the schema cannot be enforced (`unsupported_schema`), or not in this
                installation (`unsupported_parameter`).
            ModelError: the tokenizer of the model cannot be used for this.
        """
        from llguidance import LLMatcher  # an extra, which `grammar` says

        text = grammar(schema)
        self._writer = _writer(model)
        self._matcher: Any = LLMatcher(self._writer, text)
        _raise_for(self._matcher)

    def allowed(self, logits: torch.Tensor) -> torch.Tensor:
        """Return `logits`, (vocabulary,), with those that may not follow at minus infinity."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        _raise_for(self._matcher)
        mask = torch.from_numpy(np.unpackbits(bits, bitorder="little").astype(bool))
        n = min(len(mask), len(logits))
        out = torch.full_like(logits, -torch.inf)
        out[:n] = logits[:n].masked_fill(~mask[:n].to(logits.device), -torch.inf)
        return out

    def take(self, token: int) -> bool:
        """Take in which token followed; tell whether the answer is whole, so that none may."""
        if not self._matcher.consume_token(token):
            raise ModelError("the answer left its schema; report this with the schema")
        return bool(self._matcher.is_stopped())

    def encode(self, text: str) -> list[int]:
        """Return the ids of `text`."""
        return list(self._writer.tokenize_str(text))

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of `ids`; an incomplete character at the end shows as U+FFFD."""
        return bytes(self._writer.decode_bytes(list(ids))).decode(errors="replace")


def check_schema(schema: Any, param: str) -> str:
    """Return a JSON schema as text, if answers can be made to fit it.

    Raises:
        InputError: they cannot (`unsupported_schema`), or not in this installation.
    """
    text = json.dumps(schema)
    if not isinstance(schema, dict) or len(text) > MOST:
        raise _unsupported(f"it must be an object of at most {MOST} characters", param)
    grammar(text, param)
    return text


@lru_cache(maxsize=64)
def grammar(schema: str, param: str = "schema") -> str:
    """Return the grammar of a schema, given as JSON; see `check_schema` for what is raised."""
    if importlib.util.find_spec("llguidance") is None:
        raise InputError(
            "answers of a JSON schema need the library llguidance; install "
            "longwatch[structured], or ask for text",
            code="unsupported_parameter",
            param=param,
        )
    from llguidance import LLMatcher

    text = ""
    try:
        text = LLMatcher.grammar_from_json_schema(
            schema,  # without any space, which a small model would write without end
            defaults={
                "whitespace_flexible": False,
                "item_separator": ",",
                "key_separator": ":",
            },
        )
        fault = LLMatcher.validate_grammar(text)
    except ValueError as error:
        fault = str(error)
    if fault:
        raise _unsupported(" ".join(fault.split())[:300], param)
    return text


@lru_cache(maxsize=4)
def _writer(model: VideoLM) -> Any:
    """Return the model's tokenizer as llguidance wants it."""
    from llguidance import LLTokenizer, TokenizerWrapper
    from llguidance.hf import from_tokenizer

    tokenizer, stops = model.tokenizer, sorted(model.stop_ids)
    if isinstance(tokenizer, Spelled):
        tokens = tokenizer.spelling()
        if not stops:  # llguidance needs one; it is beyond the model's words, so it never follows
            tokens, stops = [*tokens, b""], [len(tokens)]
        return LLTokenizer(TokenizerWrapper(Spelling(tokens, stops)))
    try:
        return from_tokenizer(tokenizer, eos_token=stops or None)  # type: ignore[arg-type]
    except (ValueError, TypeError, AttributeError) as error:
        raise ModelError(
            f"answers of a JSON schema cannot be made with this model's tokenizer ({error})"
        ) from error


def _raise_for(matcher: Any) -> None:
    if matcher.is_error():
        raise _unsupported(" ".join(str(matcher.get_error()).split())[:300], "schema")


def _unsupported(told: str, param: str) -> InputError:
    return InputError(
        f"answers cannot be made to fit this schema: {told}; make it simpler",
        code="unsupported_schema",
        param=param,
    )
