"""The families of checkpoints that can be loaded, by the `model_type` of their config."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longwatch.models.llava_onevision import LlavaOnevision
from longwatch.models.qwen2_5_vl import Qwen25VL
from longwatch.models.qwen3_vl import Qwen3VL
from longwatch.models.smolvlm import SmolVLM

if TYPE_CHECKING:
    from longwatch.models.huggingface import HuggingFaceLM

FAMILIES: dict[str, type[HuggingFaceLM]] = {
    "llava_onevision": LlavaOnevision,
    "qwen2_5_vl": Qwen25VL,
    "qwen3_vl": Qwen3VL,
    "smolvlm": SmolVLM,
}
