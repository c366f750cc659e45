"""Pictures and video on their way in."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from longwatch.wire import Flags, Kind, Packet
from tests.media import still
from tests.serve import peer as p

if TYPE_CHECKING:
    from tests.serve.conftest import Live


async def test_all_forms_of_pictures_reach_the_memory(tiny: Live, name: str) -> None:
    async with p.connect(tiny.url) as peer:
        handle = await peer.open(name)
        text = base64.b64encode(still(1, "webp")).decode()
        await peer.send(still(0, "png"))
        await peer.ping()
        await peer.send({"type": "lw.frame.append", "image": text})
        await peer.ping()
        uri = {"image": f"data:image/webp;base64,{text}", "pts_us": 10**9, "stream": name}
        await peer.send({"type": "lw.frame.append", **uri})
        last = Packet(Kind.IMAGE, handle, 9, 2 * 10**9, still(3), Flags.NONE, 1_700_000_000_000_000)
        await peer.send(last.encode())
        while (await peer.until("lw.stream.stats"))["used"] < 4:
            pass
        other = f"{name}-2"
        await peer.open(other)
        for ambiguous in (still(1), {"type": "lw.frame.append", "image": text}):
            assert (await peer.error(ambiguous))["code"] == "stream_required"
        broken = await peer.error({"type": "lw.frame.append", "image": "?", "stream": other})
        assert broken["code"] == "frame_undecodable"
