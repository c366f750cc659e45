"""Which pages and names are strangers."""

from __future__ import annotations

import pytest

from longwatch.errors import ForbiddenError, InputError
from longwatch.serve.auth.origins import check_host, check_origin


@pytest.mark.parametrize("host", ["127.0.0.1:8090", "localhost", "LOCALHOST:1", "[::1]:8090"])
def test_loopback_may_be_called_by_all_its_names(host: str) -> None:
    check_host(host, ())


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8090",
        "127.0.0.1.evil.example",
        "localhost.evil",
        "",
        None,
    ],
)
def test_a_name_that_leads_here_from_elsewhere_is_refused(host: str | None) -> None:
    with pytest.raises(ForbiddenError) as told:
        check_host(host, ("cam.example",))
    assert told.value.code == "host_not_allowed"
    check_host("cam.example:443", ("cam.example",))


def test_pages_of_this_machine_of_the_list_and_of_the_service_itself_may() -> None:
    for origin in (None, "http://localhost:3000", "http://127.0.0.1", "https://ok.example"):
        check_origin(origin, None, ("https://ok.example",))
    check_origin("https://cam.example:8090", "cam.example:8090", ())


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.example", None),
        ("http://evil.example", "cam.example"),
        ("http://ok.example", None),  # the list says https
        ("null", "cam.example"),
        ("", ""),
        ("http://[", None),
        ("http://localhost.evil.example", None),
    ],
)
def test_other_pages_may_not(origin: str, host: str | None) -> None:
    with pytest.raises(InputError) as told:
        check_origin(origin, host, ("https://ok.example",))
    assert told.value.code == "origin_not_allowed"
