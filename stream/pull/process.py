"""A child process as its parent sees it: its job, its start, what it says, its end.

The job goes to its standard input, as anybody can see the arguments of a process.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from longwatch.stream.pull.address import Address
from longwatch.stream.pull.rules import UrlPolicy
from longwatch.stream.pull.settings import PullSettings

if TYPE_CHECKING:
    from longwatch.stream.pull.frame_ring import FrameRing

END = 1.5  # seconds that a child has to end by itself; it needs one at most
PIECE = 65536
LINE = 1 << 16  # bytes; a child says nothing longer


class ChildProcess:
    """One child process at work on `job`."""

    def __init__(self, job: PullJob, ring: FrameRing) -> None:
        # Our own settings, keys among them, are none of the child's business.
        ours = ("LONGWATCH_", "OTEL_")
        known = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "longwatch.stream.pull.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # libav's own words hold the URL
            pass_fds=(ring.fd,),
            env={**known, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C is for the parent, which ends it in order
            bufsize=0,
        )
        self._rest = b""
        self.over = False
        """Whether the child's output has ended."""
        with contextlib.suppress(OSError):  # it is gone already, which its output will say
            self._input.write(job.dump().encode())

    @property
    def pid(self) -> int:
        """The child's number."""
        return self._process.pid

    @property
    def _input(self) -> Any:
        return self._process.stdin

    def hear(self, timeout: float) -> list[dict[str, Any]]:
        """Return the events that came, waiting up to `timeout` seconds for the first."""
        out = self._process.stdout
        if self.over or out is None or not select.select([out], [], [], timeout)[0]:
            return []
        piece = os.read(out.fileno(), PIECE)
        if not piece or len(self._rest) > LINE:
            self.over = True
            return []
        *lines, self._rest = (self._rest + piece).split(b"\n")
        return [json.loads(line) for line in lines]

    def close(self, *, patient: bool) -> int:
        """End the child, by force unless it is `patient` enough; return its exit code."""
        with contextlib.suppress(OSError):
            self._input.close()
        try:
            if not patient:
                self._process.kill()
            return self._process.wait(END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
        finally:
            if self._process.stdout is not None:
                self._process.stdout.close()


@dataclass(frozen=True)
class PullJob:
    """One connection to one source."""

    address: Address
    rules: UrlPolicy
    settings: PullSettings
    fps: float | None  # frames taken a second; None takes all
    max_pixels: int
    fd: int  # of the ring
    transport: str = ""  # that worked the last time

    def dump(self) -> str:
        """Return the job as one line, with the credentials."""
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def load(cls, line: str) -> PullJob:
        """Return the job that a line holds."""
        given: dict[str, Any] = json.loads(line)
        rules = given["rules"]
        given |= {
            "address": Address(**given["address"]),
            "rules": UrlPolicy(**{**rules, "hosts": tuple(rules["hosts"])}),
            "settings": PullSettings(**given["settings"]),
        }
        return cls(**given)
