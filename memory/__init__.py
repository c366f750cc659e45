"""One stream's keys and values: what stays, and what a pass of the model gets to see.

`segment` is what was read, `memory` holds segments under a policy (`full`, `window`), `context` is
what one read or one answer sees of them, and `attention` the function that transformers calls.
"""

from __future__ import annotations

from longwatch.memory.base import Policy
from longwatch.memory.full import Full
from longwatch.memory.window import Window

__all__ = ["POLICIES", "Full", "Policy", "Window"]

POLICIES: dict[str, type[Policy]] = {"full": Full, "window": Window}
