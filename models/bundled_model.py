"""The small model that ships in the package: works offline, on a CPU, in the first minute."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional
from transformers import Qwen2Config, Qwen2Model

from longwatch.errors import ConfigError, ModelError
from longwatch.models import selftest
from longwatch.models.base import VideoLM
from longwatch.models.decoder import Decoder
from longwatch.models.efficientnet import CLASSES, EfficientNetLite2, preprocess
from longwatch.models.word_tokenizer import WordTokenizer
from longwatch.types import VisualTokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from longwatch.models.base import Turn
    from longwatch.types import Frame

FOLDER = Path(__file__).with_name("bundled")
DTYPES = ("float32", "bfloat16", "float16")
SPECIAL = ("<pad>", "<eos>", "<frame>", "<user>", "<bot>")
WINDOW_FRAMES = 64  # beyond about 100 it forgets and mistakes the present


class Projector(NamedTuple):
    """Makes visual tokens of class probabilities: the soft words that a cell may be named by.

    A token is scale * (sum_i p_i E[class_i] + weight * (E[minute] + E[second]) + place).
    """

    classes: Tensor  # (c, d): the word embeddings of the tower's classes
    minutes: Tensor  # (60, d)
    seconds: Tensor  # (60, d)
    places: Tensor  # (1 + cells, d): the whole frame, then its cells in raster order
    scale: float
    time_weight: float
    top_classes: int

    def __call__(self, probabilities: Tensor, time: float) -> Tensor:
        """Return tokens, (1 + cells, d), of (1 + cells, c) at `time` seconds, modulo one hour."""
        p, i = probabilities.topk(self.top_classes)
        soft = torch.einsum("nk,nkd->nd", p, self.classes[i])
        minute, second = divmod(int(time) % 3600, 60)
        when = self.time_weight * (self.minutes[minute] + self.seconds[second])
        return self.scale * (soft + when + self.places)

    def to(self, device: torch.device) -> Projector:
        """Return the same on a device."""
        return self._replace(
            classes=self.classes.to(device),
            minutes=self.minutes.to(device),
            seconds=self.seconds.to(device),
            places=self.places.to(device),
        )


class _Parts(NamedTuple):
    """The model as its files hold it."""

    tower: EfficientNetLite2
    projector: Projector
    stack: nn.Module
    head: nn.Module
    tokenizer: WordTokenizer
    grid: tuple[int, int]  # rows, columns of cells

    def to(self, device: torch.device, dtype: torch.dtype) -> _Parts:
        return self._replace(
            tower=self.tower.to(device),
            projector=self.projector.to(device),
            stack=_cast(self.stack, dtype).to(device),
            head=_cast(self.head, dtype).to(device),
        )


class BundledVLM(VideoLM):
    """EfficientNet-Lite2, soft words and a small Qwen2 that was trained from scratch."""

    name = "bundled"

    def __init__(self, parts: _Parts) -> None:
        rows, columns = parts.grid
        self.decoder = Decoder(parts.stack, parts.head)
        self.tokenizer = parts.tokenizer
        self.stop_ids = frozenset(parts.tokenizer.ids[token] for token in SPECIAL)
        self.window_tokens = WINDOW_FRAMES * (1 + rows * columns)
        self._parts = parts

    @torch.inference_mode()
    def encode(self, frames: Sequence[Frame]) -> list[VisualTokens]:  # noqa: D102
        tower, grid = self._parts.tower, self._parts.grid
        maps = tower.features(preprocess(frames, self.decoder.device))  # (b, 1280, 9, 9)
        cells = functional.adaptive_avg_pool2d(maps, grid).flatten(2)
        pooled = torch.cat([maps.mean((2, 3))[..., None], cells], 2).transpose(1, 2)
        probabilities = tower.classify(pooled).softmax(-1)  # (b, 1 + cells, c)
        positions = _positions(grid).to(self.decoder.device)
        return [
            VisualTokens(self._parts.projector(p, frame.time), positions, grid)
            for p, frame in zip(probabilities, frames, strict=True)
        ]

    def prefix_ids(self) -> list[int]:  # noqa: D102
        return []

    def frame_ids(self, time: float) -> tuple[list[int], list[int]]:
        """Return nothing: the time is in the visual tokens themselves."""
        return [], []

    def prompt_ids(self, turns: Sequence[Turn]) -> list[int]:
        """Return the last turn's words; the model was trained on single questions."""
        words = self._parts.tokenizer
        return [words.ids["<user>"], *words.encode(turns[-1].text), words.ids["<bot>"]]


def load_bundled(device: str = "cpu", dtype: str = "float32", folder: Path = FOLDER) -> VideoLM:
    """Load the model from the package, or from another `folder` of the same form.

    `dtype` is the language model's; the tower always runs in float32.

    Raises:
        ConfigError: there is no such `dtype` for it.
        ModelError: a file is missing or damaged, or does not fit the others.
    """
    if dtype not in DTYPES:
        raise ConfigError(
            f"the bundled model cannot run in {dtype!r}; choose one of {', '.join(DTYPES)}"
        )
    try:
        model = _read(folder)
    except (OSError, KeyError, TypeError, RuntimeError, ValueError, SafetensorError) as problem:
        raise ModelError(
            f"the bundled model in {folder} cannot be loaded ({type(problem).__name__}: "
            f"{problem}); install the package again"
        ) from problem
    selftest.check(model.stack)
    return BundledVLM(model.to(torch.device(device), getattr(torch, dtype)))


def _read(folder: Path) -> _Parts:
    """Return what the files hold, in float32 on the CPU."""
    config = _json(folder / "config.json")
    tokenizer = WordTokenizer(_json(folder / "vocabulary.json"), _json(folder / "synonyms.json"))
    tensors = {k: v.float() for k, v in load_file(folder / "model.safetensors").items()}
    own = {k: config.pop(k) for k in ("embedding_scale", "grid", "time_weight", "top_classes")}
    words, places = tensors["model.embed_tokens.weight"], tensors.pop("place.weight")
    rows, columns = own["grid"]
    if len(places) != 1 + rows * columns:
        raise ValueError(f"{len(places)} places are no grid of {rows} x {columns} and the whole")
    projector = Projector(
        classes=words[:CLASSES],
        minutes=words[[tokenizer.ids[f"m{i:02}"] for i in range(60)]],
        seconds=words[[tokenizer.ids[f"s{i:02}"] for i in range(60)]],
        places=places,
        scale=own["embedding_scale"],
        time_weight=own["time_weight"],
        top_classes=own["top_classes"],
    )
    tower = EfficientNetLite2().eval()
    tower.load_state_dict(load_file(folder / "tower.safetensors"))
    stack, head = _language_model(config, tensors, own["embedding_scale"])
    return _Parts(tower, projector, stack, head, tokenizer, (rows, columns))


def _language_model(
    config: dict[str, Any], tensors: dict[str, Tensor], scale: float
) -> tuple[nn.Module, nn.Module]:
    """Return the transformers model, whose words come out scaled, and the head, which does not."""
    theta = config.pop("rope_theta")
    rope = {"rope_type": "default", "rope_theta": theta}
    stack = Qwen2Model(Qwen2Config(**config, rope_parameters=rope)).eval()
    words = tensors["model.embed_tokens.weight"]
    state = {name.removeprefix("model."): tensor for name, tensor in tensors.items()}
    stack.load_state_dict(state | {"embed_tokens.weight": scale * words})
    head = nn.Linear(words.shape[1], words.shape[0], bias=False)
    head.load_state_dict({"weight": words})
    return stack, head.eval()


def _cast(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    """Change the dtype of the weights alone: RoPE's frequencies are a buffer, and stay exact."""
    for weight in module.parameters():
        weight.data = weight.data.to(dtype)
    return module


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _positions(grid: tuple[int, int]) -> Tensor:
    """Return the tokens' places, (3, 1 + cells): the whole frame's in the middle, then raster."""
    rows, columns = grid
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    cells = torch.stack([torch.zeros_like(y), y, x]).flatten(1)
    return torch.cat([torch.tensor([[0], [rows // 2], [columns // 2]]), cells], 1)
