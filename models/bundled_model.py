"""The small model that ships in the package: works offline, on a CPU, in the first minute."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
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
from longwatch.models.bundled_chat import dialogue_ids
from longwatch.models.bundled_tokenizer import OPENING, SPECIAL, BundledTokenizer
from longwatch.models.cells import places, positions
from longwatch.models.colours import frame_colours
from longwatch.models.concept_head import ConceptHead, load_head
from longwatch.models.decoder import Decoder
from longwatch.models.efficientnet import CLASSES, EfficientNetLite2, channels_last, preprocess
from longwatch.models.likeness import Likeness
from longwatch.models.soft_words import SoftWords, Weights, Words, likely
from longwatch.stream.sources.painting import COLOURS
from longwatch.types import VisualTokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from longwatch.models.base import FrameInput, Turn
    from longwatch.types import Frame

FOLDER = Path(__file__).with_name("bundled")
DTYPES = ("float32", "bfloat16", "float16")
GAZE_HEADS = MappingProxyType({2: (0, 2), 3: (0, 2)})  # taught to look at what proves answers
GRIDS = ((3, 3), (6, 6), (9, 9))  # rows, columns of cells
OWN = ("embedding_scale", "time_weight", "colour_weight", "top_words", "window_frames")


class _Parts(NamedTuple):
    """The model as its files hold it."""

    tower: EfficientNetLite2
    concepts: ConceptHead
    soft: SoftWords
    words: Tensor  # (v, d) fp32: the word embeddings, unscaled
    stack: nn.Module
    head: nn.Module
    tokenizer: BundledTokenizer
    top_words: int
    window_frames: int

    def to(self, device: torch.device, dtype: torch.dtype) -> _Parts:
        for vision in (self.tower, self.concepts):
            channels_last(vision)
        return self._replace(
            tower=self.tower.to(device),
            concepts=self.concepts.to(device),
            soft=self.soft.to(device),
            words=self.words.to(device),
            stack=_cast(self.stack, dtype).to(device),
            head=_cast(self.head, dtype).to(device),
        )


class BundledVLM(VideoLM):
    """EfficientNet-Lite2, soft words and a small Qwen2 that was trained from scratch."""

    name = "bundled"
    tokenizer: BundledTokenizer
    gaze_heads = GAZE_HEADS
    field_by_field = True
    yes_or_no = ""  # it was taught so
    fidelity = "small"  # its decoder was trained on such a memory

    def __init__(self, parts: _Parts, grid: tuple[int, int]) -> None:
        rows, columns = grid
        if grid != GRIDS[0]:
            self.name = f"bundled:{rows}x{columns}"
        self.decoder = Decoder(parts.stack, parts.head)
        self.tokenizer = parts.tokenizer
        self.stop_ids = frozenset(map(parts.tokenizer.word, SPECIAL))
        self.window_tokens = parts.window_frames * (1 + rows * columns)
        self._parts = parts
        self._grid = grid
        device = self.decoder.device
        self._classes = torch.tensor(parts.tokenizer.classes, device=device)
        self._likeness = Likeness(parts.tokenizer)
        self._places = places(grid).to(device)
        self.positions = positions(grid).to(device)  # (3, 1 + cells) of a frame's tokens

    @torch.inference_mode()
    def encode(self, frames: Sequence[Frame]) -> list[VisualTokens]:  # noqa: D102
        parts, grid = self._parts, self._grid
        pictures = preprocess(frames, self.decoder.device)
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        maps = parts.concepts.maps(parts.tower, parts.tower.middle(pictures))
        cells = functional.adaptive_avg_pool2d(maps, grid).flatten(2)
        pooled = torch.cat([maps.mean((2, 3))[..., None], cells], 2).transpose(1, 2)
        probabilities = parts.concepts(pooled)  # (b, 1 + cells, columns)
        b, n = probabilities.shape[:2]
        ids, p = likely(probabilities.flatten(0, 1), self._classes, parts.top_words)
        colour = frame_colours(pictures * 128 + 127, grid).flatten(0, 1)
        times = torch.tensor([int(frame.time) for frame in frames], device=ids.device)
        place, time = self._places.repeat(b, 1), times.repeat_interleave(n)
        tokens = self.soft_tokens(ids, p, place, colour, time)
        parted = zip(*(x.unflatten(0, (b, n)) for x in (tokens, ids, p)), strict=True)
        return [
            VisualTokens(t, self.positions, grid, summary=1, named=(i, q)) for t, i, q in parted
        ]

    def soft_tokens(
        self, ids: Tensor, p: Tensor, place: Tensor, colour: Tensor, time: Tensor
    ) -> Tensor:
        """Return visual tokens, (n, d), of what was seen; shapes are those of `SoftWords`."""
        return self._parts.soft(self._parts.words, ids, p, place, colour, time)  # type: ignore[no-any-return]

    def prefix_ids(self) -> list[int]:
        """Return one token, on which attention rests when it finds nothing."""
        return [self._parts.tokenizer.word(OPENING)]

    def frame_ids(self, time: float) -> tuple[list[int], list[int]]:
        """Return nothing: the time is in the visual tokens themselves."""
        return [], []

    def frame_input(self, tokens: VisualTokens, time: float) -> FrameInput:
        """Return the same with one position for all tokens of the frame: the place is in them."""
        source = super().frame_input(tokens, time)
        return replace(source, positions=torch.zeros_like(source.positions))

    def evidence(self, tokens: VisualTokens, question: str) -> float:  # noqa: D102
        return self._likeness.evidence(tokens, question)

    def prompt_ids(self, turns: Sequence[Turn]) -> list[int]:
        """Return the last turns with their marks; see `dialogue_ids`."""
        return dialogue_ids(self._parts.tokenizer, turns)


def parse_grid(name: str) -> tuple[int, int]:
    """Return the grid that a model's name asks for: `bundled`, or `bundled:6x6`.

    Raises:
        ConfigError: it asks for a grid that the model was not trained on.
    """
    asked = name.partition(":")[2]
    known = {f"{rows}x{columns}": (rows, columns) for rows, columns in GRIDS}
    if ":" not in name:
        return GRIDS[0]
    if asked not in known:
        raise ConfigError(
            f"the bundled model has no grid {asked!r}; use one of "
            f"{', '.join(f'bundled:{grid}' for grid in known)}"
        )
    return known[asked]


def load_bundled(
    device: str = "cpu",
    dtype: str = "float32",
    folder: Path = FOLDER,
    grid: tuple[int, int] = GRIDS[0],
) -> BundledVLM:
    """Load the model from the package, or from another `folder` of the same form.

    `dtype` is the language model's; the tower always runs in float32. A frame becomes a token for
    the whole and one for each cell of `grid`, rows by columns.

    Raises:
        ConfigError: there is no such `dtype` or `grid` for it.
        ModelError: a file is missing or damaged, or does not fit the others.
    """
    if dtype not in DTYPES:
        raise ConfigError(
            f"the bundled model cannot run in {dtype!r}; choose one of {', '.join(DTYPES)}"
        )
    if grid not in GRIDS:
        raise ConfigError(f"the bundled model has no grid {grid}; choose one of {GRIDS}")
    try:
        parts = _read(folder)
    except (OSError, KeyError, TypeError, RuntimeError, ValueError, SafetensorError) as problem:
        raise ModelError(
            f"the bundled model in {folder} cannot be loaded ({type(problem).__name__}: "
            f"{problem}); install the package again"
        ) from problem
    selftest.check(parts.stack)
    return BundledVLM(parts.to(torch.device(device), getattr(torch, dtype)), grid)


def _read(folder: Path) -> _Parts:
    """Return what the files hold, in float32 on the CPU."""
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    own = {key: config.pop(key) for key in OWN}
    tokenizer = BundledTokenizer(folder)
    tensors = {k: v.float() for k, v in load_file(folder / "model.safetensors").items()}
    words = tensors.pop("model.embed_tokens.weight")
    if len(words) < len(tokenizer):
        raise ValueError(f"{len(words)} embeddings are too few for {len(tokenizer)} tokens")
    words = words[: len(tokenizer)]
    soft = SoftWords(words.shape[1], _words(tokenizer), _weights(own))
    soft.load_state_dict({key: tensors.pop(f"soft_words.{key}") for key in soft.state_dict()})
    tower = EfficientNetLite2().eval()
    tower.load_state_dict(load_file(folder / "tower.safetensors"))
    concepts = load_head(folder / "head.safetensors", tower.classifier)
    if CLASSES + concepts.concepts != len(tokenizer.names):
        raise ValueError(f"the head does not tell the {len(tokenizer.names)} names apart")
    stack, head = _language_model(config, tensors, words, own["embedding_scale"])
    return _Parts(
        *(tower, concepts, soft.eval(), words, stack, head, tokenizer),
        top_words=own["top_words"],
        window_frames=own["window_frames"],
    )


def _words(tokenizer: BundledTokenizer) -> Words:
    colours = [tokenizer.word(colour) for colour in COLOURS]
    return Words(tokenizer.hours, tokenizer.minutes, tokenizer.seconds, colours)


def _weights(own: dict[str, Any]) -> Weights:
    return Weights(own["embedding_scale"], own["time_weight"], own["colour_weight"])


def _language_model(
    config: dict[str, Any], tensors: dict[str, Tensor], words: Tensor, scale: float
) -> tuple[nn.Module, nn.Module]:
    """Return the transformers model, whose words come out scaled, and the head, which does not."""
    theta = config.pop("rope_theta")
    sizes = config | {"vocab_size": len(words)}
    rope = {"rope_type": "default", "rope_theta": theta}
    stack = Qwen2Model(Qwen2Config(**sizes, rope_parameters=rope)).eval()
    state = {name.removeprefix("model."): tensor for name, tensor in tensors.items()}
    stack.load_state_dict(state | {"embed_tokens.weight": scale * words})
    head = nn.Linear(words.shape[1], len(words), bias=False)
    head.load_state_dict({"weight": words})
    return stack, head.eval()


def _cast(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    """Change the dtype of the weights alone: RoPE's frequencies are a buffer, and stay exact."""
    for weight in module.parameters():
        weight.data = weight.data.to(dtype)
    return module
