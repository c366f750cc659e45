"""The keys that are valid now."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from longwatch.errors import ConfigError
from longwatch.serve.auth.keys import KeyFile, KeyStore

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys.json")


def test_a_key_opens_and_nothing_near_it(file: KeyFile) -> None:
    key, token = file.add("one", ["ask"], ["door-*"])
    ring = KeyStore(file.path)
    found = ring.find(token)
    assert found == key.principal()
    last = "A" if token[-1] != "A" else "B"
    for wrong in ("", "x", token[:-1], token[:-1] + last, token + "A", token.upper(), "lwk__"):
        assert ring.find(wrong) is None


def test_a_key_made_or_revoked_while_the_service_runs_counts_at_once(file: KeyFile) -> None:
    first, token = file.add("one", ["ask"])
    ring = KeyStore(file.path)
    _, later = file.add("two", ["ask"])
    assert ring.find(later) is not None
    holder = ring.find(token)
    assert holder is not None
    assert ring.is_valid(holder)
    file.revoke(first.id)
    assert not ring.is_valid(holder)
    assert ring.find(token) is None


def test_an_expired_key_is_none(file: KeyFile) -> None:
    _, past = file.add("past", ["ask"], expires=time.time() - 1)
    key, soon = file.add("soon", ["ask"], expires=time.time() + 3600)
    ring = KeyStore(file.path)
    assert ring.find(past) is None
    assert ring.find(soon) == key.principal()


def test_a_key_whose_rights_were_changed_must_be_shown_again(file: KeyFile) -> None:
    _, token = file.add("one", ["ask", "publish"])
    ring = KeyStore(file.path)
    holder = ring.find(token)
    assert holder is not None
    text = file.path.read_text().replace('"publish"', '"manage" ')
    file.path.write_text(text)
    assert not ring.is_valid(holder)
    assert ring.find(token) != holder


def test_a_file_that_is_lost_or_damaged_lets_nobody_in_until_it_is_back(file: KeyFile) -> None:
    _, token = file.add("one", ["ask"])
    text = file.path.read_text()
    ring = KeyStore(file.path)
    file.path.write_text("damaged")
    assert ring.find(token) is None
    file.path.unlink()
    assert ring.find(token) is None
    file.path.write_text(text)
    file.path.chmod(0o600)
    assert ring.find(token) is not None
    with pytest.raises(ConfigError):
        KeyStore(file.path.with_name("other"))
