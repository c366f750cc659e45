"""What is exported is the model that was trained, but for the rounding of its numbers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from longwatch.errors import ModelError
from longwatch.models.bundled_model import FOLDER, load_bundled
from longwatch.models.bundled_tokenizer import BundledTokenizer
from tests.training.loaded import shipped
from tests.training.small import LESSON, language_model
from training import export
from training.batches import collate
from training.parts import make_maker, make_model

if TYPE_CHECKING:
    from pathlib import Path

    from training.language import LanguageModel

LOSS = 0.02  # of the largest logit: what float16 may cost


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return language_model()


@pytest.fixture(scope="module")
def words() -> BundledTokenizer:
    return BundledTokenizer(FOLDER)


@pytest.fixture(scope="module")
def folder(model: LanguageModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("exported")
    shipped(model, made)
    return made


def test_the_file_holds_every_weight_in_half_precision(model: LanguageModel, folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    ours = {f"model.{k}": v for k, v in model.stack.state_dict().items()}
    ours |= {f"soft_words.{k}": v for k, v in model.soft.state_dict().items()}
    assert tensors.keys() == ours.keys()
    for name, tensor in tensors.items():
        assert torch.allclose(tensor.float(), ours[name], rtol=1e-3, atol=1e-6)


@torch.inference_mode()
def test_logits_lose_little(model: LanguageModel, words: BundledTokenizer, folder: Path) -> None:
    rounded = language_model(seed=1)
    tensors = {k: v.float() for k, v in load_file(folder / "model.safetensors").items()}
    rounded.soft.load_state_dict(
        {k: tensors.pop(f"soft_words.{k}") for k in ("x", "y", "whole", "confidence")}
    )
    rounded.stack.load_state_dict({k.removeprefix("model."): v for k, v in tensors.items()})
    maker, rng = make_maker(words), np.random.default_rng(0)
    batch = collate([maker.sample(LESSON, rng) for _ in range(3)], maker.ids)
    exact, half = model.logits(batch), rounded.logits(batch)
    assert half.isfinite().all()
    error = float((half - exact).abs().max() / exact.abs().max())
    assert error < LOSS


def test_a_folder_is_complete_and_loads(words: BundledTokenizer, folder: Path) -> None:
    loaded = load_bundled(folder=folder)
    assert loaded.window_tokens == export.WINDOW * 10
    assert loaded.tokenizer.names == words.names


def test_completing_leaves_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "names.json").write_text("[]")
    export.complete(tmp_path)
    assert (tmp_path / "names.json").read_text() == "[]"
    assert (tmp_path / "tokenizer.json").read_bytes() == (FOLDER / "tokenizer.json").read_bytes()


def test_a_weight_beyond_float16_is_refused(words: BundledTokenizer, tmp_path: Path) -> None:
    model = language_model()
    model.stack.norm.weight.data[0] = 1e6
    with pytest.raises(ModelError, match="float16"):
        export.export(model, words, tmp_path)
    assert not list(tmp_path.iterdir())


def test_too_few_embeddings_are_refused(words: BundledTokenizer, tmp_path: Path) -> None:
    model = language_model()
    model.stack.embed_tokens.weight.data = model.stack.embed_tokens.weight.data[:-1]
    with pytest.raises(ModelError, match="too few"):
        export.export(model, words, tmp_path)


@pytest.mark.slow
def test_the_command_exports_the_state_of_a_training(
    words: BundledTokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, out = tmp_path / "state.pt", tmp_path / "out"
    torch.save({"model": make_model(words).state_dict(), "step": 7}, state)
    given = ["training.export", "--state", str(state), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", given)
    export.main()
    assert {path.name for path in out.iterdir()} == {
        "config.json",
        "model.safetensors",
        *export.BESIDE,
    }


def test_a_state_that_is_not_there_or_of_another_model_is_refused(
    words: BundledTokenizer, tmp_path: Path
) -> None:
    other = tmp_path / "other.pt"
    torch.save({"model": language_model().state_dict()}, other)
    for state in (tmp_path / "none.pt", other):
        with pytest.raises(ModelError, match="--state"):
            export.load([state], words)


def test_of_several_states_the_mean_is_exported(words: BundledTokenizer, tmp_path: Path) -> None:
    paths, models = [tmp_path / "a.pt", tmp_path / "b.pt"], [make_model(words) for _ in range(2)]
    for path, model, value in zip(paths, models, (1.0, 4.0), strict=True):
        model.stack.norm.weight.data[:] = value
        torch.save({"model": model.state_dict()}, path)
    mean = export.load(paths, words)
    assert set(mean.stack.norm.weight.tolist()) == {2.5}
    assert set(export.load(paths[:1], words).stack.norm.weight.tolist()) == {1.0}
