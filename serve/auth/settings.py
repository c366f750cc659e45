"""The settings that say who is let in, and how much of the service each may have."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings

from longwatch.errors import ConfigError
from longwatch.serve.auth.origins import LOOPBACK


class AccessSettings(BaseSettings):
    """A part of `Settings`. Limits that are 0 are none."""

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(
        default=8090, ge=0, le=65535, description="port to listen on; 0 takes a free one"
    )
    insecure: bool = Field(
        default=False, description="listen beyond loopback although nobody needs a key"
    )
    origins: tuple[str, ...] = Field(
        default=(), description="web origins, besides those on loopback, whose pages may connect"
    )
    keys: str = Field(default="", description="file of keys; without it nobody needs one")
    hosts: tuple[str, ...] = Field(
        default=(), description="names, besides those of loopback, that requests may come under"
    )
    tls_cert: str = Field(default="", description="file of the certificate chain, PEM, for https")
    tls_key: str = Field(default="", description="file of the certificate's private key, PEM")
    auth_seconds: float = Field(
        default=10.0, gt=0, description="for a page to say who it is (`lw.auth`)"
    )

    key_sessions: int = Field(default=0, ge=0, description="websocket connections of one key")
    key_streams: int = Field(default=0, ge=0, description="streams that one key has made")
    key_parallel: int = Field(default=0, ge=0, description="answers under way for one key")
    key_questions: float = Field(default=0.0, ge=0, description="questions a minute of one key")
    key_frames: float = Field(default=0.0, ge=0, description="pictures a second of one key")
    key_bytes: float = Field(default=0.0, ge=0, description="bytes a second of one key")
    session_questions: float = Field(
        default=0.0, ge=0, description="questions a minute of one session"
    )
    session_frames: float = Field(default=0.0, ge=0, description="pictures a second of one session")
    session_bytes: float = Field(default=0.0, ge=0, description="bytes a second of one session")

    def check_access(self) -> None:
        """Raise `ConfigError` where the settings would let in more than anybody meant."""
        if self.host not in LOOPBACK and not self.insecure and not self.keys:
            raise ConfigError(
                f"host {self.host!r} can be reached from other machines and nobody needs a key; "
                "use 127.0.0.1, make keys with `longwatch keys add` and name their file with "
                "--keys, or add --insecure on a network that you trust"
            )
        if bool(self.tls_cert) != bool(self.tls_key):
            raise ConfigError(
                "https needs a certificate and its key; give both --tls-cert and --tls-key"
            )
