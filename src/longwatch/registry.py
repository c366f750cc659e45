"""Names that users type, and what they stand for."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, TypeVar

from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


def lookup(table: Mapping[str, T], name: str, what: str) -> T:
    """Return what `name` stands for in `table`; `what` says in an error what was looked for.

    Raises:
        ConfigError: there is no such name; the message lists the known ones.
    """
    if name in table:
        return table[name]
    near = get_close_matches(name, table, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    known = ", ".join(sorted(table))
    raise ConfigError(f"there is no {what} called {name!r}; {hint}known: {known}")
