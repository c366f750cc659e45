"""Who is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from longwatch.errors import AuthenticationError, LimitError
from longwatch.serve.auth.authenticator import FAILURES, STRANGERS, Authenticator
from longwatch.serve.auth.keys import KeyFile
from longwatch.serve.auth.principal import EVERYONE
from longwatch.serve.auth.settings import AccessSettings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys.json")


def test_without_a_file_everybody_is_everyone() -> None:
    access = Authenticator(AccessSettings())
    assert not access.needs_keys
    assert access.identify(None) is access.identify("x") is access.redeem("y") is EVERYONE
    assert access.is_valid(EVERYONE)


def test_with_a_file_the_holder_of_a_key_is_let_in_and_nobody_else(file: KeyFile) -> None:
    key, token = file.add("one", ["ask"])
    access = Authenticator(AccessSettings(keys=str(file.path)))
    assert access.needs_keys
    assert access.identify(token) == access.admit(token) == key.principal()
    for wrong, code in ((None, "missing_key"), ("", "missing_key"), (token[:-2], "invalid_key")):
        with pytest.raises(AuthenticationError) as told:
            access.identify(wrong)
        assert told.value.code == code
    assert not access.is_valid(EVERYONE)


def test_a_ticket_dies_with_its_key_and_is_no_key_itself(file: KeyFile) -> None:
    key, token = file.add("one", ["ask"])
    access = Authenticator(AccessSettings(keys=str(file.path)))
    ticket, other = (access.issue(access.identify(token)) for _ in range(2))
    with pytest.raises(AuthenticationError):
        access.identify(ticket)
    assert access.admit(ticket) == key.principal()
    file.revoke(key.id)
    with pytest.raises(AuthenticationError):
        access.redeem(other)


def test_wrong_keys_are_slowed_down_by_address_and_right_ones_never(file: KeyFile) -> None:
    _, token = file.add("one", ["ask"])
    access = Authenticator(AccessSettings(keys=str(file.path)))
    for _ in range(FAILURES):
        with pytest.raises(AuthenticationError):
            access.identify("wrong", "10.0.0.1")
    with pytest.raises(LimitError) as told:
        access.identify("wrong", "10.0.0.1")
    assert told.value.code == "too_many_failures"
    assert told.value.retry_after > 1
    access.identify(token, "10.0.0.1")
    with pytest.raises(AuthenticationError):
        access.identify("wrong", "10.0.0.2")


def test_those_who_do_not_say_who_they_are_are_few() -> None:
    access = Authenticator(AccessSettings())
    waits = [access.waiting() for _ in range(STRANGERS)]
    for wait in waits:
        wait.__enter__()
    with pytest.raises(LimitError), access.waiting():
        raise AssertionError
    waits[0].__exit__(None, None, None)
    with access.waiting():
        pass
