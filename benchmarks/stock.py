"""A checkpoint read by transformers alone: the whole video in one forward, its own cache after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from transformers import AutoModelForImageTextToText
from transformers.models.qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.siglip import SiglipImageProcessorPil
from transformers.models.smolvlm import SmolVLMImageProcessorPil

from longwatch.models.preprocess import read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor

    from longwatch.models.base import Turn, VideoLM
    from longwatch.types import Frame


class Run(NamedTuple):
    """What a model said: logits of every question token and of every greedy step."""

    logits: Tensor  # (question + steps - 1, vocabulary) fp32
    tokens: list[int]  # steps


class Stock:
    """One checkpoint as transformers loads it, with the family's own image processor."""

    def __init__(self, family: str, folder: Path, dtype: torch.dtype = torch.float32) -> None:
        self.family = family
        self.model: Any = AutoModelForImageTextToText.from_pretrained(folder, dtype=dtype).eval()
        self.config = self.model.config
        settings = read_settings(folder, video=True)
        self.processor = _processor(family, settings, self.config)

    def pad(self, layout: str) -> int:
        """Return the id that stands for a visual token."""
        video = self.family == "llava_onevision" or self._as_video(layout)
        return int(self.config.video_token_id if video else self.config.image_token_id)

    def prompt(
        self, model: VideoLM, frames: Sequence[Frame], turns: Sequence[Turn], layout: str
    ) -> tuple[Tensor, int]:
        """Return the ids of the whole prompt, (n,), and how many of them follow the frames.

        An id beyond the vocabulary is a vector that transformers counts among the visual ones.
        """
        ids, pad = model.prefix_ids(), self.pad(layout)
        for frame, tokens in zip(frames, model.encode(frames), strict=True):
            before, after = model.frame_ids(frame.time)
            ids += [*before, *[pad] * len(tokens), *after]
        question, size = model.prompt_ids(turns), self.config.text_config.vocab_size
        return torch.tensor(ids + [pad if i >= size else i for i in question]), len(question)

    def inputs(self, ids: Tensor, frames: Sequence[Frame], layout: str) -> dict[str, Any]:
        """Return what `model(...)` takes for the prompt `ids`, (n,), with placeholders in it."""
        found = self.processor([f.image for f in frames], return_tensors="pt")
        pixels = found["pixel_values"]
        if self.family == "llava_onevision":
            return {"input_ids": ids[None], "pixel_values_videos": pixels[None]}
        if self.family == "smolvlm":
            return {"input_ids": ids[None], "pixel_values": pixels.flatten(0, 1)[None]}
        grids = found["image_grid_thw"]
        kinds = (ids == self.pad(layout)).int()
        if not self._as_video(layout):
            given = {"pixel_values": pixels, "image_grid_thw": grids}
            return {"input_ids": ids[None], "mm_token_type_ids": kinds[None], **given}
        whole = torch.tensor([[len(frames), *grids[0, 1:].tolist()]])
        given = {"pixel_values_videos": pixels, "video_grid_thw": whole}
        if self.family == "qwen2_5_vl":
            given["position_ids"] = self._one_video(kinds, whole[0])
        return {"input_ids": ids[None], "mm_token_type_ids": 2 * kinds[None], **given}

    @torch.inference_mode()
    def run(self, inputs: dict[str, Any], question: int, steps: int) -> Run:
        """Read everything in one forward, then decode greedily; the question has that many ids."""
        out = self.model(**inputs, use_cache=True)
        logits = [out.logits[0, -question:]]
        tokens = [int(logits[0][-1].argmax())]
        place = inputs.get("position_ids")
        end = None if place is None else int(place.max()) + 1
        for step in range(steps - 1):
            at = {} if end is None else {"position_ids": torch.full((3, 1, 1), end + step)}
            following = torch.tensor([[tokens[-1]]])
            out = self.model(input_ids=following, past_key_values=out.past_key_values, **at)
            logits.append(out.logits[0])
            tokens.append(int(out.logits[0, -1].argmax()))
        return Run(torch.cat(logits).float(), tokens)

    def positions(self, inputs: dict[str, Any]) -> Tensor | None:
        """Return the M-RoPE positions of the prompt, (3, 1, n); None for plain RoPE."""
        if "mm_token_type_ids" not in inputs:
            return None
        if "position_ids" in inputs:
            given: Tensor = inputs["position_ids"]
            return given
        keys = ("input_ids", "mm_token_type_ids", "image_grid_thw", "video_grid_thw")
        index = self.model.model.get_rope_index(**{k: inputs[k] for k in keys if k in inputs})
        found: Tensor = index[0]
        return found

    def _as_video(self, layout: str) -> bool:
        """Tell whether the family's frames go in as one video and not as single images."""
        return self.family == "qwen3_vl" or (self.family == "qwen2_5_vl" and layout == "video")

    def _one_video(self, kinds: Tensor, grid: Tensor) -> Tensor:
        """Return positions, (3, 1, n), for text, one video, text.

        transformers 5.23 puts the text after a video inside the video's time range; the family's
        own code, and generation in transformers itself, go on behind it.
        """
        vision = self.config.vision_config
        rows, columns = (grid[1:] // vision.spatial_merge_size).tolist()
        start, pads = int(kinds.argmax()), int(kinds.sum())
        step = vision.tokens_per_second
        axes = [torch.arange(int(grid[0])) * step, torch.arange(rows), torch.arange(columns)]
        video = torch.stack([a.flatten() for a in torch.meshgrid(*axes, indexing="ij")])
        before = torch.arange(start).expand(3, -1)
        after = torch.arange(len(kinds) - start - pads).expand(3, -1)
        video = video + start
        return torch.cat([before, video, after + int(video.max()) + 1], 1)[:, None]


def _processor(family: str, settings: dict[str, Any], config: Any) -> Any:
    colours = {key: settings[key] for key in ("image_mean", "image_std", "resample")}
    if family == "llava_onevision":
        return SiglipImageProcessorPil(size=settings["size"], **colours)
    if family == "smolvlm":
        return SmolVLMImageProcessorPil(
            size=settings["video_sampling"]["video_size"],
            max_image_size=settings["max_image_size"],
            do_image_splitting=False,
            **colours,
        )
    vision = config.vision_config
    sizes = {k: settings[k] for k in ("size", "min_pixels", "max_pixels") if k in settings}
    return Qwen2VLImageProcessorPil(
        patch_size=vision.patch_size,
        merge_size=vision.spatial_merge_size,
        temporal_patch_size=vision.temporal_patch_size,
        **sizes,
        **colours,
    )
