"""From a name to a model, or to one sentence that says what to do."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

from benchmarks import tiny
from benchmarks.exactness import TURNS, ask, video, watch
from longwatch.errors import ConfigError, ModelError, UnsupportedModelError
from longwatch.models import selftest
from longwatch.models.families import FAMILIES
from longwatch.models.int8 import Int8Linear
from longwatch.models.loader import load_model, resolve_device, resolve_dtype

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from longwatch.models.base import VideoLM

    Load = Callable[..., VideoLM]
    Checkpoint = Callable[[str], Path]

family = pytest.mark.parametrize("family", sorted(FAMILIES))


@pytest.fixture
def folder(checkpoint: Checkpoint, tmp_path: Path) -> Path:
    """Return a checkpoint that a test may damage."""
    return shutil.copytree(checkpoint("llava_onevision"), tmp_path / "checkpoint")


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")


@family
def test_the_type_in_the_config_chooses_the_adapter(load: Load, family: str) -> None:
    assert type(load(family)) is FAMILIES[family]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_model_runs_in_the_format_that_was_asked_for(load: Load, dtype: str) -> None:
    model = load("llava_onevision", "timed", dtype)
    assert model.decoder.dtype == getattr(torch, dtype)
    (seen,) = model.encode(video("llava_onevision", 1, seed=0))
    assert seen.embeds.dtype == getattr(torch, dtype)


@family
def test_int8_is_for_the_decoders_linear_layers_and_its_head(load: Load, family: str) -> None:
    model: Any = load(family, "timed", "int8")
    decoder = model._model.get_decoder()
    linear = [m for m in decoder.modules() if isinstance(m, torch.nn.Linear)]
    assert not linear
    assert sum(isinstance(m, Int8Linear) for m in decoder.modules()) == 7 * tiny.LAYERS
    assert isinstance(model._model.get_output_embeddings(), Int8Linear)
    assert model.decoder.dtype == torch.float32


def test_auto_is_fp32_on_a_cpu_and_bf16_on_a_gpu() -> None:
    assert resolve_dtype("auto", "cpu") == "float32"
    assert resolve_dtype("auto", "cuda:1") == "bfloat16"
    assert resolve_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")


def test_a_grid_that_the_bundled_model_has_not_is_refused() -> None:
    with pytest.raises(ConfigError, match="bundled:9x9"):
        load_model("bundled:4x4")


@pytest.mark.parametrize("device", ["gpu", "mps", "cpu:x", ""])
def test_an_unknown_device_is_refused(device: str) -> None:
    with pytest.raises(ConfigError, match="device must be"):
        load_model("bundled", device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="no GPU"):
        load_model("bundled", "cuda")


def test_an_unknown_dtype_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean 'float16'"):
        load_model("bundled", "cpu", "float61")


def test_int8_is_refused_on_a_gpu() -> None:
    with pytest.raises(ConfigError, match="int8 is for CPUs"):
        resolve_dtype("int8", "cuda")


def test_an_unknown_layout_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="layout must be"):
        load_model(str(folder), "cpu", layout="film")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "nothing", "./nothing", "/no/such/folder", "a/b/c", "~/none"])
def test_a_name_that_means_nothing_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="there is no model called"):
        load_model(name, "cpu")


def test_a_file_is_not_a_checkpoint(folder: Path) -> None:
    with pytest.raises(ModelError, match="there is no model called"):
        load_model(str(folder / "config.json"), "cpu")


def test_a_hub_name_is_looked_up_in_the_cache_alone_when_offline(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE is set"):
        load_model("owner/name", "cpu")


def test_a_type_without_an_adapter_is_refused_with_those_that_work(folder: Path) -> None:
    edit(folder / "config.json", model_type="florence2")
    with pytest.raises(UnsupportedModelError, match=", ".join(sorted(FAMILIES))):
        load_model(str(folder), "cpu")


@pytest.mark.parametrize("text", ["{", "[]", "3"])
def test_a_broken_config_is_refused(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text, "utf-8")
    with pytest.raises(ModelError, match=r"config\.json"):
        load_model(str(folder), "cpu")


def test_a_decoder_that_would_answer_wrongly_is_refused_before_it_is_used(tmp_path: Path) -> None:
    text = {"model_type": "smollm3", "no_rope_layers": [1, 0, 1]}
    folder = tiny.build("llava_onevision", tmp_path, text=text)
    with pytest.raises(UnsupportedModelError, match="SmolLM3Model gives hidden states that differ"):
        load_model(str(folder), "cpu")


@family
def test_every_model_passes_the_self_test(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch, family: str
) -> None:
    errors = []
    check = selftest.check
    monkeypatch.setattr(selftest, "check", lambda model: errors.append(check(model)))
    load_model(str(checkpoint(family)), "cpu")
    assert len(errors) == 1


@pytest.mark.parametrize(
    "name", ["config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json"]
)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelError, match=name.removeprefix("model")):
        load_model(str(folder), "cpu")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt"])
def test_pickled_weights_are_refused_with_the_reason(folder: Path, name: str) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / name)
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="is a pickle, which can run any code"):
        load_model(str(folder), "cpu")


def test_truncated_weights_are_refused(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:10_000])
    with pytest.raises(ModelError, match="cannot be read"):
        load_model(str(folder), "cpu")


def test_a_missing_tensor_is_refused_and_not_drawn_at_random(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    name = next(key for key in weights if key.endswith("k_proj.weight"))
    del weights[name]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match="1 tensors"):
        load_model(str(folder), "cpu")


def test_a_tensor_of_another_shape_is_refused(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    name = next(key for key in weights if key.endswith("k_proj.weight"))
    weights[name] = weights[name][:-1].clone()
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError):
        load_model(str(folder), "cpu")


def test_an_older_chat_template_is_found(folder: Path) -> None:
    template = (folder / "chat_template.jinja").read_text("utf-8")
    (folder / "chat_template.jinja").unlink()
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": template}), "utf-8")
    assert load_model(str(folder), "cpu").prompt_ids(TURNS)


def test_the_processors_chat_template_goes_before_that_of_a_text_models_tokenizer(
    folder: Path,
) -> None:
    whole = load_model(str(folder), "cpu")
    template = (folder / "chat_template.jinja").read_text("utf-8")
    (folder / "chat_template.jinja").unlink()
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": template}), "utf-8")
    text_only = "{% for m in messages %}{{ m['role'] + m['content'] }}{% endfor %}"
    edit(folder / "tokenizer_config.json", chat_template=text_only)
    assert load_model(str(folder), "cpu").prompt_ids(TURNS) == whole.prompt_ids(TURNS)


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_a_broken_chat_template_file_is_refused(folder: Path, text: str) -> None:
    (folder / "chat_template.jinja").unlink()
    (folder / "chat_template.json").write_text(text, "utf-8")
    with pytest.raises(ModelError, match=r"chat_template\.json"):
        load_model(str(folder), "cpu")


def test_without_a_chat_template_a_model_is_refused(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(ModelError, match="chat template"):
        load_model(str(folder), "cpu")


def test_sizes_that_the_image_settings_leave_out_are_the_towers(
    load: Load, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    folder = shutil.copytree(checkpoint("smolvlm"), tmp_path / "checkpoint")
    (folder / "preprocessor_config.json").write_text(json.dumps({"resample": 1}), "utf-8")
    frames = video("smolvlm", 1, seed=0)
    bare, whole = (m.encode(frames)[0] for m in (load_model(str(folder), "cpu"), load("smolvlm")))
    torch.testing.assert_close(bare.embeds, whole.embeds, atol=1e-5, rtol=0)


def test_a_frame_never_has_more_pixels_than_were_allowed(checkpoint: Checkpoint) -> None:
    path, frames = str(checkpoint("qwen2_5_vl")), video("qwen2_5_vl", 1, seed=0)
    whole, small = (load_model(path, "cpu", max_pixels=n) for n in (None, 2 * 28 * 28))
    assert len(whole.encode(frames)[0]) == 6
    assert len(small.encode(frames)[0]) <= 2


def test_loading_twice_gives_the_same_answers(checkpoint: Checkpoint) -> None:
    frames = video("smolvlm", 2, seed=0)
    first, second = (
        ask(m, watch(m, frames).snapshot().segments, TURNS, steps=2)
        for m in (load_model(str(checkpoint("smolvlm")), "cpu") for _ in range(2))
    )
    assert first.logits.equal(second.logits)
