"""LLaVA-OneVision (arXiv 2408.03326): a SigLIP tower, 2x2 pooling, and Qwen2."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from longwatch.models.chat import Chat
from longwatch.models.huggingface import Checkpoint, HuggingFaceLM, clock
from longwatch.models.preprocess import Pixels, grid_positions, read_settings, square
from longwatch.types import VisualTokens

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from torch import Tensor


class LlavaOnevision(HuggingFaceLM):
    """Frames are read as the family reads a video: at one size, pooled, without row breaks.

    A video ends with a learned vector. A live one ends where a question is asked, so that vector
    opens the prompt, under an id that the vocabulary does not have.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        config, model = checkpoint.model.config, checkpoint.model
        self._end: int = config.text_config.vocab_size
        super().__init__(checkpoint, own={self._end: model.model.image_newline.detach()})
        settings = read_settings(checkpoint.folder, video=True)
        self._pixels = Pixels.of(settings)
        self._size = square(settings, config.vision_config.image_size)
        side = math.ceil(config.vision_config.image_size // config.vision_config.patch_size / 2)
        self._grid = (side, side)

    def _encode(self, pictures: Sequence[Tensor]) -> list[VisualTokens]:
        sized = torch.stack([self._pixels.resize(p, *self._size) for p in pictures])
        pixels = self._pixels.scale(sized).to(self.decoder.device, self._model.dtype)
        found = self._model.model.get_video_features(pixels[:, None], return_dict=True)
        positions = grid_positions(*self._grid).to(self.decoder.device)
        return [
            VisualTokens(embeds[:-1], positions, self._grid)  # the last one ends a video
            for embeds in found.pooler_output
        ]

    def frame_ids(self, time: float) -> tuple[list[int], list[int]]:  # noqa: D102
        if self.layout == "video":
            return [], []
        return self.tokenizer.encode(f"[{clock(time)}]"), []

    def prompt_ids(self, turns: Sequence[Any]) -> list[int]:  # noqa: D102
        return [self._end, *super().prompt_ids(turns)]

    def _make_chat(self, tokenizer: Any) -> Chat:
        marker = tokenizer.convert_ids_to_tokens(self.config.video_token_id)
        return Chat(tokenizer, {"type": "video"}, marker)
