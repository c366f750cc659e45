"""The bundled model against the formulas of its model card, and on real photographs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.nn import functional
from transformers import Qwen2Config, Qwen2Model

import longwatch.cli
from longwatch.errors import ConfigError, ModelError
from longwatch.memory.context import Context
from longwatch.memory.full import Full
from longwatch.memory.memory import Memory
from longwatch.models.base import Turn
from longwatch.models.bundled_model import FOLDER, load_bundled
from longwatch.models.efficientnet import EfficientNetLite2, preprocess
from longwatch.models.sampling import Sampler, Sampling
from longwatch.types import Frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from longwatch.memory.memory import Snapshot
    from longwatch.models.base import VideoLM

MEDIA = Path(longwatch.cli.__path__[0]) / "demo_media"
TRUTH = json.loads((MEDIA / "truth.json").read_text())
VOCABULARY = json.loads((FOLDER / "vocabulary.json").read_text())


class Files(NamedTuple):
    """The raw contents of the data folder."""

    config: dict[str, Any]
    tensors: dict[str, Tensor]
    words: Tensor


@pytest.fixture(scope="module")
def model() -> VideoLM:
    return load_bundled()


@pytest.fixture(scope="module")
def files() -> Files:
    tensors = {k: v.float() for k, v in load_file(FOLDER / "model.safetensors").items()}
    config = json.loads((FOLDER / "config.json").read_text())
    return Files(config, tensors, tensors["model.embed_tokens.weight"])


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "bundled"))


def photograph(file: str, time: float = 8.0) -> Frame:
    return Frame(np.asarray(Image.open(MEDIA / file).convert("RGB")), time, 0)


def noise(time: float = 0.0, seed: int = 0) -> Frame:
    image = np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    return Frame(image, time, 0)


def watch(model: VideoLM, frames: list[Frame]) -> Snapshot:
    memory = Memory(Full(), model.decoder.rope)
    for frame, tokens in zip(frames, model.encode(frames), strict=True):
        seen = model.frame_input(tokens, frame.time)
        draft = memory.begin(seen.positions, frame.time, seen.advance)
        for _ in model.read(seen, draft):
            pass
        memory.commit()
    return memory.snapshot()


def ask(model: VideoLM, snapshot: Snapshot, question: str) -> str:
    ids, answer = model.prompt_ids([Turn("user", question)]), list[int]()
    context = Context(snapshot.segments, model.decoder.rope, room=len(ids) + 8)
    hidden = model.read_text(ids, context)
    while (token := Sampler(Sampling()).pick(model.decoder.logits(hidden))) not in model.stop_ids:
        answer.append(token)
        hidden = model.read_text([token], context, context.length)
    return model.tokenizer.decode(answer)


@torch.inference_mode()
def test_visual_tokens_are_those_of_the_model_card(model: VideoLM, files: Files) -> None:
    config, words = files.config, files.words
    tower = EfficientNetLite2().eval()
    tower.load_state_dict(load_file(FOLDER / "tower.safetensors"))
    time = 3600 + 7 * 60 + 5.9
    frame = photograph("espresso.jpg", time)
    maps = tower.features(preprocess([frame], torch.device("cpu")))[0]
    spots = [maps.mean((1, 2))]
    spots += [maps[:, y : y + 3, x : x + 3].mean((1, 2)) for y in (0, 3, 6) for x in (0, 3, 6)]
    when = words[VOCABULARY.index("m07")] + words[VOCABULARY.index("s05")]
    [tokens] = model.encode([frame])
    for k, spot in enumerate(spots):
        p = functional.linear(spot, tower.classifier.weight, tower.classifier.bias).softmax(0)
        best = p.argsort(descending=True)[: config["top_classes"]]
        soft = sum((p[i] * words[i] for i in best), torch.zeros(words.shape[1]))
        wanted = soft + config["time_weight"] * when + files.tensors["place.weight"][k]
        assert torch.allclose(tokens.embeds[k], config["embedding_scale"] * wanted, atol=1e-4)


@torch.inference_mode()
def test_answers_rest_on_the_stock_model_over_the_whole_sequence(
    model: VideoLM, files: Files
) -> None:
    config, words = files.config, files.words
    stock = Qwen2Model(
        Qwen2Config(
            **{k: v for k, v in config.items() if k != "rope_theta"},
            rope_parameters={"rope_type": "default", "rope_theta": config["rope_theta"]},
        )
    ).eval()
    state = {k.removeprefix("model."): v for k, v in files.tensors.items() if k != "place.weight"}
    stock.load_state_dict(state)
    frames = [photograph("cat.jpg", 0.0), noise(1.0), photograph("tripod.jpg", 2.5)]
    ids = model.prompt_ids([Turn("user", "What do you see now?")])
    seen = [tokens.embeds for tokens in model.encode(frames)]
    sequence = torch.cat([*seen, config["embedding_scale"] * words[ids]])
    wanted = stock(inputs_embeds=sequence[None]).last_hidden_state[0, -1] @ words.T
    context = Context(watch(model, frames).segments, model.decoder.rope, room=len(ids))
    logits = model.decoder.logits(model.read_text(ids, context))
    assert torch.allclose(logits, wanted, atol=1e-4)


@pytest.mark.parametrize("truth", TRUTH, ids=lambda t: t["file"])
def test_it_names_the_demos_photographs_and_where_things_are(
    model: VideoLM, truth: dict[str, str]
) -> None:
    snapshot = watch(model, [photograph(truth["file"])])
    assert ask(model, snapshot, "What do you see now?") == truth["name"]
    assert ask(model, snapshot, f"Is there a {truth['name']}?") == "yes"
    assert ask(model, snapshot, "Is there a goldfish?") == "no"
    assert ask(model, snapshot, f"Where is the {truth['name']}?") == truth["place"]


def test_it_remembers_what_was_there_and_says_no_to_the_rest(model: VideoLM) -> None:
    frames = [photograph(truth["file"], 2.0 * i) for i, truth in enumerate(TRUTH)]
    snapshot = watch(model, frames)
    for truth in TRUTH:
        assert ask(model, snapshot, f"Was there a {truth['name']}?") == "yes"
    assert ask(model, snapshot, "Was there a goldfish?") == "no"
    assert ask(model, snapshot, "What do you see now?") == TRUTH[-1]["name"]


def test_every_photograph_of_the_demo_has_its_truth_and_licence() -> None:
    photographs = sorted(path.name for path in MEDIA.glob("*.jpg"))
    assert sorted(truth["file"] for truth in TRUTH) == photographs
    card = (MEDIA / "README.md").read_text()
    for name in photographs:
        assert f"`{name}`" in card
        assert (MEDIA / name).stat().st_size <= 60_000


def test_a_frame_is_read_alike_alone_and_in_a_batch(model: VideoLM) -> None:
    frames = [noise(float(i), i) for i in range(3)]
    for frame, tokens in zip(frames, model.encode(frames), strict=True):
        assert torch.allclose(tokens.embeds, model.encode([frame])[0].embeds, atol=1e-4)


@pytest.mark.parametrize("time", [0.0, 0.999, 59.5, 61.0, 3599.0])
def test_time_is_known_to_the_second_modulo_one_hour(model: VideoLM, time: float) -> None:
    [now], [later] = model.encode([noise(time)]), model.encode([noise(time + 3600)])
    [next_second] = model.encode([noise(time + 1)])
    assert torch.equal(now.embeds, later.embeds)
    assert not torch.allclose(now.embeds, next_second.embeds)


def test_the_whole_frame_stands_in_the_middle_of_its_cells(model: VideoLM) -> None:
    [tokens] = model.encode([noise()])
    assert tokens.grid == (3, 3)
    assert tokens.positions[:, 0].tolist() == [0, 1, 1]
    cells = [[0, y, x] for y in range(3) for x in range(3)]
    assert tokens.positions[:, 1:].T.tolist() == cells


def test_the_last_turn_is_the_question_and_no_other_text_is_read(model: VideoLM) -> None:
    turns = [Turn("system", "Be brief."), Turn("user", "what is this"), Turn("user", "Where?")]
    names = [VOCABULARY[i] for i in model.prompt_ids(turns)]
    assert names == ["<user>", "where", "?", "<bot>"]
    assert model.prefix_ids() == []
    assert model.frame_ids(8.0) == ([], [])


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_it_runs_in_half_precision(dtype: str) -> None:
    half = load_bundled("cpu", dtype)
    assert half.decoder.dtype == getattr(torch, dtype)
    snapshot = watch(half, [photograph("cat.jpg")])
    assert ask(half, snapshot, "What do you see now?") == "egyptian cat"


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_places_are_as_exact_in_half_precision_as_in_full(model: VideoLM, dtype: str) -> None:
    places = torch.arange(model.window_tokens)[None]
    half, full = (
        load_bundled("cpu", dtype).decoder.rope.table(places),
        model.decoder.rope.table(places),
    )
    for ours, exact in zip(half, full, strict=True):
        assert (ours.float() - exact).abs().max() < 1 / 256


def test_a_folder_with_another_grid_and_other_sizes_is_read_as_its_config_says(
    copy: Path, files: Files
) -> None:
    sizes = {"grid": [2, 5], "hidden_size": 64, "num_hidden_layers": 1, "top_classes": 3}
    config = files.config | sizes
    (copy / "config.json").write_text(json.dumps(config))
    own = ("embedding_scale", "grid", "time_weight", "top_classes", "rope_theta")
    stack = Qwen2Model(Qwen2Config(**{k: v for k, v in config.items() if k not in own}))
    state = {f"model.{k}": v for k, v in stack.state_dict().items()}
    save_file(state | {"place.weight": torch.zeros(11, 64)}, copy / "model.safetensors")
    other = load_bundled(folder=copy)
    [tokens] = other.encode([noise()])
    assert (tokens.grid, tokens.embeds.shape) == ((2, 5), (11, 64))
    assert other.window_tokens % 11 == 0
    assert len(watch(other, [noise()]).segments[0]) == 11


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def wrong_grid(path: Path) -> None:
    path.write_text(path.read_text().replace("3", "4"))


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        *[(name, Path.unlink) for name in ("config.json", "vocabulary.json", "tower.safetensors")],
        *[(name, cut) for name in ("model.safetensors", "tower.safetensors", "synonyms.json")],
        ("config.json", wrong_grid),
    ],
)
def test_damaged_files_are_refused_with_what_to_do(
    copy: Path, file: str, damage: Callable[[Path], None]
) -> None:
    damage(copy / file)
    with pytest.raises(ModelError, match="install the package again"):
        load_bundled(folder=copy)


@pytest.mark.parametrize("dtype", ["int8", "float64", ""])
def test_a_number_format_that_it_has_not_is_refused(dtype: str) -> None:
    with pytest.raises(ConfigError, match="float32, bfloat16, float16"):
        load_bundled("cpu", dtype)
