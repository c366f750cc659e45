"""The service under load is a process that can be reached and that ends."""

from __future__ import annotations

import httpx
import pytest

from benchmarks.load_service import service


@pytest.mark.slow
def test_the_service_answers_until_it_is_let_go() -> None:
    with service("bundled", batch=4, threads=1, whole=True) as url:
        assert httpx.get(f"{url}/healthz").is_success
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{url}/healthz")


def test_a_service_that_does_not_start_is_told() -> None:
    with (
        pytest.raises(RuntimeError, match="did not start"),
        service("no-such-model", batch=1, threads=1, whole=False),
    ):
        pass
