"""Push a video file into a stream, live, and say how it goes.

longwatch serve                                  # in another terminal
python examples/watch_a_file.py clip.mp4 [http://127.0.0.1:8090] [SPEED]
"""

from __future__ import annotations

import asyncio
import sys

from longwatch.client import connect
from longwatch.client.push import Progress, push_file


def show(progress: Progress) -> None:
    """Print one line whenever the server has told how the stream is doing."""
    stats = progress.stats
    if stats is not None:
        print(f"{progress.time:6.1f} s sent, {stats.used} frames read, {stats.lost} lost", end="\r")


async def main(path: str, url: str, speed: float) -> None:
    """Push the file at `path` to the service at `url`, `speed` times as fast as live."""
    async with connect(url) as client:
        done = await push_file(client, path, stream="clip", fps=2.0, speed=speed, progress=show)
    print(f"\n{done.sent} messages, {done.bytes / 1e6:.1f} MB")


if __name__ == "__main__":
    address = sys.argv[2] if len(sys.argv) > 2 else "http://127.0.0.1:8090"
    asyncio.run(main(sys.argv[1], address, float(sys.argv[3]) if len(sys.argv) > 3 else 1.0))
