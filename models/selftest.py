"""Refuse a model that the seam cannot drive exactly, in milliseconds, when it is loaded."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch

from longwatch.errors import UnsupportedModelError
from longwatch.memory.context import Draft
from longwatch.models.decoder import Decoder

if TYPE_CHECKING:
    from torch import Tensor, nn

TOKENS = 64
CHUNKS = (24, 39, 1)
TOLERANCE = 1e-5  # of the largest hidden state; exact models stay below 1e-6
LAYERS = 8  # enough for every pattern of layer types that is in use


@torch.inference_mode()
def check(model: nn.Module, tolerance: float = TOLERANCE) -> float:
    """Compare 64 random embeddings read in three chunks with one stock forward, in fp32.

    `model` is a transformers text model; a copy of its first layers is what runs. Returns the
    largest difference between the two hidden states, relative to the stock one's largest value.
    Sharp attention may amplify mere rounding beyond `tolerance`; then fp64 decides.

    Raises:
        UnsupportedModelError: the difference is above `tolerance`, or the model does not run.
    """
    name = type(model).__name__
    _refuse_late_kinds(model)
    try:
        probe = _probe(model)
        error = _difference(probe)
        if not error <= tolerance:
            error = _difference(probe.double())
    except UnsupportedModelError:
        raise
    except Exception as problem:
        raise UnsupportedModelError(
            f"{name} does not run through Longwatch's attention function "
            f"({type(problem).__name__}: {problem}); choose a decoder-only model with RoPE"
        ) from problem
    if not error <= tolerance:
        raise UnsupportedModelError(
            f"{name} gives hidden states that differ by {error:.1e} from its stock forward "
            f"(allowed: {tolerance:.0e}), so its answers would be wrong. Its layers use position "
            "or attention in a way that the seam does not cover; choose another model"
        )
    return error


def _refuse_late_kinds(model: nn.Module) -> None:
    """Refuse kinds of layers that only come after those that are compared."""
    config: Any = model.config
    kinds = getattr(config, "layer_types", None) or []
    late = set(kinds[LAYERS:]) - set(kinds[:LAYERS])
    if late:
        raise UnsupportedModelError(
            f"{type(model).__name__} has layers of type {', '.join(sorted(late))} after the first "
            f"{LAYERS}, which Longwatch does not drive; choose a model whose layers are alike"
        )


def _probe(model: nn.Module) -> Any:
    """Return an fp32 copy of the first layers, without the token embedding's weights."""
    whole: Any = model
    if not hasattr(whole, "layers") or not hasattr(whole, "get_input_embeddings"):
        raise UnsupportedModelError(
            f"{type(model).__name__} has no list of decoder layers; choose a decoder-only model"
        )
    layers, table = whole.layers, whole.get_input_embeddings()
    try:
        whole.layers = layers[:LAYERS]
        whole.set_input_embeddings(torch.nn.Embedding(1, table.embedding_dim))
        probe = copy.deepcopy(whole).float().eval()
    finally:
        whole.layers = layers
        whole.set_input_embeddings(table)
    probe.config.num_hidden_layers = len(probe.layers)
    return probe


def _difference(probe: Any) -> float:
    device = next(probe.parameters()).device
    generator = torch.Generator().manual_seed(0)
    width = probe.get_input_embeddings().embedding_dim
    dtype = next(probe.parameters()).dtype
    x = torch.randn(TOKENS, width, generator=generator).to(device, dtype)

    probe.set_attn_implementation("eager")
    stock: Tensor = probe(inputs_embeds=x[None], use_cache=False).last_hidden_state[0]

    decoder = Decoder(probe, torch.nn.Identity())
    axes = decoder.rope.axes
    positions = torch.arange(TOKENS).expand(axes, TOKENS)
    step = Draft((), decoder.rope, positions=positions, time=None)
    parts = [
        decoder.forward(part, at, step)
        for part, at in zip(x.split(CHUNKS), positions.split(CHUNKS, 1), strict=True)
    ]
    return float((torch.cat(parts) - stock).abs().max() / stock.abs().max().clamp_min(1.0))
