"""Tickets are used once, and soon."""

from __future__ import annotations

import pytest

from longwatch.errors import LimitError
from longwatch.serve.auth.authenticator import MOST, SECONDS, Tickets
from longwatch.serve.auth.principal import Principal


def test_a_ticket_is_taken_once() -> None:
    tickets, holder = Tickets(), Principal("k")
    ticket = tickets.issue(holder)
    assert tickets.redeem("lwt_other") is None
    assert tickets.redeem(ticket) is holder
    assert tickets.redeem(ticket) is None


def test_a_ticket_is_good_for_a_minute() -> None:
    now = [0.0]
    tickets, holder = Tickets(lambda: now[0]), Principal("k")
    early, late = tickets.issue(holder), tickets.issue(holder)
    now[0] = SECONDS - 0.001
    assert tickets.redeem(early) is holder
    now[0] = SECONDS
    assert tickets.redeem(late) is None


def test_tickets_that_nobody_uses_are_bounded_and_make_room_in_time() -> None:
    now = [0.0]
    tickets = Tickets(lambda: now[0])
    for _ in range(MOST):
        tickets.issue(Principal("k"))
    with pytest.raises(LimitError):
        tickets.issue(Principal("k"))
    now[0] = SECONDS
    tickets.issue(Principal("k"))
