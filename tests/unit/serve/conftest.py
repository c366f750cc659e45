"""The services that unit tests share, where one is easier to have than parts of it."""

from tests.support.service import bundled, name, tiny

__all__ = ["bundled", "name", "tiny"]
