"""Where training starts from: words of one kind share a subspace, and heads that match and copy.

Random names fill every direction, so that no linear map could tell a name from a time. Here names
lie in one subspace, the words of time in another, all else in a third. Then "attend to what holds
the word that is asked for" and "copy the name, or the time, of what was found" are linear, and the
heads of the first layers begin as just that, in the pairs of RoPE that hardly turn over an hour.
Training changes all of it as it likes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import normalize

if TYPE_CHECKING:
    from torch import Tensor

    from longwatch.models.bundled_tokenizer import BundledTokenizer
    from training.language import LanguageModel

NAMES, TIMES, REST = 128, 64, 64  # dimensions of the three subspaces, of 256
CLOCK = (12, 24, 28)  # of TIMES, for hours, minutes and seconds, so that each can be copied alone
SLOW = 16  # of a head's 32 pairs, those from here on turn slowly
MATCH = 2.0  # how sharply heads match at first
COPY = 0.7  # how loudly they copy


@torch.no_grad()
def prepare(model: LanguageModel, words: BundledTokenizer) -> None:
    """Set the embeddings of a model of width 256, and the heads of its first four layers."""
    basis = torch.linalg.qr(torch.randn(256, 256))[0].T
    names, times, rest = basis.split([NAMES, TIMES, REST])
    table = model.stack.embed_tokens.weight
    table.copy_(_codes(len(table), rest))
    named = sorted({*words.classes, *(words.word(group) for group in words.groups)})
    table[named] = _codes(len(named), names)
    parts = zip((words.hours, words.minutes, words.seconds), times.split(CLOCK), strict=True)
    for ids, part in parts:
        table[list(ids)] = _spread(len(ids), len(part)) @ part
    for vector in (model.soft.x, model.soft.y, model.soft.whole, model.soft.confidence):
        vector.copy_(0.5 * _codes(vector.numel() // 256, rest).view_as(vector))
    halves = names.split(NAMES // 2)
    copied = [(halves[0], times), (halves[1], times), (halves[0], times), (halves[1], rest)]
    for layer, values in enumerate(copied):
        attention: Any = model.stack.layers[layer].self_attn
        for kv, kept in enumerate(values):
            attention.v_proj.weight[64 * kv : 64 * kv + 64] = kept
            for head in (2 * kv, 2 * kv + 1):
                attention.o_proj.weight[:, 64 * head : 64 * head + 64] = COPY / 2 * kept.T
            if layer:
                _match(attention, kv, torch.cat([names, times]))


def _codes(count: int, basis: Tensor) -> Tensor:
    """Return random unit vectors, (count, d), in the span of `basis`."""
    return normalize(torch.randn(count, len(basis))) @ basis


@torch.enable_grad()
def _spread(count: int, dimensions: int) -> Tensor:
    """Return unit vectors, (count, dimensions), none of them close to another."""
    vectors = torch.randn(count, dimensions, requires_grad=True)
    optimiser = torch.optim.Adam([vectors], lr=0.02)
    for _ in range(600):
        unit = normalize(vectors)
        others = unit @ unit.T - torch.eye(count)
        optimiser.zero_grad()
        (others**8).sum().backward()
        optimiser.step()
    return normalize(vectors.detach())


def _match(attention: Any, kv: int, basis: Tensor) -> None:
    """Let a key-value head and its queries compare what tokens hold of `basis`."""
    rows = torch.tensor([*range(SLOW, 32), *range(32 + SLOW, 64)])
    some = torch.linalg.qr(torch.randn(len(basis), len(rows)))[0].T
    seen = MATCH / 2 * (len(basis) / len(rows)) ** 0.5 * some @ basis
    attention.k_proj.weight[64 * kv + rows] = seen
    for head in (2 * kv, 2 * kv + 1):
        attention.q_proj.weight[64 * head + rows] = seen
