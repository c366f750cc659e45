"""Ask two questions about a stream at the same time, while somebody else feeds it.

longwatch watch synthetic:1 --name cam1          # in another terminal
python examples/ask_a_stream.py cam1 [http://127.0.0.1:8090]
"""

from __future__ import annotations

import asyncio
import sys

from longwatch.client import Client, connect


async def ask(client: Client, stream: str, question: str) -> None:
    """Ask, and print the answer when it is whole; `async for` would print it as it comes."""
    answer = await client.ask(question, stream=stream, max_tokens=64)
    text = await answer.read()
    ttft = answer.timing.ttft_ms if answer.timing else None
    print(f"{question} -> {text}  (as of {answer.as_of} s, first token after {ttft} ms)")


async def main(stream: str, url: str) -> None:
    """Ask the service at `url` about `stream`."""
    async with connect(url) as client:
        await asyncio.gather(
            ask(client, stream, "what do you see now?"),
            ask(client, stream, "how many different things have you seen?"),
        )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "http://127.0.0.1:8090"))
