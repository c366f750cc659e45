"""Every policy, without limits that matter and with limits that do."""

from __future__ import annotations

from longwatch.memory import (
    Full,
    InfiniPotV,
    LiveVLM,
    Longwatch,
    Policy,
    ReKV,
    StreamingTOM,
    Window,
)
from longwatch.memory.codec import Codec
from longwatch.memory.fidelity import Codecs, faithful

EXACT = Codec(key_bits=32, value_bits=32)
MANY = 1_000_000

UNLIMITED: list[Policy] = [
    Full(),
    Window(tokens=MANY),
    ReKV(window_tokens=MANY),
    LiveVLM(clip=MANY),
    StreamingTOM(window_tokens=MANY, tokens=MANY),
    InfiniPotV(tokens=MANY),
    Longwatch(window_tokens=MANY),
]
# Everything is sealed soon, nothing is lost, everything is recalled.
RECALLING: list[Longwatch] = [
    Longwatch(
        window_tokens=4,
        sinks=sinks,
        block_tokens=size,
        thinning=None,
        codec=EXACT,
        tokens=MANY,
        max_bytes=None,
    )
    for sinks, size in ((0, 4), (1, 4), (1, 9), (2, 3))
]
BOUNDED: list[Policy] = [
    Window(tokens=12, sinks=1),
    Window(tokens=1, sinks=0),
    Window(20, 3),
    ReKV(window_tokens=8, frames=2),
    ReKV(window_tokens=8, frames=3, max_bytes=3000),
    LiveVLM(tokens=10, clip=3, recent=2, page_tokens=4),
    StreamingTOM(window_tokens=8, group_tokens=6, tokens=12),
    InfiniPotV(tokens=16),
    Longwatch(window_tokens=8, block_tokens=6, tokens=12),
    Longwatch(window_tokens=4, sinks=0, block_tokens=5, max_bytes=2000, rungs=3),
    faithful(Longwatch(window_tokens=4, block_tokens=5), "exact", Codecs()),
    faithful(Longwatch(window_tokens=4, max_bytes=6000, block_tokens=5), "high", Codecs()),
    *RECALLING,
]
