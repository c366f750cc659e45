"""What a child process is told, on its standard input; its arguments anybody can see."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from longwatch.stream.pull.address import Address
from longwatch.stream.pull.rules import Rules
from longwatch.stream.pull.settings import PullSettings


@dataclass(frozen=True)
class Job:
    """One connection to one source."""

    address: Address
    rules: Rules
    settings: PullSettings
    fps: float | None  # frames taken a second; None takes all
    max_pixels: int
    fd: int  # of the ring
    transport: str = ""  # that worked the last time

    def dump(self) -> str:
        """Return the job as one line, with the credentials."""
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def load(cls, line: str) -> Job:
        """Return the job that a line holds."""
        given: dict[str, Any] = json.loads(line)
        rules = given["rules"]
        given |= {
            "address": Address(**given["address"]),
            "rules": Rules(**{**rules, "hosts": tuple(rules["hosts"])}),
            "settings": PullSettings(**given["settings"]),
        }
        return cls(**given)
