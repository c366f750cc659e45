"""The service over TLS, with a certificate of its own making."""

from __future__ import annotations

import ssl
import subprocess
from typing import TYPE_CHECKING

import httpx
import pytest

from longwatch.client import connect
from longwatch.client.http import get_json
from longwatch.errors import ClosedError, ConfigError
from longwatch.serve.auth.settings import AccessSettings
from longwatch.serve.server import check_tls
from tests.support.service import Live, serve
from tests.support.tiny import TinyVideoLM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Pair = tuple[Path, Path]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder = tmp_path_factory.mktemp("tls")
    return make(folder, "a")


def make(folder: Path, name: str) -> Pair:
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    making = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
        "-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1"
    )
    command = [*making.split(), "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


@pytest.fixture(scope="module")
def secure(pair: Pair) -> Iterator[Live]:
    with serve(TinyVideoLM(), tls_cert=str(pair[0]), tls_key=str(pair[1])) as live:
        yield live


async def test_a_client_that_trusts_the_certificate_is_served_on_both_ways(
    secure: Live, pair: Pair
) -> None:
    assert secure.url.startswith("https://")
    async with connect(secure.url, ca=pair[0]) as client:
        assert await client.ping() > 0
        assert await client.models() == ["tiny"]


async def test_a_client_that_does_not_trust_it_says_so(secure: Live) -> None:
    with pytest.raises(ClosedError, match=r"(?i)certificate"):
        await connect(secure.url).__aenter__()
    with pytest.raises(ClosedError, match=r"(?i)certificate"):
        get_json(secure.url, "/v1/models")


async def test_old_versions_of_tls_are_refused(secure: Live, pair: Pair) -> None:
    old = ssl.create_default_context(cafile=str(pair[0]))
    old.minimum_version = ssl.TLSVersion.TLSv1_2
    async with httpx.AsyncClient(verify=old) as client:
        assert (await client.get(f"{secure.url}/healthz")).status_code == 200
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    async with httpx.AsyncClient(verify=old) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{secure.url}/healthz")


def test_what_is_no_pair_is_said_before_anything_begins(pair: Pair, tmp_path: Path) -> None:
    cert, key = map(str, pair)
    other = str(make(tmp_path, "b")[1])
    check_tls(AccessSettings(tls_cert=cert, tls_key=key))
    for wrong in ((cert, other), (key, cert), (cert, str(tmp_path / "none"))):
        with pytest.raises(ConfigError, match="belong together"):
            check_tls(AccessSettings(tls_cert=wrong[0], tls_key=wrong[1]))
    locked = tmp_path / "locked.key"
    command = ["openssl", "ec", "-in", key, "-aes256", "-passout", "pass:x", "-out", str(locked)]
    subprocess.run(command, check=True, capture_output=True)
    with pytest.raises(ConfigError, match="password"):
        check_tls(AccessSettings(tls_cert=cert, tls_key=str(locked)))


def test_keys_in_the_clear_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    check_tls(AccessSettings(host="0.0.0.0", keys="file"))
    assert "in the clear" in caplog.text
    caplog.clear()
    check_tls(AccessSettings(keys="file"))
    assert not caplog.text
