"""What becomes of a camera that fails: each fault against the running service, from real servers.

`longwatch serve` runs in a process of its own, pulls a camera of 10 frames a second from
gst-rtsp-server (or a clip from VLC) on loopback, and is watched over its websocket. A row is one
fault: the state and the reason that the service told, `detect_s` from the fault, or from the
opening of a stream that could not be opened, to that; `recover_s` from the end of the fault to the
first frame; `gap_s`, how much of the stream's time was not seen, and `frames_lost`, the camera's
frames of that time; `damaged`, packets and pictures that were left out. A fault is survived if
state and reason are those that it should have, and frames of the same stream are read again
afterwards. Times are the service's own settings, but for the slow retry after a wrong password or
path: 5 s here, a minute otherwise.

Then a camera is cut off, its decoder is killed, or its stream is closed and opened again, so many
times, with waits of at most 0.2 s. `leaked_*` is what the service holds after all cycles beyond
what it held after the first few.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.cameras import Relay, Server, missing, missing_vlc
from benchmarks.fault_scenes import possible, show
from benchmarks.report import parser, publish
from benchmarks.watched_service import Held, Watched, children

if TYPE_CHECKING:
    from collections.abc import Sequence

SLOW = ("--pull-retry-slow", "5")
FAST = ("--pull-retry", "0.1", "--pull-retry-most", "0.2")
SETTLE = 3  # cycles before the first count of what is held


class Protocol(NamedTuple):
    """How much is done."""

    faults: tuple[str, ...]  # () is all
    cycles: int


FULL = Protocol((), 100)
QUICK = Protocol(("server_killed", "tcp_cut", "refused", "forbidden"), 4)


def leaks(cycles: int) -> tuple[Held, Held]:
    """Return what a service holds before and after so many failures of its camera."""
    with Watched(*FAST) as service, Server() as server, Relay(server.port) as relay:
        url = f"rtsp://127.0.0.1:{relay.port}/test"
        service.pull("camera", url)
        service.until("camera", "online")
        before = service.held()
        for cycle in range(SETTLE + cycles):
            at = time.monotonic()
            if cycle % 3 == 0:
                relay.cut()
            elif cycle % 3 == 1:
                for pid in children(service.pid):
                    os.kill(pid, signal.SIGKILL)
            else:
                service.close("camera")
                service.pull("camera", url)
            service.until("camera", "online", after=at)
            if cycle == SETTLE - 1:
                before = service.held()
        return before, service.held()


def main(given: Sequence[str] | None = None) -> dict[str, Any]:
    """Do every fault, then the cycles, and publish."""
    arguments = parser("faults", __doc__ or "")
    words = sys.argv[1:] if given is None else list(given)
    options = arguments.parse_args(words)
    protocol = QUICK if options.quick else FULL
    names = [name for name in possible() if not protocol.faults or name in protocol.faults]
    with Watched(*SLOW) as service:
        rows = [show(service, name) for name in names]
    held = {"fds": 0, "threads": 0, "processes": 0}
    cycles = protocol.cycles if missing() is None else 0
    if cycles:
        before, after = leaks(cycles)
        held = {name: getattr(after, name) - getattr(before, name) for name in held}
        rows += [{"held": "before", **before._asdict()}, {"held": "after", **after._asdict()}]
    faults = [row for row in rows if "fault" in row]
    summary = {
        "survived": all(row["survived"] for row in faults),
        "faults": len(faults),
        "failed": [row["fault"] for row in faults if not row["survived"]],
        "detect_s": most(faults, "detect_s"),
        "recover_s": most(faults, "recover_s"),
        "cycles": cycles,
        **{f"leaked_{name}": count for name, count in held.items()},
        "not_run_for_want_of": [lack for lack in (missing(), missing_vlc()) if lack],
    }
    return publish(arguments, words, rows, summary)


def most(rows: Sequence[dict[str, Any]], name: str) -> float | None:
    """Return the greatest of the times that there are."""
    return max((row[name] for row in rows if row.get(name) is not None), default=None)


if __name__ == "__main__":
    main()
