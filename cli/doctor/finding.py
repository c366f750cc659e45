"""What one look of `longwatch doctor` found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """What one look found. A `note` is worth knowing; a `fail` keeps the service from working."""

    what: str
    state: State
    found: str
