"""How long a question and its answer may be."""

from __future__ import annotations

from longwatch.errors import InputError

MAX_INPUT_TOKENS = 8192
MAX_OUTPUT_TOKENS = 4096


def check_lengths(prompt: int, output: int) -> None:
    """Raise `InputError` where a prompt or an answer of so many tokens is too long."""
    if prompt > MAX_INPUT_TOKENS:
        raise InputError(
            f"the question and its dialogue are {prompt} tokens long and {MAX_INPUT_TOKENS} are "
            "allowed; ask something shorter or begin a new conversation",
            code="context_overflow",
        )
    if output > MAX_OUTPUT_TOKENS:
        raise InputError(
            f"an answer may be {MAX_OUTPUT_TOKENS} tokens long, not {output}; lower it",
            param="max_output_tokens",
        )
