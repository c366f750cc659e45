"""The file of keys."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from longwatch.errors import ConfigError, NotFoundError
from longwatch.serve.auth.keys import KeyFile, split

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys.json")


def test_what_is_written_is_read_again(file: KeyFile) -> None:
    first, _ = file.add("one", ["ask"])
    second, _ = file.add("two", ["publish", "manage"], ["door-*"], expires=5e9)
    assert list(file.read().values()) == [first, second]
    assert file.revoke(first.id) == first
    assert list(file.read().values()) == [second]


def test_the_file_is_its_owner_s_alone_and_holds_no_secret(file: KeyFile) -> None:
    key, token = file.add("one", ["ask"])
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert [path.name for path in file.path.parent.iterdir()] == ["keys.json"]
    key_id, secret = split(token)
    assert key_id == key.id
    assert len(secret) == 43  # 256 bits in base64
    assert secret not in file.path.read_text()
    assert key.opens_with(secret)
    assert not key.opens_with(secret[:-1])
    assert not key.opens_with("")


def test_secrets_differ(file: KeyFile) -> None:
    assert len({file.add("same", ["ask"])[1] for _ in range(20)}) == 20


def test_a_name_with_underscores_in_the_secret_is_split_where_it_should_be() -> None:
    assert split("lwk_ab_c_d_e") == ("ab", "c_d_e")
    for other in ("", "lwk", "lwk_ab", "sk_ab_c", "Bearer lwk_a_b"):
        assert split(other) == ("", "")


def test_a_file_that_others_may_write_is_refused(file: KeyFile) -> None:
    file.add("one", ["ask"])
    file.path.chmod(0o622)
    with pytest.raises(ConfigError, match="chmod 600"):
        file.read()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[]",
        '{"version": 2, "keys": []}',
        '{"version": 1, "keys": [{"id": "a"}]}',
        '{"version": 1, "keys": [], "more": 1}',
    ],
)
def test_what_is_no_file_of_keys_is_said_so_and_left_as_it_is(file: KeyFile, text: str) -> None:
    file.path.write_text(text)
    file.path.chmod(0o600)
    with pytest.raises(ConfigError, match=r"keys\.json"):
        file.read()
    with pytest.raises(ConfigError):
        file.add("one", ["ask"])
    assert file.path.read_text() == text


def test_a_scope_that_is_not_known_lets_nobody_in(file: KeyFile) -> None:
    file.add("one", ["ask"])
    content = json.loads(file.path.read_text())
    content["keys"][0]["scopes"] = ["root"]
    file.path.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match="scopes"):
        file.read()


def test_two_do_not_change_the_file_at_once(file: KeyFile) -> None:
    draft = file.path.with_name("keys.json.new")
    draft.touch()
    with pytest.raises(ConfigError, match="remove"):
        file.add("one", ["ask"])
    assert not file.path.exists()


def test_what_is_not_there_is_said_so(file: KeyFile, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="keys add"):
        file.read()
    file.add("one", ["ask"])
    with pytest.raises(NotFoundError, match="nope"):
        file.revoke("nope")
    with pytest.raises(ConfigError, match="folder"):
        KeyFile(tmp_path / "none" / "keys.json").add("one", ["ask"])
