"""A small model of the bundled kind with loud random weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from longwatch.models.bundled_model import FOLDER
from longwatch.models.bundled_tokenizer import BundledTokenizer
from training.lessons import Lesson
from training.parts import make_model
from training.run import tiny

if TYPE_CHECKING:
    from training.language import LanguageModel

LESSON = Lesson(frames=(1, 4), questions=6, tokens=30, grids=(1, 0, 0))


def language_model(seed: int = 0) -> LanguageModel:
    """Return a model whose attention is sharp, so that mistakes show."""
    torch.manual_seed(seed)
    words = BundledTokenizer(FOLDER)
    model = make_model(words, tiny(len(words)))
    for layer in model.stack.layers:
        for name, matrix in layer.named_parameters():
            if name.endswith("weight") and matrix.ndim == 2:
                nn.init.normal_(matrix, std=2 * matrix.shape[1] ** -0.5)
    return model.eval()
