"""Whose certificates are trusted; tests/integration/test_tls.py has a server."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from longwatch.client.transport import trust
from longwatch.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def test_certificates_and_names_are_checked_always() -> None:
    context = trust(None)
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_the_caller_s_own_context_is_taken_as_it_is() -> None:
    own = ssl.create_default_context()
    assert trust(own) is own


def test_a_file_without_a_certificate_is_said_so(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("none")
    for path in (empty, tmp_path / "missing.pem"):
        with pytest.raises(InputError, match=path.name):
            trust(path)
