"""What the parts of the blocking client stand on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from longwatch.client.client import Client

T = TypeVar("T")


class Blocking(ABC):
    """A client without an event loop of its own, around an asynchronous one."""

    asynchronous: Client

    @abstractmethod
    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` on the client's own loop and return its result."""
