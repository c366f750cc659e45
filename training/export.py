"""Write the trained language part as the bundled model's files.

    python -m training.export [--state training/.cache/run/state.pt ...] [--out models/bundled]

Of several states, the ends of stages of one training, the mean of the weights is written (model
soups, arXiv 2203.05482): the later one has learnt more, and the earlier one keeps it steady on
pictures that training does not draw.

A folder other than the package's own gets copies of the files that this does not make (words,
tower and head), where it has none, so that it can be loaded by itself.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import save_file

from longwatch.errors import ModelError
from longwatch.models.bundled_model import FOLDER
from longwatch.models.bundled_tokenizer import BundledTokenizer
from training.parts import make_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from training.language import LanguageModel

STATE = Path("training/.cache/run/state.pt")
TOP_WORDS = 6  # names of a visual token
WINDOW = 16  # frames of the default window: what is older is better recalled than kept at hand
WEIGHTS, CONFIG = "model.safetensors", "config.json"
BESIDE = (
    *("tokenizer.json", "names.json", "groups.json", "aliases.json", "sayings.json"),
    *("tower.safetensors", "head.safetensors"),
)
SIZES = (
    *("hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads"),
    *("head_dim", "intermediate_size", "max_position_embeddings", "rms_norm_eps"),
)


def export(model: LanguageModel, words: BundledTokenizer, folder: Path) -> None:
    """Write `model.safetensors`, float16, and `config.json` into `folder`.

    The tensors are those of transformers' Qwen2Model under "model.", its embeddings unscaled and
    one row a token of `words`, and "soft_words.x", ".y", ".whole" and ".confidence".

    Raises:
        ModelError: a weight is too large for float16, or the embeddings are too few.
    """
    tensors = {f"model.{name}": tensor for name, tensor in model.stack.state_dict().items()}
    tensors |= {f"soft_words.{name}": tensor for name, tensor in model.soft.state_dict().items()}
    embeddings = "model.embed_tokens.weight"
    if len(tensors[embeddings]) < len(words):
        raise ModelError(
            f"the model has {len(tensors[embeddings])} embeddings, too few for {len(words)} "
            "tokens; train it with the tokenizer that it is shipped with"
        )
    tensors[embeddings] = tensors[embeddings][: len(words)]
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: _half(name, tensor) for name, tensor in tensors.items()}, folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps(_config(model, words), indent=1) + "\n", "utf-8")


def complete(folder: Path, source: Path = FOLDER) -> None:
    """Copy what `export` does not write from `source`, where `folder` has none."""
    for name in BESIDE:
        if not (folder / name).exists():
            shutil.copyfile(source / name, folder / name)


def load(states: Sequence[Path], words: BundledTokenizer) -> LanguageModel:
    """Return the model whose weights are the mean of those of one training's `states`.

    Raises:
        ModelError: there is no such state, or it is of a model with other sizes.
    """
    model = make_model(words)
    found: list[dict[str, Tensor]] = []
    for state in states:
        try:
            model.load_state_dict(torch.load(state, weights_only=True)["model"])
        except (OSError, KeyError, RuntimeError) as problem:
            raise ModelError(
                f"no model can be read from {state} ({problem}); give --state the state.pt that "
                "`python -m training.run` writes"
            ) from problem
        found.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
    if len(found) > 1:
        model.load_state_dict(
            {name: torch.stack([of[name] for of in found]).mean(0) for name in found[0]}
        )
    return model.eval()


def _half(name: str, tensor: Tensor) -> Tensor:
    half = tensor.detach().half()
    if not half.isfinite().all():
        raise ModelError(
            f"{name} reaches {float(tensor.abs().max()):.3g}, which float16 cannot hold; "
            "train with more weight decay or a lower rate"
        )
    return half.contiguous()


def _config(model: LanguageModel, words: BundledTokenizer) -> dict[str, object]:
    sizes = model.stack.config.to_dict()
    weights = model.soft.weights
    return {
        "vocab_size": len(words),
        **{key: sizes[key] for key in SIZES},
        "tie_word_embeddings": True,
        "rope_theta": sizes["rope_parameters"]["rope_theta"],
        "embedding_scale": weights.scale,
        "time_weight": weights.time,
        "colour_weight": weights.colour,
        "top_words": TOP_WORDS,
        "window_frames": WINDOW,
    }


def main() -> None:
    """Export the model of one state, or the mean of several."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--state", type=Path, nargs="+", default=[STATE])
    parser.add_argument("--out", type=Path, default=FOLDER)
    options = parser.parse_args()
    words = BundledTokenizer(FOLDER)
    export(load(options.state, words), words, options.out)
    complete(options.out)
    size = (options.out / WEIGHTS).stat().st_size / 1e6
    print(f"{options.out}: {WEIGHTS} ({size:.1f} MB) and {CONFIG}")


if __name__ == "__main__":
    main()
