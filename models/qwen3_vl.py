"""Qwen3-VL (arXiv 2511.21631): interleaved M-RoPE, QK-norm, deep-stack features, time as text."""

from __future__ import annotations

from longwatch.models.qwen2_5_vl import Qwen25VL


class Qwen3VL(Qwen25VL):
    """As Qwen2.5-VL, but the family itself says each frame's time, and frames it, in a video too.

    The features of some of the tower's inner layers go with the visual tokens, as `extras`.
    """

    @property
    def _spans_frames(self) -> bool:
        return False

    def _say(self, time: float) -> str:
        return f"<{time:.1f} seconds>"
