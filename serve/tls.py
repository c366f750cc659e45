"""The certificate that the service shows, looked at before anything else is begun."""

from __future__ import annotations

import logging
import ssl
from typing import TYPE_CHECKING

from longwatch.errors import ConfigError
from longwatch.serve.auth.origins import LOOPBACK

if TYPE_CHECKING:
    from longwatch.serve.auth.settings import AccessSettings

log = logging.getLogger(__name__)


def check_tls(settings: AccessSettings) -> None:
    """Say when keys would travel in the clear.

    Raises:
        ConfigError: the certificate or its key cannot be read, or they do not belong together.
    """
    if settings.tls_cert:
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
                settings.tls_cert, settings.tls_key, password=_no_password
            )
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            reason = getattr(error, "strerror", None) or error
            raise ConfigError(
                f"the certificate {settings.tls_cert!r} and its key {settings.tls_key!r} cannot be "
                f"used ({reason}); give PEM files that belong together, without a password"
            ) from None
    elif settings.keys and settings.host not in LOOPBACK:
        log.warning(
            "keys travel in the clear to %s; give --tls-cert and --tls-key, unless a proxy before "
            "this does TLS",
            settings.host,
        )


def _no_password() -> str:
    """Keep OpenSSL from asking the terminal."""
    raise ValueError("it has a password")
