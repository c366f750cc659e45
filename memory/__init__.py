"""One stream's keys and values: what stays, and what a pass of the model gets to see."""

from __future__ import annotations

from longwatch.memory.base import Policy
from longwatch.memory.full import Full
from longwatch.memory.window import Window

__all__ = ["POLICIES", "Full", "Policy", "Window"]

POLICIES: dict[str, type[Policy]] = {"full": Full, "window": Window}
