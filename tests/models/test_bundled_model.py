"""The bundled model's parts together, on random weights, against the formulas of its model card."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import Qwen2Config, Qwen2Model

import longwatch.cli
from longwatch.errors import ConfigError, ModelError
from longwatch.memory.context import Context
from longwatch.memory.full import Full
from longwatch.memory.memory import Memory
from longwatch.models.base import Turn
from longwatch.models.bundled_model import FOLDER, GRIDS, load_bundled, parse_grid
from longwatch.models.colours import colour_words
from longwatch.models.concept_head import load_head
from longwatch.models.efficientnet import EfficientNetLite2, preprocess
from longwatch.models.sampling import Sampler, Sampling
from longwatch.stream.sources.painting import COLOURS
from longwatch.types import Frame
from tests.models import bundled_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from longwatch.memory.memory import Snapshot
    from longwatch.models.base import FrameInput, VideoLM

MEDIA = Path(longwatch.cli.__path__[0]) / "demo" / "media"


class Files(NamedTuple):
    """The raw contents of a model's folder."""

    path: Path
    config: dict[str, Any]
    tensors: dict[str, Tensor]
    words: Tensor  # (v, d)
    ids: dict[str, int]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    path = bundled_folder.write(FOLDER, tmp_path_factory.mktemp("models") / "bundled")
    config = json.loads((path / "config.json").read_text())
    tensors = {k: v.float() for k, v in load_file(path / "model.safetensors").items()}
    forms = json.loads((path / "tokenizer.json").read_text())["model"]["vocab"]
    words = tensors["model.embed_tokens.weight"][: len(forms)]
    return Files(path, config, tensors, words, forms)


@pytest.fixture(scope="module")
def model(files: Files) -> VideoLM:
    return load_bundled(folder=files.path)


@pytest.fixture
def copy(files: Files, tmp_path: Path) -> Path:
    return Path(shutil.copytree(files.path, tmp_path / "bundled"))


def photograph(file: str, time: float = 8.0) -> Frame:
    return Frame(np.asarray(Image.open(MEDIA / file).convert("RGB")), time, 0)


def noise(time: float = 0.0, seed: int = 0) -> Frame:
    image = np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    return Frame(image, time, 0)


def watch(model: VideoLM, frames: list[Frame]) -> Snapshot:
    memory = Memory(Full(), model.decoder.rope)
    sources: list[tuple[FrameInput, float | None]]
    sources = [(model.text_input(model.prefix_ids()), None)]
    for frame, tokens in zip(frames, model.encode(frames), strict=True):
        sources.append((model.frame_input(tokens, frame.time), frame.time))
    for source, time in sources:
        draft = memory.begin(source.positions, time, source.advance)
        for _ in model.read(source, draft):
            pass
        memory.commit()
    return memory.snapshot()


def ask(model: VideoLM, snapshot: Snapshot, question: str) -> str:
    ids, answer = model.prompt_ids([Turn("user", question)]), list[int]()
    context = Context(snapshot.segments, model.decoder.rope, room=len(ids) + 8)
    hidden = model.read_text(ids, context)
    while len(answer) < 8:
        token = Sampler(Sampling()).pick(model.decoder.logits(hidden))
        if token in model.stop_ids:
            break
        answer.append(token)
        hidden = model.read_text([token], context, context.length)
    return model.tokenizer.decode(answer)


@torch.inference_mode()
def test_visual_tokens_are_those_of_the_model_card(model: VideoLM, files: Files) -> None:
    config, words, ids, names = files.config, files.words, files.ids, bundled_names(files)
    tower = EfficientNetLite2().eval()
    tower.load_state_dict(load_file(files.path / "tower.safetensors"))
    head = load_head(files.path / "head.safetensors", tower.classifier)
    frame = photograph("espresso.jpg", 2 * 3600 + 7 * 60 + 5.9)
    pixels = preprocess([frame], torch.device("cpu"))
    rgb = (pixels * 128 + 127)[0]
    maps = head.maps(tower, tower.middle(pixels))[0]
    assert torch.equal(maps[:1280], tower.features(pixels)[0])
    spots, colours = [maps.mean((1, 2))], [border(rgb)]
    at = [files.tensors["soft_words.whole"]]
    ends = [260 * i // 3 for i in range(4)], [-(-260 * i // 3) for i in range(4)]
    for y in range(3):
        for x in range(3):
            spots.append(maps[:, 3 * y : 3 * y + 3, 3 * x : 3 * x + 3].mean((1, 2)))
            part = rgb[:, ends[0][y] : ends[1][y + 1], ends[0][x] : ends[1][x + 1]]
            colours.append(part.mean((1, 2)))
            across, down = files.tensors["soft_words.x"], files.tensors["soft_words.y"]
            at.append(across[1 + 3 * x] + down[1 + 3 * y])
    when = words[ids["\u01202h"]] + words[ids["\u012007:"]] + words[ids["05"]]
    [tokens] = model.encode([frame])
    assert tokens.summary == len(tokens) - 9 == 1
    for k, spot in enumerate(spots):
        p = dict.fromkeys(names, 0.0)
        for name, chance in zip(names, head(spot[None, None])[0, 0].tolist(), strict=False):
            p[name] += chance
        best = sorted(p, key=p.__getitem__, reverse=True)[: config["top_words"]]
        soft = sum((p[n] * words[ids[form(n)]] for n in best), torch.zeros(words.shape[1]))
        soft = soft + p[best[0]] * files.tensors["soft_words.confidence"]
        shares = zip(COLOURS, colour_words(colours[k]).tolist(), strict=True)
        ground = sum((q * words[ids[form(c)]] for c, q in shares), torch.zeros(words.shape[1]))
        wanted = soft + config["time_weight"] * when + at[k] + config["colour_weight"] * ground
        assert torch.allclose(tokens.embeds[k], config["embedding_scale"] * wanted, atol=1e-3)


def bundled_names(files: Files) -> list[str]:
    names: list[str] = json.loads((files.path / "names.json").read_text())
    return names


def form(word: str) -> str:
    return "\u0120" + word.replace(" ", "\u0120")


def border(rgb: Tensor) -> Tensor:
    edge = torch.ones(260, 260, dtype=torch.bool)
    edge[16:-16, 16:-16] = False
    return rgb[:, edge].mean(1)


@torch.inference_mode()
def test_answers_rest_on_the_stock_model_over_the_whole_sequence(
    model: VideoLM, files: Files
) -> None:
    sizes = {k: v for k, v in files.config.items() if k not in bundled_folder.OWN}
    rope = {"rope_type": "default", "rope_theta": files.config["rope_theta"]}
    stock = Qwen2Model(Qwen2Config(**sizes, rope_parameters=rope)).eval()
    state = {k.removeprefix("model."): v for k, v in files.tensors.items() if "soft" not in k}
    stock.load_state_dict(state)
    frames = [photograph("cat.jpg", 0.0), noise(1.0), photograph("tripod.jpg", 2.5)]
    ids = model.prompt_ids([Turn("user", "What do you see now?")])
    seen = [tokens.embeds for tokens in model.encode(frames)]
    scale, opening = files.config["embedding_scale"], files.words[model.prefix_ids()]
    sequence = torch.cat([scale * opening, *seen, scale * files.words[ids]])
    frame_of = [0] + [i + 1 for i, tokens in enumerate(seen) for _ in tokens]
    positions = frame_of + [len(frames) + 1 + i for i in range(len(ids))]  # one for a whole frame
    wanted = (
        stock(
            inputs_embeds=sequence[None],
            position_ids=torch.tensor([positions]),
            attention_mask=torch.ones(1, len(positions), dtype=torch.int64),
        ).last_hidden_state[0, -1]
        @ files.words.T
    )
    context = Context(watch(model, frames).segments, model.decoder.rope, room=len(ids))
    logits = model.decoder.logits(model.read_text(ids, context))
    assert torch.allclose(logits, wanted, atol=1e-4)


@pytest.mark.parametrize("grid", GRIDS)
def test_a_grid_has_a_token_for_each_cell_and_the_same_one_for_the_whole(
    model: VideoLM, files: Files, grid: tuple[int, int]
) -> None:
    other = load_bundled(folder=files.path, grid=grid)
    [tokens], [usual] = other.encode([noise(7.0)]), model.encode([noise(7.0)])
    rows, columns = grid
    assert tokens.grid == grid
    assert tokens.embeds.shape == (1 + rows * columns, 32)
    assert torch.allclose(tokens.embeds[0], usual.embeds[0], atol=1e-4)
    assert tokens.positions[:, 0].tolist() == [0, rows // 2, columns // 2]
    cells = [[0, y, x] for y in range(rows) for x in range(columns)]
    assert tokens.positions[:, 1:].T.tolist() == cells
    assert other.window_tokens == 64 * len(tokens)
    assert [len(s) for s in watch(other, [noise()]).segments] == [1, len(tokens)]


def test_the_name_says_the_grid(files: Files) -> None:
    for grid, name in zip(GRIDS, ("bundled", "bundled:6x6", "bundled:9x9"), strict=True):
        assert load_bundled(folder=files.path, grid=grid).name == name
        assert parse_grid(name) == grid
    assert parse_grid("bundled:3x3") == (3, 3)


@pytest.mark.parametrize("name", ["bundled:", "bundled:4x4", "bundled:6", "bundled:6x6x6"])
def test_other_grids_are_refused(files: Files, name: str) -> None:
    with pytest.raises(ConfigError, match="bundled:6x6"):
        parse_grid(name)
    with pytest.raises(ConfigError, match="grid"):
        load_bundled(folder=files.path, grid=(4, 4))


def test_a_frame_is_read_alike_alone_and_in_a_batch(model: VideoLM) -> None:
    frames = [noise(1000.0 * i, i) for i in range(3)]
    for frame, tokens in zip(frames, model.encode(frames), strict=True):
        assert torch.allclose(tokens.embeds, model.encode([frame])[0].embeds, atol=1e-3)


@pytest.mark.parametrize("time", [0.0, 0.999, 59.5, 61.0, 3599.0, 40_000.0])
def test_time_is_known_to_the_second_modulo_a_day(model: VideoLM, time: float) -> None:
    [now], [later] = model.encode([noise(time)]), model.encode([noise(time + 24 * 3600)])
    [hour], [second] = model.encode([noise(time + 3600)]), model.encode([noise(time + 1)])
    assert torch.equal(now.embeds, later.embeds)
    assert not torch.allclose(now.embeds, hour.embeds)
    assert not torch.allclose(now.embeds, second.embeds)


def test_no_text_stands_around_the_frames(model: VideoLM) -> None:
    assert model.tokenizer.decode(model.prefix_ids()) == ""
    assert model.frame_ids(8.0) == ([], [])


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_it_runs_in_half_precision(files: Files, dtype: str) -> None:
    half = load_bundled("cpu", dtype, files.path)
    assert half.decoder.dtype == getattr(torch, dtype)
    assert isinstance(ask(half, watch(half, [photograph("cat.jpg")]), "What do you see?"), str)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_places_are_as_exact_in_half_precision_as_in_full(
    model: VideoLM, files: Files, dtype: str
) -> None:
    places = torch.arange(model.window_tokens)[None]
    half = load_bundled("cpu", dtype, files.path).decoder.rope.table(places)
    for ours, exact in zip(half, model.decoder.rope.table(places), strict=True):
        assert (ours.float() - exact).abs().max() < 1 / 256


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def other_sizes(path: Path) -> None:
    path.write_text(path.read_text().replace("32", "64"))


def one_name_less(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text())[:-1]))


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        *[(name, Path.unlink) for name in ("config.json", "names.json", "tower.safetensors")],
        *[(name, Path.unlink) for name in ("head.safetensors", "groups.json", "tokenizer.json")],
        *[(name, cut) for name in ("model.safetensors", "tower.safetensors", "aliases.json")],
        ("config.json", other_sizes),
        ("names.json", one_name_less),
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
    with pytest.raises(ConfigError, match="float16"):
        load_bundled("cpu", dtype)
