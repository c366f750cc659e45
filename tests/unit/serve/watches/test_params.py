"""Laws of what clients may say of a watch."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from longwatch.serve.watches.params import WatchChanges, WatchParams
from longwatch.serve.watches.watch import WatchSettings, Webhook


def test_what_is_left_out_is_the_default() -> None:
    assert WatchParams(condition="a dog").settings() == WatchSettings("a dog")


def test_what_is_given_is_taken() -> None:
    given = {"condition": "a dog", "streams": ["a"], "once": True, "webhook": {"url": "https://h"}}
    expected = WatchSettings("a dog", ("a",), once=True, webhook=Webhook("https://h"))
    assert WatchParams.model_validate(given).settings() == expected


def test_a_change_changes_no_more_than_it_says() -> None:
    assert WatchChanges(cooldown_s=1.0).changes() == {"cooldown_s": 1.0}
    assert WatchChanges(until=None, webhook=None).changes() == {"until": None, "webhook": None}


def test_a_typo_is_refused() -> None:
    with pytest.raises(ValidationError):
        WatchParams.model_validate({"condition": "a dog", "cooldown": 1.0})
