"""Laws of where webhooks may go."""

from __future__ import annotations

import pytest

from longwatch.errors import InputError
from longwatch.serve.watches.webhooks import Target, check_address, parse_target, resolve
from tests.support.addresses import NEAR, NEVER, SPELLINGS


async def refused(host: str, *, local: bool) -> bool:
    """Tell whether a webhook to a host is refused, at once or when its name is known."""
    try:
        await resolve(parse_target(f"http://{host}/x"), local=local)
    except InputError as error:
        return error.code == "forbidden_url"
    return False


@pytest.mark.parametrize("host", [*NEVER, *SPELLINGS])
async def test_what_no_source_may_be_at_no_webhook_may_go_to(host: str) -> None:
    for local in (False, True):
        assert await refused(host, local=local)


@pytest.mark.parametrize("host", [*NEAR, "100.64.0.1"])
async def test_near_addresses_are_allowed_by_a_setting_alone(host: str) -> None:
    assert not await refused(host, local=True)
    assert await refused(host, local=False)
    with pytest.raises(InputError, match="webhook-local"):
        check_address(host.strip("[]"), local=False)


def test_public_addresses_are_allowed() -> None:
    check_address("8.8.8.8", local=False)
    check_address("2001:4860:4860::8888", local=False)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/x",
        "file:///etc/passwd",
        "https://",
        "http://user:pa55@host/",
        "http://host:port/",
        "https://host/a b",
        "https://host/\r\nX: y",
        "x",
    ],
)
def test_what_is_no_plain_url_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_target(url)
    assert "pa55" not in str(refused.value)


def test_a_url_is_taken_apart() -> None:
    assert parse_target("https://host/a?b=1") == Target(True, "host", 443, "/a?b=1")
    assert parse_target("http://[::1]:8080") == Target(False, "::1", 8080, "/")


async def test_a_name_is_looked_up_before_it_is_used() -> None:
    target = parse_target("http://localhost:1/")
    assert await resolve(target, local=True) in {"127.0.0.1", "::1"}
    with pytest.raises(InputError):
        await resolve(target, local=False)
