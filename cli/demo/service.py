"""A service in a process of its own, for as long as the demo needs it."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import deque
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from longwatch.errors import ServerError

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator

START_SECONDS = 120.0
STOP_SECONDS = 15.0


@asynccontextmanager
async def own_service(*flags: str) -> AsyncIterator[str]:
    """Run `longwatch serve` on a free port of this machine; yields its address once it is ready.

    Raises:
        ServerError: it did not come up; the message ends with its own last words.
    """
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "longwatch", "serve", "--host", "127.0.0.1", "--port", "0"),
        *("--stop-with-stdin", "--log-format", "json", *flags),
        stdin=asyncio.subprocess.PIPE,  # closes with us, however we end
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for us; we end it in order
    )
    last: deque[str] = deque(maxlen=3)
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    listener = asyncio.create_task(_listen(child, last, ready))
    try:
        yield await asyncio.wait_for(ready, START_SECONDS)
    except TimeoutError:
        raise ServerError(
            f"the service did not start within {START_SECONDS:.0f} s: {' '.join(last)}",
            code="not_started",
            kind="server_error",
        ) from None
    finally:
        await _stop(child)
        await listener


async def _listen(child: Process, last: deque[str], ready: asyncio.Future[str]) -> None:
    """Read the log to its end, so that the service never waits for us."""
    if child.stderr is None:
        return
    async for line in child.stderr:
        text = line.decode(errors="replace").strip()
        last.append(text)
        with suppress(
            ValueError, TypeError, KeyError, AttributeError
        ):  # a line that is no event of ours
            said = json.loads(text)["event"]
            address = re.search(r"http://\S+", said)
            if said.startswith("ready") and address and not ready.done():
                ready.set_result(address[0])
    if not ready.done():
        words = " ".join(last).removeprefix("longwatch: ") or "it said nothing"
        ready.set_exception(
            ServerError(
                f"the service ended before it was ready: {words}",
                code="not_started",
                kind="server_error",
            )
        )


async def _stop(child: Process) -> None:
    """End the service in order, or by force when that takes too long."""
    with suppress(ProcessLookupError):
        child.terminate()
    try:
        await asyncio.wait_for(child.wait(), STOP_SECONDS)
    except TimeoutError:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()
