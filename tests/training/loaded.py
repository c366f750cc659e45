"""A small model of the bundled kind as it is exported and loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safetensors.torch import save_file

from longwatch.models.bundled_model import FOLDER, load_bundled
from longwatch.models.bundled_tokenizer import BundledTokenizer
from longwatch.models.concept_head import ConceptHead
from longwatch.models.efficientnet import CLASSES, EfficientNetLite2
from training.export import complete, export

if TYPE_CHECKING:
    from pathlib import Path

    from longwatch.models.bundled_model import BundledVLM
    from training.language import LanguageModel


def shipped(model: LanguageModel, folder: Path) -> BundledVLM:
    """Return the model as it is loaded from what is exported; its concept head is random."""
    words = BundledTokenizer(FOLDER)
    head = ConceptHead(EfficientNetLite2().classifier, len(words.names) - CLASSES)
    save_file({k: v.half() for k, v in head.own_state().items()}, folder / "head.safetensors")
    export(model, words, folder)
    complete(folder)
    return load_bundled(folder=folder)
