"""What an application imports to reach the service. It needs no torch.

    async with longwatch.client.connect("http://127.0.0.1:8090") as client:
        answer = await client.ask("what do you see?", stream="cam1")
        async for piece in answer:
            ...

`longwatch.client.sync` has the same, blocking; `longwatch.client.push` sends files and cameras.
"""

from longwatch.client.answer import Answer, Evidence, Timing, Usage
from longwatch.client.client import Client, Picture, connect
from longwatch.client.options import Sampling
from longwatch.client.reconnect import Notice, Reconnect
from longwatch.client.streams import Publisher, StreamStats, StreamView
from longwatch.client.watches import Firing, Watch

__all__ = [
    "Answer",
    "Client",
    "Evidence",
    "Firing",
    "Notice",
    "Picture",
    "Publisher",
    "Reconnect",
    "Sampling",
    "StreamStats",
    "StreamView",
    "Timing",
    "Usage",
    "Watch",
    "connect",
]
