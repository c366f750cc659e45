"""Qwen2.5-VL (arXiv 2502.13923): frames keep their shape, M-RoPE counts time, rows and columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from longwatch.models.chat import Chat
from longwatch.models.huggingface import Checkpoint, HuggingFaceLM, clock
from longwatch.models.preprocess import Pixels, fit_area, grid_positions, patchify, read_settings
from longwatch.types import VisualTokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

FRAME_TOKENS = 768  # the most that the family's own code spends on one frame of a video
SECONDS_PER_FRAME = 1.0  # between frames of one video, where transformers is told nothing


class Qwen25VL(HuggingFaceLM):
    """A live frame is read alone, as a still image is; vision start and end tokens frame it.

    In the layout `video` they frame the whole stream instead, and each frame stands later than the
    one before by as many positions in time as the family gives to a second.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        config, tokenizer = checkpoint.model.config, checkpoint.tokenizer
        ids = [config.vision_start_token_id, config.video_token_id, config.vision_end_token_id]
        self._start, self._pad, self._end = tokenizer.convert_ids_to_tokens(ids)
        super().__init__(checkpoint)
        settings = read_settings(checkpoint.folder, video=False)
        vision = config.vision_config
        self._pixels = Pixels.of(settings)
        self._patch: int = vision.patch_size
        self._merge: int = vision.spatial_merge_size
        self._repeat: int = vision.temporal_patch_size
        size = settings.get("size", {})
        self._factor = self._patch * self._merge
        most = settings.get("max_pixels", size.get("longest_edge"))
        limit = checkpoint.max_pixels or FRAME_TOKENS * self._factor**2
        self._max_pixels = min(limit, most or limit)
        least = settings.get("min_pixels", size.get("shortest_edge", self._factor**2))
        self._min_pixels = min(least, self._max_pixels)

    def frame_ids(self, time: float) -> tuple[list[int], list[int]]:  # noqa: D102
        if self._spans_frames:
            return [], []
        said = "" if self.layout == "video" else self._say(time)
        return self.tokenizer.encode(said + self._start), self.tokenizer.encode(self._end)

    def frame_advance(self) -> int | None:  # noqa: D102
        if not self._spans_frames:
            return None
        return int(self.config.vision_config.tokens_per_second * SECONDS_PER_FRAME)

    def _encode(self, pictures: Sequence[Tensor]) -> list[VisualTokens]:
        patches, grids = [], []
        for p in pictures:
            height, width = fit_area(
                *p.shape[1:],
                factor=self._factor,
                min_pixels=self._min_pixels,
                max_pixels=self._max_pixels,
            )
            scaled = self._pixels.scale(self._pixels.resize(p, height, width))
            cut = patchify(scaled[None], patch=self._patch, merge=self._merge, repeat=self._repeat)
            patches.append(cut)
            grids.append([1, height // self._patch, width // self._patch])
        device = self.decoder.device
        found = self._model.model.get_image_features(
            torch.cat(patches).to(device), torch.tensor(grids, device=device), return_dict=True
        )
        extras = zip(*getattr(found, "deepstack_features", ()), strict=True)
        deep = list(extras) or [()] * len(grids)
        return [
            self._tokens(embeds, grid, features)
            for embeds, grid, features in zip(found.pooler_output, grids, deep, strict=True)
        ]

    def _tokens(self, embeds: Tensor, grid: list[int], extras: tuple[Tensor, ...]) -> VisualTokens:
        rows, columns = grid[1] // self._merge, grid[2] // self._merge
        positions = grid_positions(rows, columns).to(embeds.device)
        return VisualTokens(embeds, positions, (rows, columns), extras)

    def _make_chat(self, tokenizer: Any) -> Chat:
        return Chat(tokenizer, {"type": "video"}, self._start + self._pad + self._end)

    def _opening(self) -> str:
        return self._start if self._spans_frames else ""

    def _closing(self) -> str:
        return self._end if self._spans_frames else ""

    @property
    def _spans_frames(self) -> bool:
        """Tell whether one pair of vision tokens is around all frames together."""
        return self.layout == "video"

    def _say(self, time: float) -> str:
        """Return the text that gives a frame's time."""
        return f"[{clock(time)}]"
