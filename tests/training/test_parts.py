"""The parts of a training fit together."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

from longwatch.models.bundled_model import FOLDER
from longwatch.models.bundled_tokenizer import BundledTokenizer
from longwatch.models.efficientnet import CLASSES
from training.parts import lookalikes, make_maker, make_model
from training.simulate import LOOKALIKES


@pytest.fixture(scope="module")
def words() -> BundledTokenizer:
    return BundledTokenizer(FOLDER)


def test_what_is_taken_for_a_thing_is_another_thing_that_looks_like_it(
    words: BundledTokenizer,
) -> None:
    found = lookalikes(words)
    assert found.shape == (len(words), LOOKALIKES)
    assert set(found.ravel().tolist()) <= set(words.classes)
    rows = load_file(FOLDER / "tower.safetensors")["classifier.weight"].float()
    rows = torch.nn.functional.normalize(rows - rows.mean(0))
    columns = {words.classes[i]: i for i in range(CLASSES)}
    for i in range(0, CLASSES, 50):
        if words.classes.count(words.classes[i]) == 1:
            alike = [columns[name] for name in found[words.classes[i]].tolist()]
            assert i not in alike
            others = rows @ rows[i]
            assert (
                others[alike].min()
                >= others[[j for j in range(CLASSES) if j not in {i, *alike}]].max()
            )


def test_the_model_has_a_word_for_everything_that_the_maker_draws(words: BundledTokenizer) -> None:
    maker, model = make_maker(words), make_model(words)
    assert len(model.stack.embed_tokens.weight) == len(words)
    assert set(maker.names) == set(words.names)
    assert all(len(words.encode(name)) == 1 for name in maker.names)
    assert sum(p.numel() for p in model.stack.parameters()) < 5e6
