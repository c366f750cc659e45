"""What the settings refuse to open."""

from __future__ import annotations

import pytest

from longwatch.errors import ConfigError
from longwatch.serve.auth.settings import AccessSettings


def test_beyond_loopback_somebody_must_have_thought_of_who_may() -> None:
    for given in ({}, {"tls_cert": "a", "tls_key": "b"}):
        with pytest.raises(ConfigError, match="keys add"):
            AccessSettings(host="0.0.0.0", **given).check_access()  # type: ignore[arg-type]
    AccessSettings(host="0.0.0.0", keys="file").check_access()
    AccessSettings(host="0.0.0.0", insecure=True).check_access()
    AccessSettings().check_access()


def test_a_certificate_needs_its_key() -> None:
    for given in ({"tls_cert": "a"}, {"tls_key": "b"}):
        with pytest.raises(ConfigError, match="--tls-cert and --tls-key"):
            AccessSettings(**given).check_access()  # type: ignore[arg-type]
