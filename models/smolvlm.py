"""SmolVLM2 (arXiv 2504.05299): a SigLIP tower, pixel shuffle, and a small Llama."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from longwatch.models.chat import Chat
from longwatch.models.huggingface import Checkpoint, HuggingFaceLM
from longwatch.models.preprocess import Pixels, fit_edge, grid_positions, read_settings
from longwatch.types import VisualTokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

# The family opens a video with a sentence that counts its frames; a live one has no count.
INTRODUCTION = "You are provided the following series of frames from a live [H:MM:SS] video.\n"
HOUR = 3600
MARKER = "\N{OBJECT REPLACEMENT CHARACTER}"


class SmolVLM(HuggingFaceLM):
    """Frames are read as the family reads those of a video: whole, never split into tiles."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        config, tokenizer = checkpoint.model.config, checkpoint.tokenizer
        self._pad = tokenizer.convert_ids_to_tokens(config.image_token_id)
        self._around = getattr(tokenizer, "fake_image_token", "<fake_token_around_image>")
        self._global = getattr(tokenizer, "global_image_token", "<global-img>")
        super().__init__(checkpoint)
        settings = read_settings(checkpoint.folder, video=True)
        self._pixels = Pixels.of(settings)
        side = config.vision_config.image_size
        self._side: int = settings.get("max_image_size", {}).get("longest_edge", side)
        clip = settings.get("video_sampling", {}).get("video_size") or settings.get("size", {})
        self._edge: int = clip.get("longest_edge", self._side)
        cells = self._side // config.vision_config.patch_size // config.scale_factor
        self._grid = (cells, cells)

    def frame_ids(self, time: float) -> tuple[list[int], list[int]]:  # noqa: D102
        said = "" if self.layout == "video" else f"\nFrame from {_stamp(time)}:"
        before = self.tokenizer.encode(said + self._around + self._global)
        return before, self.tokenizer.encode(self._around)

    def _encode(self, pictures: Sequence[Tensor]) -> list[VisualTokens]:
        sized = torch.stack([self._fit(p) for p in pictures])
        pixels = self._pixels.scale(sized)[:, None].to(self.decoder.device)
        found = self._model.model.get_image_features(pixels, return_dict=True)
        positions = grid_positions(*self._grid).to(self.decoder.device)
        return [VisualTokens(embeds, positions, self._grid) for embeds in found.pooler_output]

    def _fit(self, picture: Tensor) -> Tensor:
        """Resample twice, first in shape and then to a square, as the family does."""
        height, width = fit_edge(picture.shape[1], picture.shape[2], self._edge)
        return self._pixels.resize(
            self._pixels.resize(picture, height, width), self._side, self._side
        )

    def _make_chat(self, tokenizer: Any) -> Chat:
        if self.layout == "video":
            return Chat(tokenizer, {"type": "image"}, self._pad)
        # The template puts a space in front of text but not in front of an image.
        return Chat(tokenizer, {"type": "text", "text": MARKER}, MARKER)

    def _opening(self) -> str:
        return "" if self.layout == "video" else INTRODUCTION

    def _closing(self) -> str:
        return "" if self.layout == "video" else "\n\n"


def _stamp(time: float) -> str:
    """Return `time` in seconds as mm:ss, or h:mm:ss from one hour on."""
    minutes, seconds = divmod(int(time), 60)
    if time < HOUR:
        return f"{minutes:02d}:{seconds:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
