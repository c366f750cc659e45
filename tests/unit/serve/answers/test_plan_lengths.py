"""Questions and answers have a longest length, and are refused beyond it."""

from __future__ import annotations

import pytest

from longwatch.errors import InputError
from longwatch.serve.answers.plan import MAX_INPUT_TOKENS, MAX_OUTPUT_TOKENS, check_lengths


def test_the_limits_themselves_are_allowed_and_one_more_is_not() -> None:
    check_lengths(MAX_INPUT_TOKENS, MAX_OUTPUT_TOKENS)
    with pytest.raises(InputError) as long:
        check_lengths(MAX_INPUT_TOKENS + 1, 1)
    assert long.value.code == "context_overflow"
    with pytest.raises(InputError) as asked:
        check_lengths(1, MAX_OUTPUT_TOKENS + 1)
    assert asked.value.param == "max_output_tokens"
