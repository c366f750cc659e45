"""From a name to a model that is ready: bundled, a local folder, or a hub checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
from transformers import AutoModelForImageTextToText, AutoTokenizer

from longwatch.errors import ConfigError, ModelError, UnsupportedModelError
from longwatch.models import selftest
from longwatch.models.families import FAMILIES
from longwatch.models.huggingface import Checkpoint
from longwatch.models.int8 import Int8Linear, quantize
from longwatch.registry import lookup

if TYPE_CHECKING:
    from longwatch.models.base import VideoLM
    from longwatch.models.huggingface import Layout

BUNDLED = "bundled"
DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "int8": torch.float32,  # of all but the decoder's linear layers and the head
}
SETTINGS = ["*.json", "*.jinja", "*.txt", "*.model"]  # all of a checkpoint but its weights
WEIGHTS = "*.safetensors"


def load_model(
    name: str,
    device: str = "auto",
    dtype: str = "auto",
    *,
    layout: Layout = "timed",
    max_pixels: int | None = None,
) -> VideoLM:
    """Return the model called `name`: `bundled`, a folder, or a checkpoint on the hub.

    `bundled:6x6` and `bundled:9x9` cut a frame into more cells than the usual 3x3.

    `device` is `auto`, `cpu`, `cuda` or `cuda:N`; `dtype` is `auto` (fp32 on a CPU, bf16 on a
    GPU), `float32`, `bfloat16`, `float16` or, on a CPU, `int8`. `layout` says how frames of a
    checkpoint are laid out: each after its time, or as one video. `max_pixels` bounds a frame in
    the families that keep its shape. The hub is asked only where HF_HUB_OFFLINE is not set.

    Raises:
        ConfigError: a setting is unknown, or does not fit this machine.
        ModelError: the checkpoint cannot be had, or something in it is missing or broken.
        UnsupportedModelError: its architecture cannot be driven exactly.
    """
    place = resolve_device(device)
    kind = resolve_dtype(dtype, place)
    if layout not in {"timed", "video"}:
        raise ConfigError(f"layout must be 'timed' or 'video', not {layout!r}")
    if name.partition(":")[0] == BUNDLED:
        from longwatch.models.bundled_model import load_bundled, parse_grid

        return load_bundled(place, kind, grid=parse_grid(name))
    folder = _find(name)
    family = FAMILIES[_model_type(folder, name)]
    model = _load_weights(folder, name, DTYPES[kind])
    decoder = model.get_decoder()
    selftest.check(decoder)
    if kind == "int8":
        quantize(decoder)
        # The head adds a hundredth to an error of six, and is up to half of a decoding step.
        model.set_output_embeddings(Int8Linear(model.get_output_embeddings()))
    model.to(place)
    return family(
        Checkpoint(name, folder, model, _load_tokenizer(folder, name), layout, max_pixels)
    )


def resolve_device(device: str) -> str:
    """Return the device that a user's word stands for; `auto` takes a GPU where there is one."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        kind = torch.device(device).type
    except RuntimeError:
        kind = ""
    if kind not in {"cpu", "cuda"}:
        raise ConfigError(f"device must be auto, cpu, cuda or cuda:N, not {device!r}")
    if kind == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device is cuda, but torch sees no GPU here; use --device cpu")
    return device


def resolve_dtype(dtype: str, device: str) -> str:
    """Return the name of the number format that a user's word stands for on `device`."""
    if dtype == "auto":
        return "float32" if device == "cpu" else "bfloat16"
    lookup(DTYPES, dtype, "dtype")
    if dtype == "int8" and device != "cpu":
        raise ConfigError("dtype int8 is for CPUs; use bfloat16 on a GPU")
    return dtype


def _find(name: str) -> Path:
    """Return the folder that holds the checkpoint; downloads it if `name` is on the hub."""
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        return folder
    if name.startswith((".", "/", "~")) or folder.exists() or name.count("/") != 1:
        raise ModelError(
            f"there is no model called {name!r}: not a folder, and not a name on the hub, which "
            f"is OWNER/NAME; use {BUNDLED!r}, the path of a checkpoint's folder, or such a name"
        )
    offline = constants.HF_HUB_OFFLINE
    try:
        settings = Path(snapshot_download(name, allow_patterns=SETTINGS, local_files_only=offline))
        _model_type(settings, name)  # before gigabytes of weights are on their way
        return Path(
            snapshot_download(name, allow_patterns=[*SETTINGS, WEIGHTS], local_files_only=offline)
        )
    except (HFValidationError, LocalEntryNotFoundError) as problem:
        where = "HF_HUB_OFFLINE is set" if offline else "the hub cannot be reached"
        raise ModelError(
            f"the model {name!r} is not in the local cache and {where}; download it first, or "
            "give the path of its folder"
        ) from problem
    except (OSError, ValueError) as problem:
        raise ModelError(
            f"the model {name!r} cannot be had from the hub ({type(problem).__name__}); check "
            "the name, and for a gated model that you have access to it"
        ) from problem


def _model_type(folder: Path, name: str) -> str:
    path = folder / "config.json"
    if not path.is_file():
        raise ModelError(f"{name} has no config.json, so it is not a checkpoint of transformers")
    try:
        found = json.loads(path.read_text("utf-8")).get("model_type")
    except (ValueError, AttributeError) as problem:
        raise ModelError(f"config.json of {name} is not a JSON object; get it again") from problem
    if found not in FAMILIES:
        raise UnsupportedModelError(
            f"{name} is of type {found!r}, for which there is no adapter; choose a checkpoint of "
            f"type {', '.join(sorted(FAMILIES))}"
        )
    return str(found)


def _load_weights(folder: Path, name: str, dtype: torch.dtype) -> Any:
    if not any(folder.glob(WEIGHTS)):
        pickled = [*folder.glob("*.bin"), *folder.glob("*.pt"), *folder.glob("*.pth")]
        why = (
            f"{pickled[0].name} is a pickle, which can run any code when it is read; convert it to "
            "safetensors"
            if pickled
            else "there are none; get them from where the rest came from"
        )
        raise ModelError(f"{name} has no weights in *.safetensors: {why}")
    try:
        loaded: Any = AutoModelForImageTextToText.from_pretrained(
            folder,
            dtype=dtype,
            use_safetensors=True,
            local_files_only=True,
            attn_implementation="sdpa",
            output_loading_info=True,
        )
    except Exception as problem:  # the library raises anything for a broken file
        raise ModelError(
            f"the weights of {name} cannot be read ({type(problem).__name__}: {problem}); get "
            "the checkpoint again"
        ) from problem
    model, report = loaded
    missing = sorted(report["missing_keys"])
    if missing:
        raise ModelError(
            f"{len(missing)} tensors of {name} are missing, the first is {missing[0]}; they would "
            "be random. Get the checkpoint again"
        )
    return model.eval().requires_grad_(False)


def _load_tokenizer(folder: Path, name: str) -> Any:
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as problem:  # the library raises anything for a broken file
        raise ModelError(
            f"the tokenizer of {name} cannot be read ({type(problem).__name__}); tokenizer.json "
            "and tokenizer_config.json belong into its folder"
        ) from problem
    # The processor's template goes first, as in transformers: a tokenizer that was taken from a
    # text model brings one along that cannot say where frames stand.
    tokenizer.chat_template = _processor_template(folder, name) or tokenizer.chat_template
    if tokenizer.chat_template is None:
        raise ModelError(f"{name} has no chat template; add chat_template.jinja to its folder")
    return tokenizer


def _processor_template(folder: Path, name: str) -> str | None:
    """Return the template that older checkpoints keep beside the processor."""
    path = folder / "chat_template.json"
    if (folder / "chat_template.jinja").is_file() or not path.is_file():
        return None
    try:
        return str(json.loads(path.read_text("utf-8"))["chat_template"])
    except (ValueError, KeyError, TypeError) as problem:
        raise ModelError(
            f"chat_template.json of {name} holds no chat template; get it again"
        ) from problem
