"""Laws of addresses; what they mean for sources and webhooks is tested with those."""

from __future__ import annotations

import pytest

from longwatch.stream.addresses import is_forbidden, is_metadata_host, is_private, parse_ip
from tests.support.addresses import NEAR, NEVER


@pytest.mark.parametrize("host", NEVER)
def test_an_address_is_never_gone_to_or_is_a_name_known_as_such(host: str) -> None:
    assert is_metadata_host(host) or is_forbidden(parse_ip(host.strip("[]")))


@pytest.mark.parametrize("host", [*NEAR, "100.64.0.1"])
def test_near_addresses_are_near_and_may_be_allowed(host: str) -> None:
    ip = parse_ip(host.strip("[]"))
    assert is_private(ip)
    assert not is_forbidden(ip)


@pytest.mark.parametrize("host", ["8.8.8.8", "2001:4860:4860::8888", "64:ff9b::808:808"])
def test_public_addresses_are_neither(host: str) -> None:
    ip = parse_ip(host)
    assert not is_private(ip)
    assert not is_forbidden(ip)


def test_names_of_metadata_are_known_in_every_spelling() -> None:
    assert is_metadata_host("Metadata.Google.Internal.")
    assert not is_metadata_host("metadata.example.org")
    with pytest.raises(ValueError, match="does not appear"):
        parse_ip("2852039166")  # what the name service makes of it is judged
