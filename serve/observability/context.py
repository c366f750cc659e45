"""Which session, stream and answer the running code is about: for log lines and traces."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_ids: ContextVar[Mapping[str, str]] = ContextVar("ids", default=MappingProxyType({}))


def current_context() -> Mapping[str, str]:
    """Return what the running code is about, by the names that log lines have for it."""
    return _ids.get()


@contextmanager
def log_context(**ids: str) -> Iterator[None]:
    """Be about these, too; tasks that are begun meanwhile are so as well, threads are not."""
    before = _ids.set({**_ids.get(), **ids})
    try:
        yield
    finally:
        _ids.reset(before)


def merge_contexts(each: Sequence[Mapping[str, str]]) -> dict[str, str | list[str]]:
    """Return the fields of a line that is about all of `each`: of several, lists in the plural."""
    if len(each) == 1:
        return dict(each[0])
    names = dict.fromkeys(name for ids in each for name in ids)
    return {f"{name}s": [ids[name] for ids in each if name in ids] for name in names}
