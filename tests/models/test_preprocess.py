"""Our pixels against those of each family's own image processor."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers.models.llava_onevision import LlavaOnevisionImageProcessorPil
from transformers.models.qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize
from transformers.models.smolvlm import SmolVLMImageProcessorPil

from longwatch.errors import FrameError, ModelError
from longwatch.models.preprocess import (
    Pixels,
    fit_area,
    fit_edge,
    grid_positions,
    patchify,
    picture,
    read_settings,
    square,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CLIP: dict[str, Any] = {
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
}
SIZES = [(480, 640), (37, 91), (91, 37), (384, 384), (2, 5), (55, 57), (200, 1001), (720, 405)]
sizes = pytest.mark.parametrize("size", SIZES)
LEVEL = 1.01  # of 255, with room for fp32 rounding


def photograph(height: int, width: int) -> NDArray[np.uint8]:
    """Return edges, a ramp and noise, of which a wrong filter or phase would show."""
    draw = np.random.default_rng(height * width)
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(x / 3), np.cos(y / 5), (x + y) / (height + width)], -1)
    shaped = 110 + 90 * waves + 40 * ((x // 7 + y // 9) % 2)[..., None]
    noisy = shaped + draw.normal(0, 8, shaped.shape)
    return np.asarray(noisy.clip(0, 255), dtype=np.uint8)


def levels(ours: torch.Tensor, theirs: torch.Tensor, std: list[float]) -> float:
    """Return the largest difference, in levels of 255, over channels in dimension -3."""
    scale = torch.tensor(std).reshape(3, 1, 1) * 255
    return float(((ours - theirs) * scale).abs().max())


@sizes
def test_llava_onevision_pixels_are_its_processors(size: tuple[int, int]) -> None:
    settings: dict[str, Any] = {"size": {"height": 56, "width": 56}, "resample": 3, **CLIP}
    processor = LlavaOnevisionImageProcessorPil(image_grid_pinpoints=[[56, 112]], **settings)
    image = photograph(*size)
    theirs = processor(image, return_tensors="pt")["pixel_values"][0, 0]
    pixels = Pixels.of(settings)
    ours = pixels.scale(pixels.resize(picture(image), *square(settings, 0)))
    assert levels(ours, theirs, CLIP["image_std"]) <= LEVEL


@sizes
@pytest.mark.parametrize("patch", [14, 16])
def test_qwen_pixels_are_its_processors(size: tuple[int, int], patch: int) -> None:
    area = {"min_pixels": 4 * (2 * patch) ** 2, "max_pixels": 40 * (2 * patch) ** 2}
    limits = {"shortest_edge": area["min_pixels"], "longest_edge": area["max_pixels"]}
    processor = Qwen2VLImageProcessorPil(patch_size=patch, size=limits, resample=3, **CLIP)
    image = photograph(*size)
    theirs = processor(image, return_tensors="pt")
    pixels = Pixels.of({"resample": 3, **CLIP})
    height, width = fit_area(*size, factor=2 * patch, **area)
    scaled = pixels.scale(pixels.resize(picture(image), height, width))
    ours = patchify(scaled[None], patch=patch, merge=2, repeat=2)
    assert theirs["image_grid_thw"].tolist() == [[1, height // patch, width // patch]]
    shape = (-1, 3, 2, patch, patch)
    difference = levels(
        ours.reshape(shape).transpose(1, 2),
        theirs["pixel_values"].reshape(shape).transpose(1, 2),
        CLIP["image_std"],
    )
    # Pillow and torch round after each direction; enlarging may sharpen a level lost in the first.
    enlarged = height * width > size[0] * size[1]
    assert difference <= (2 * LEVEL if enlarged else LEVEL)


@sizes
@pytest.mark.parametrize("number", [1, 2, 3])
def test_smolvlm_pixels_are_its_processors(size: tuple[int, int], number: int) -> None:
    halves = [0.5, 0.5, 0.5]
    settings: dict[str, Any] = {"image_mean": halves, "image_std": halves, "resample": number}
    processor = SmolVLMImageProcessorPil(
        size={"longest_edge": 128},
        max_image_size={"longest_edge": 64},
        do_image_splitting=False,
        **settings,
    )
    image = photograph(*size)
    theirs = processor(image, return_tensors="pt")["pixel_values"][0, 0]
    pixels = Pixels.of(settings)
    shaped = pixels.resize(picture(image), *fit_edge(*size, 128))
    ours = pixels.scale(pixels.resize(shaped, 64, 64))
    # Two resamplings: a level lost in the first one may be sharpened by the second.
    assert levels(ours, theirs, halves) <= 2 * LEVEL


@given(st.integers(1, 4000), st.integers(1, 4000), st.sampled_from([28, 32]), st.integers(1, 2000))
def test_sizes_within_an_area_are_qwens(height: int, width: int, factor: int, most: int) -> None:
    area = {"min_pixels": 4 * factor**2, "max_pixels": (4 + most) * factor**2}
    if max(height, width) > 200 * min(height, width):
        with pytest.raises(FrameError, match="200:1"):
            fit_area(height, width, factor=factor, **area)
        return
    expected = smart_resize(height, width, factor=factor, **area)
    assert fit_area(height, width, factor=factor, **area) == expected


def test_resizing_to_the_same_size_changes_nothing() -> None:
    image = picture(photograph(40, 30))
    assert Pixels().resize(image, 40, 30).equal(image)


@pytest.mark.parametrize("step", [1, -1])
def test_any_view_of_an_array_is_taken_and_left_alone(step: int) -> None:
    image = photograph(20, 30)[::step, ::2]
    image.setflags(write=False)
    taken = picture(image)
    assert taken.permute(1, 2, 0).numpy().tolist() == image.tolist()
    taken.zero_()
    assert image.any()


def test_patches_of_one_token_are_neighbours() -> None:
    numbered = torch.arange(16.0).reshape(1, 1, 4, 4).expand(1, 3, 4, 4)
    cut = patchify(numbered, patch=1, merge=2, repeat=1)
    assert cut[:4, 0].tolist() == [0, 1, 4, 5]


def test_grid_positions_count_rows_then_columns() -> None:
    assert grid_positions(2, 3).T.tolist() == [
        [0, 0, 0],
        [0, 0, 1],
        [0, 0, 2],
        [0, 1, 0],
        [0, 1, 1],
        [0, 1, 2],
    ]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"size": {"height": 5, "width": 6}}, (5, 6)),
        ({"size": {"shortest_edge": 7}}, (7, 7)),
        ({"size": 8}, (8, 8)),
        ({}, (9, 9)),
    ],
)
def test_every_form_of_a_square_size_is_read(
    settings: dict[str, Any], expected: tuple[int, int]
) -> None:
    assert square(settings, 9) == expected


def test_video_settings_go_before_those_for_images(tmp_path: Path) -> None:
    (tmp_path / "preprocessor_config.json").write_text('{"resample": 3, "size": 1}', "utf-8")
    (tmp_path / "video_preprocessor_config.json").write_text('{"size": 2}', "utf-8")
    assert read_settings(tmp_path, video=True) == {"resample": 3, "size": 2}
    assert read_settings(tmp_path, video=False) == {"resample": 3, "size": 1}


def test_settings_are_found_inside_the_processors_file(tmp_path: Path) -> None:
    whole = {"image_processor": {"size": 1}, "video_processor": {"size": 2}}
    (tmp_path / "processor_config.json").write_text(json.dumps(whole), "utf-8")
    assert read_settings(tmp_path, video=False) == {"size": 1}
    assert read_settings(tmp_path, video=True) == {"size": 2}


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_unusable_settings_are_refused(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "preprocessor_config.json").write_text(text, "utf-8")
    with pytest.raises(ModelError, match=r"preprocessor_config\.json"):
        read_settings(tmp_path, video=True)


def test_a_filter_that_we_do_not_have_is_refused() -> None:
    with pytest.raises(ModelError, match="filter 0"):
        Pixels.of({"resample": 0})
