"""One stream's keys and values: what stays, what is sealed, what a pass of the model gets to see.

A frame's way: `segment` is what was read, `memory` holds segments under a policy, a file each;
what leaves goes to the `archive`: thinned (`thinning`), packed (`codec`), stored (`arena`), entered
in a `table`. A question's way: a `memory.Snapshot` with its `view` of the archive, `recall` chooses
layer by layer, `row` lays it out, `context` is what one read or one answer sees, and `attention`
the function that transformers calls.
"""

from __future__ import annotations

from longwatch.memory.base import Policy
from longwatch.memory.full import Full
from longwatch.memory.infinipotv import InfiniPotV
from longwatch.memory.livevlm import LiveVLM
from longwatch.memory.longwatch import Longwatch
from longwatch.memory.rekv import ReKV
from longwatch.memory.streamingtom import StreamingTOM
from longwatch.memory.window import Window

__all__ = [
    "POLICIES",
    "Full",
    "InfiniPotV",
    "LiveVLM",
    "Longwatch",
    "Policy",
    "ReKV",
    "StreamingTOM",
    "Window",
]

POLICIES: dict[str, type[Policy]] = {
    "full": Full,
    "window": Window,
    "rekv": ReKV,
    "livevlm": LiveVLM,
    "streamingtom": StreamingTOM,
    "infinipotv": InfiniPotV,
    "longwatch": Longwatch,
}
