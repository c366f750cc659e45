"""Times of a stream as a question gives them, and as they stand on the wire."""

from __future__ import annotations

from typing import Any

from longwatch.errors import InputError

LATEST = 1e12  # seconds; no clock of a stream says more


def on_wire(as_of: float | None, between: tuple[float, float] | None) -> dict[str, Any]:
    """Return the fields of a question's `lw` object that say what it is about, and as of when.

    Raises:
        InputError: they are no moments of a stream, or the range ends before it begins.
    """
    fields: dict[str, Any] = {"as_of": "now" if as_of is None else _moment(as_of, "as_of")}
    if between is not None:
        start, end = (_moment(seconds, "between") for seconds in between)
        if end < start:
            raise InputError(
                f"the range from {between[0]} s to {between[1]} s ends before it begins; swap them",
                param="between",
            )
        fields["range"] = {"from": start, "to": end}
    return fields


def _moment(seconds: float, name: str) -> int:
    if not 0 <= seconds <= LATEST:
        raise InputError(
            f"{name} is {seconds} s; it must be a moment on the stream's clock, which starts at 0",
            param=name,
        )
    return round(seconds * 1e6)
