"""The child process: `python -m longwatch.stream.pull.child`, one for each connection.

It reads its job as a line from standard input, and writes a line of JSON for each event to standard
output. When its standard input ends, as it does when the parent dies, it ends too.
"""

from __future__ import annotations

import json
import os
import select
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from longwatch.errors import LongwatchError
from longwatch.stream.pull.address import redact
from longwatch.stream.pull.errors import SENTENCES
from longwatch.stream.pull.frame_ring import FrameRing
from longwatch.stream.pull.process import PullJob
from longwatch.stream.pull.reader import Reader

if TYPE_CHECKING:
    from longwatch.stream.decoding.decoder import DecodeTimer

GRACE = 1.0  # seconds that the reader has for a clean end
TICK = 0.1  # seconds between two looks at the decoder


class EventWriter:
    """Writes events; news of a frame never waits for a parent that is busy."""

    def __init__(self) -> None:
        self._fd = sys.stdout.fileno()

    def __call__(self, event: str, **fields: Any) -> None:
        """Write one event."""
        if event == "frame" and not select.select([], [self._fd], [], 0)[1]:
            return  # the next one says the same
        os.write(self._fd, (json.dumps({"event": event, **fields}) + "\n").encode())


def main() -> None:
    """Do the job, and say how it ended."""
    job = PullJob.load(sys.stdin.readline())
    tell, stop = EventWriter(), threading.Event()
    threading.Thread(target=_watch_parent, args=(stop,), daemon=True).start()
    ring = FrameRing(job.settings.slots, job.max_pixels, job.fd)
    reader = Reader(job, ring, stop, tell)
    threading.Thread(target=watch_decoder, args=(reader.stopwatch, tell), daemon=True).start()
    try:
        finite = reader.run()
        tell("end", code="source_ended", finite=finite, message=SENTENCES["source_ended"])
    except LongwatchError as error:
        message = redact(str(error), job.address.secrets)
        tell("end", code=error.code, finite=False, message=message)
    except Exception as error:  # noqa: BLE001  its text may hold the URL; its type does not
        told = f"the source failed ({type(error).__name__})"
        tell("end", code="source_error", finite=False, message=told)
    sys.stdout.flush()
    os._exit(0)  # a thread of libav's that hangs must not keep the process


def watch_decoder(stopwatch: DecodeTimer, tell: EventWriter) -> None:
    """End with a decoder that hangs; the parent starts another process, whose decoder is new."""
    while not stopwatch.overdue:
        time.sleep(TICK)
    tell("end", code="decode_timeout", finite=False, message=SENTENCES["decode_timeout"])
    os._exit(0)


def _watch_parent(stop: threading.Event) -> None:
    """End with the parent, or when it says so by closing our standard input."""
    while sys.stdin.read(1):
        pass
    stop.set()
    threading.Event().wait(GRACE)
    os._exit(0)


if __name__ == "__main__":
    main()
