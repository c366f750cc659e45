"""Named sets of settings: a published method, whole, under one name."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Preset:
    """What comes before the language model, and what the memory keeps."""

    about: str
    compressor: str  # a name of `compressors.COMPRESSORS`
    policy: str  # a name of `memory.POLICIES`
    papers: tuple[str, ...] = ()  # arXiv ids
    keep: float | None = None  # share of a frame's tokens; None is the compressor's own

    def settings(self) -> dict[str, str | float | None]:
        """Return the fields of `StreamSettings` that it sets."""
        return {"compressor": self.compressor, "keep": self.keep, "policy": self.policy}


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "full": Preset(
            "everything is read and kept: the oracle, which grows without bound",
            compressor="keep_all",
            policy="full",
        ),
        "window": Preset(
            "StreamingLLM's sinks and window, cut at frames as in StreamingVLM",
            compressor="keep_all",
            policy="window",
            papers=("2309.17453", "2510.09608"),
        ),
        "rekv": Preset(
            "ReKV: all tokens, and the best frames for each layer of an answer",
            compressor="keep_all",
            policy="rekv",
            papers=("2503.00540",),
        ),
        "streamingtom": Preset(
            "StreamingTOM: 50 of 196 tokens by CTR, in four-bit groups",
            compressor="ctr",
            policy="streamingtom",
            papers=("2510.18269",),
        ),
        "livevlm": Preset(
            "LiveVLM: all tokens, of which each clip keeps some, recalled by the page",
            compressor="keep_all",
            policy="livevlm",
            papers=("2505.15269",),
        ),
        "infinipotv": Preset(
            "InfiniPot-V: all tokens, cut back to a fixed budget whenever it is full",
            compressor="keep_all",
            policy="infinipotv",
            papers=("2506.15745",),
        ),
        "timechat": Preset(
            "TimeChat-Online: tokens that did not change are dropped; the rest in a window",
            compressor="dtd",
            policy="window",
            papers=("2504.17343",),
        ),
        "longwatch": Preset(
            "ours: tokens that tell something new, a window, and an archive that fades as it ages",
            compressor="longwatch",
            policy="longwatch",
        ),
    }
)
