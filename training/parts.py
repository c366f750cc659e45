"""The parts that training puts together: words, simulator, model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from safetensors.torch import load_file
from torch.nn.functional import normalize

from longwatch.models.bundled_model import FOLDER
from longwatch.models.bundled_tokenizer import BundledTokenizer
from longwatch.models.concept_head import load_head
from longwatch.models.soft_words import SoftWords, Weights, Words
from longwatch.stream.sources.world import COLOURS
from training import real
from training.language import LanguageModel, Shape
from training.lessons import Maker
from training.simulate import LOOKALIKES, Simulator
from training.structure import prepare
from training.tower import tower

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from longwatch.stream.sources.world import World
    from training.simulate import Sight

WEIGHTS = Weights(scale=8.0, time=0.5, colour=0.3)


def make_maker(tokenizer: BundledTokenizer | None = None, *, seen: bool = False) -> Maker:
    """Return what draws streams with questions in the bundled model's words.

    With `seen`, streams that `training.real` drew and the tower saw are among them.
    """
    words = tokenizer or BundledTokenizer(FOLDER)
    names = list(dict.fromkeys(words.names))
    ids = {name: words.word(name) for name in names}
    simulator = Simulator(ids, COLOURS, lookalikes(words))
    return Maker(names, words.groups, simulator, words, _seen(words) if seen else ())


def _seen(words: BundledTokenizer) -> list[tuple[World, NDArray[np.float64], Sight]]:
    network = tower()
    head = load_head(FOLDER / "head.safetensors", network.classifier)
    return [(r.source().world, r.times, sight) for r, sight in real.sights(head, network, words)]


def make_model(words: BundledTokenizer, shape: Shape | None = None) -> LanguageModel:
    """Return a model with random weights; of the full shape, with the structure to start from."""
    sizes = shape or Shape(len(words))
    colours = [words.word(colour) for colour in COLOURS]
    spoken = Words(words.hours, words.minutes, words.seconds, colours)
    model = LanguageModel(sizes, SoftWords(sizes.hidden_size, spoken, WEIGHTS))
    if shape is None:
        prepare(model, words)
    return model


def lookalikes(words: BundledTokenizer) -> NDArray[np.int64]:
    """Return, for each token id of a name, those that the tower may take it for.

    Of ImageNet's classes they are the nearest rows of the tower's classifier; a pictogram's are
    drawn at random, from all names.
    """
    classes = np.array(words.classes)
    found = np.random.default_rng(0).choice(classes, (len(words), LOOKALIKES))
    rows = load_file(FOLDER / "tower.safetensors")["classifier.weight"].float()
    rows = normalize(rows - rows.mean(0))
    near = (rows @ rows.T).fill_diagonal_(-1).topk(LOOKALIKES).indices
    found[classes[: len(rows)]] = classes[near.numpy()]
    return found
