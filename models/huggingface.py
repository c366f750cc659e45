"""What the families of Hugging Face checkpoints have in common."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

from longwatch.models.base import VideoLM
from longwatch.models.decoder import Decoder
from longwatch.models.preprocess import picture

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from longwatch.models.base import Turn
    from longwatch.models.chat import Chat
    from longwatch.types import Frame, VisualTokens

Layout = Literal["timed", "video"]
WINDOW_CPU = 4096  # tokens that a CPU attends to at a live pace
WINDOW_GPU = 16384


@dataclass(frozen=True)
class Checkpoint:
    """A loaded model, and what its adapter needs beside the weights."""

    name: str
    folder: Path
    model: Any  # transformers' model with its head, on its device, in its dtype
    tokenizer: Any  # transformers' tokenizer, with a chat template
    layout: Layout = "timed"  # "video": frames form one video, without their times
    max_pixels: int | None = None  # of one frame, for families that keep its shape


class HuggingFaceTokenizer:
    """A transformers tokenizer behind the interface of ours."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def encode(self, text: str) -> list[int]:
        """Return the ids of `text`, with no special token added."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of `ids` without special tokens."""
        text: str = self._tokenizer.decode(
            list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text


class HuggingFaceLM(VideoLM):
    """A checkpoint of one of the supported families.

    Only the decoder goes through our attention function; the vision tower stays as it is. Nothing
    calls the checkpoint's own `forward`, which would leave a stream's state on the model.
    """

    def __init__(self, checkpoint: Checkpoint, own: Mapping[int, Tensor] | None = None) -> None:
        self.name = checkpoint.name
        self.layout = checkpoint.layout
        self.config = checkpoint.model.config
        self._model = checkpoint.model
        self.decoder = Decoder(
            self._model.get_decoder(), self._model.get_output_embeddings(), own=own
        )
        self.tokenizer = HuggingFaceTokenizer(checkpoint.tokenizer)
        self.stop_ids = _stop_ids(self._model, checkpoint.tokenizer)
        window = WINDOW_CPU if self.decoder.device.type == "cpu" else WINDOW_GPU
        self.window_tokens = min(window, self.config.text_config.max_position_embeddings // 2)
        self._chat = self._make_chat(checkpoint.tokenizer)
        self._prefix = self.tokenizer.encode(self._chat.before() + self._opening())

    @torch.inference_mode()
    def encode(self, frames: Sequence[Frame]) -> list[VisualTokens]:  # noqa: D102
        return self._encode([picture(frame.image) for frame in frames]) if frames else []

    def prefix_ids(self) -> list[int]:  # noqa: D102
        return list(self._prefix)

    def prompt_ids(self, turns: Sequence[Turn]) -> list[int]:  # noqa: D102
        return self.tokenizer.encode(self._closing() + self._chat.after(turns))

    @abstractmethod
    def _encode(self, pictures: Sequence[Tensor]) -> list[VisualTokens]:
        """Do the work of `encode` for (3, h, w) uint8 pictures on the CPU; at least one."""

    @abstractmethod
    def _make_chat(self, tokenizer: Any) -> Chat:
        """Return the chat template, with this family's mark for frames."""

    def _opening(self) -> str:
        """Return the text that goes between the chat template's opening and the frames."""
        return ""

    def _closing(self) -> str:
        """Return the text that goes between the frames and the chat template's rest."""
        return ""


def clock(time: float) -> str:
    """Return `time` in seconds as m:ss, or h:mm:ss from one hour on."""
    minutes, seconds = divmod(int(time), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def _stop_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return the ids that end an answer, of the checkpoint's own and its tokenizer's.

    A text config may carry its class's default instead of a real id; only control tokens count.
    """
    named = model.generation_config.eos_token_id
    ids = {tokenizer.eos_token_id, *(named if isinstance(named, list) else [named])}
    added = tokenizer.added_tokens_decoder
    return frozenset(i for i in ids if i in added and added[i].special)
