"""What papers say of memory that can be counted."""

from __future__ import annotations

import pytest

from longwatch.memory.streamingtom import StreamingTOM

LAYERS, HEADS, CHANNELS = 28, 4, 128  # of Qwen2-7B
FRAME, KEPT = 196, 50
FP16 = 2


def test_streamingtom_s_true_size_of_a_frame_counts_scales_minima_and_keys() -> None:
    """860,160 bytes, 13.07 times less than all tokens; the paper's 15.7 leaves these out."""
    codec = StreamingTOM().sealing.rungs[0].codec
    eight, sixteen = (codec.row_bytes(HEADS, CHANNELS, n) for n in (8, 16))
    token = (sixteen - eight) // 8
    scales = eight - 8 * token
    found = LAYERS * (KEPT * token + scales + HEADS * CHANNELS * FP16)
    assert found == 860_160
    whole = FRAME * LAYERS * 2 * HEADS * CHANNELS * FP16
    assert whole / found == pytest.approx(13.07, abs=0.005)
    assert whole / (LAYERS * KEPT * token) == pytest.approx(15.7, abs=0.05)
    an_hour = found * 3600 / 2 / 2**30  # at a frame every two seconds
    assert an_hour == pytest.approx(1.44, abs=0.005)
