"""Colours survive the way from a decoder's planes to RGB."""

from __future__ import annotations

import av
import numpy as np
import pytest

from longwatch.stream.decoding.decoder import Converter

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (90, 120, 30)]


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("form", ["yuv420p", "yuvj420p", "yuv444p", "yuv420p10le", "gray", "rgb24"])
def test_a_plain_colour_stays_itself(colour: tuple[int, int, int], form: str) -> None:
    pixels = np.full((32, 48, 3), colour, np.uint8)
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=form)
    result = Converter().rgb(frame)
    expected = (
        pixels if form != "gray" else np.broadcast_to(frame.to_ndarray()[..., None], (32, 48, 3))
    )
    assert result.shape == (32, 48, 3)
    assert result.dtype == np.uint8
    assert result.flags.writeable
    assert result.flags.c_contiguous
    assert np.abs(result.astype(int) - expected).max() <= 3


def test_one_converter_serves_every_size_in_turn() -> None:
    converter = Converter()
    for size in [(32, 48), (120, 160), (32, 48), (33, 47)]:
        pixels = np.full((*size, 3), 200, np.uint8)
        assert converter.rgb(av.VideoFrame.from_ndarray(pixels, format="rgb24")).shape == (*size, 3)
