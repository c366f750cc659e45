"""Colours of painted pictures are the words that they were painted by."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from longwatch.models.colours import colour_words, frame_colours
from longwatch.stream.sources import painting

NAMES = tuple(painting.COLOURS)


def picture(colour: str, kind: str, size: tuple[int, int] = (320, 240)) -> torch.Tensor:
    image = painting.background(colour, kind, size, np.random.default_rng(0))
    return torch.tensor(image).permute(2, 0, 1)[None].float()


@pytest.mark.parametrize("kind", painting.GROUNDS)
@pytest.mark.parametrize("colour", NAMES)
def test_a_painted_ground_has_its_colour_in_every_cell(colour: str, kind: str) -> None:
    for grid in ((3, 3), (9, 9)):
        found = frame_colours(picture(colour, kind), grid)
        assert found.shape == (1, 1 + grid[0] * grid[1], len(NAMES))
        likeliest = {NAMES[i] for i in found[0].argmax(-1).tolist()}
        assert colour in likeliest
        assert NAMES[int(found[0, 0].argmax())] == colour
        assert found[0, 0, NAMES.index(colour)] > 0.5


def test_the_whole_frame_has_the_colour_of_its_border() -> None:
    image = picture("green", "flat")
    image[:, :, 20:220, 25:295] = torch.tensor([205.0, 40, 40])[:, None, None]
    found = frame_colours(image, (3, 3))[0]
    assert NAMES[int(found[0].argmax())] == "green"
    assert NAMES[int(found[5].argmax())] == "red"


def test_palette_colours_are_nearly_certain_and_distributions_sum_to_one() -> None:
    rgb = torch.tensor(list(painting.COLOURS.values()), dtype=torch.float32)
    found = colour_words(rgb)
    assert torch.allclose(found.sum(-1), torch.ones(len(NAMES)))
    assert (found.diagonal() > 0.9).all()
