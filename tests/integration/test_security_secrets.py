"""No key is in what a service says, wherever it says it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import websockets
from websockets.exceptions import InvalidStatus

from longwatch.serve.auth.authenticator import PREFIX
from longwatch.serve.auth.keys import KeyFile, split
from tests.support import peer as p

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WRONG = "lwk_0123abcd_this-is-no-key-at-all-but-somebody-may-have-mistyped"
PAGE = websockets.Origin("http://localhost")


@contextmanager
def process(keys: Path) -> Iterator[tuple[str, list[str]]]:
    """Run the service at its most talkative; yield its URL and the lines that it writes."""
    settings = {"LONGWATCH_KEYS": str(keys), "LONGWATCH_LOG_LEVEL": "debug", "LONGWATCH_PORT": "0"}
    command = [sys.executable, "-m", "longwatch", "serve", "--threads", "1", "--auth-seconds", "1"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **settings},
    ) as child:
        timer = threading.Timer(p.DEADLINE * 4, child.kill)
        timer.start()
        lines: list[str] = []
        try:
            for line in child.stdout or ():
                lines.append(line)
                if "ready: bundled answers at" in line:
                    break
            url = next(word for word in lines[-1].split() if word.startswith("http"))
            yield url, lines
            child.terminate()
            lines.extend(child.stdout or ())
        finally:
            timer.cancel()
            child.kill()


@pytest.mark.slow
async def test_no_key_and_no_ticket_is_in_logs_errors_or_metrics(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    key, token = file.add("one", ["ask", "publish", "manage"])
    said: list[str] = []
    with process(file.path) as (url, lines):
        async with httpx.AsyncClient(base_url=url) as client:
            for sent in (token, WRONG):
                for path in ("/v1/streams", f"/v1/streams/{sent}", f"/{sent}", "/metrics"):
                    headers = {"Authorization": f"Bearer {sent}"}
                    reply = await client.get(path, headers=headers)
                    said.append(reply.text.replace(path.rpartition("/")[2], "the path"))
            ticket = (await client.post("/v1/tickets", headers=_bearer(token))).json()["ticket"]
        address = url.replace("http", "ws", 1) + "/v1/realtime"
        for query in (f"?ticket={ticket}", f"?ticket={ticket}", f"?ticket={WRONG}"):
            async with websockets.connect(address + query, origin=PAGE) as socket:
                said.append(str(await socket.recv()))
        for first in (token, WRONG):
            async with websockets.connect(address, origin=PAGE) as socket:
                await socket.send(json.dumps({"type": "lw.auth", "token": first}))
                said.append(str(await socket.recv()))
        with pytest.raises(InvalidStatus) as told:
            await websockets.connect(address, additional_headers=_bearer(WRONG))
        said.append(str(told.value.response.body))
        async with p.connect(url, additional_headers=_bearer(token)) as peer:
            await peer.send({"type": "nonsense", "token": WRONG})
            said.append(json.dumps(await peer.until("error")))
            file.revoke(key.id)
            said.append(json.dumps(await peer.until("error")))
    assert any("a request was refused" in line for line in lines)
    assert any("connection begins" in line and key.id in line for line in lines)
    for bare in (split(token)[1], ticket.removeprefix(PREFIX), split(WRONG)[1]):
        assert len(bare) > 32  # it is not in there by chance
        assert bare not in "".join(said)
        assert not [line for line in lines if bare in line]


def _bearer(token: str) -> dict[str, Any]:
    return {"Authorization": f"Bearer {token}"}
