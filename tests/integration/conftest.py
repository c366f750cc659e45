"""The services that integration tests share."""

from tests.support.service import bundled, name, tiny

__all__ = ["bundled", "name", "tiny"]
