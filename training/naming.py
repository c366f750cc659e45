"""How well the head names what is in rendered frames, and what its tokens look like.

python -m training.naming --json -
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from longwatch.models.concept_head import ConceptHead, load_head
from longwatch.models.efficientnet import CLASSES
from training import targets
from training.cells import Cells, load, path_of, pool
from training.features import MOST_SHARDS, style_of
from training.sprites import concepts
from training.tower import tower

if TYPE_CHECKING:
    from torch import Tensor

    from longwatch.models.efficientnet import EfficientNetLite2

HEAD = Path("models/bundled/head.safetensors")
COARSE = 10  # the whole frame and 3 x 3 cells come first among a frame's tokens
PART = 64  # frames at a time
EDGES = (0.0, 0.02, 0.1, 0.25, 0.4, 0.6, 0.8, 1.01)  # of a cell's claim


def on_disk(split: str) -> list[int]:
    """Return the shards of a split that have been made."""
    return [shard for shard in range(MOST_SHARDS) if path_of(split, shard).exists()]


@torch.inference_mode()
def say(head: ConceptHead, network: EfficientNetLite2, cells: Cells) -> Tensor:
    """Return probabilities, (frames, TOKENS, 1000 + K + 1).

    A name that two columns share is in the concept's.
    """
    twin, out = targets.twins(), []
    for first in range(0, len(cells.maps), PART):
        rows = slice(first, first + PART)
        maps = head.maps(network, torch.from_numpy(cells.maps[rows]).float())
        logits = head.logits(pool(maps, torch.from_numpy(cells.picked[rows])))
        out.append(targets.merged(logits, twin).softmax(-1))
    return torch.cat(out)


def named(p: Tensor) -> Tensor:
    """Return the column of each frame's best name over its coarse tokens, (frames,)."""
    best: Tensor = p[:, :COARSE, :-1].amax(1).argmax(-1)
    return best


def by_style(
    head: ConceptHead, network: EfficientNetLite2, split: str, shards: list[int]
) -> dict[str, float]:
    """Return the part of frames of one thing that are named rightly, for each style."""
    right: dict[str, list[float]] = {}
    for shard in shards:
        cells = load(split, [shard])
        guess = named(say(head, network, cells))
        wanted = CLASSES + torch.from_numpy(cells.names[:, 0].astype(np.int64))
        right.setdefault(style_of(split, shard), []).extend((guess == wanted).float().tolist())
    out = {style: float(np.mean(values)) for style, values in right.items()}
    return out | {"all": float(np.mean([v for values in right.values() for v in values]))}


def statistics(said: Tensor, cells: Cells) -> dict[str, Any]:
    """Return what the tokens of frames of one thing say, by how much of them the thing has."""
    p = said[:, :COARSE]
    claim = targets.strengths(cells)[:, :COARSE, 0]
    area = torch.from_numpy(cells.area)[:, :COARSE, 0].float()
    wanted = CLASSES + torch.from_numpy(cells.names[:, 0].astype(np.int64))
    true = p.gather(2, wanted[:, None, None].expand(-1, COARSE, 1))[..., 0]
    other = p[..., :-1].scatter(2, wanted[:, None, None].expand(-1, COARSE, 1), 0).amax(-1)
    cell, thing = claim[:, 1:], area[:, 1:]
    rows = {}
    for low, high in itertools.pairwise(EDGES):
        inside = (cell >= low) & (cell < high) & (thing > 0)
        rows[f"claim {low:g} to {min(high, 1):g}"] = _row(
            inside, p[:, 1:], true[:, 1:], other[:, 1:]
        )
    rows["touching, empty"] = _row(_beside(thing), p[:, 1:], true[:, 1:], other[:, 1:])
    rows["far, empty"] = _row((thing == 0) & ~_beside(thing), p[:, 1:], true[:, 1:], other[:, 1:])
    whole = torch.ones(len(p), 1, dtype=torch.bool)
    rows["whole frame"] = _row(whole, p[:, :1], true[:, :1], other[:, :1])
    return rows


def _row(inside: Tensor, p: Tensor, true: Tensor, other: Tensor) -> dict[str, Any]:
    if not inside.any():
        return {"cells": 0}
    mine, rival, nothing = true[inside], other[inside], p[..., -1][inside]
    points = torch.tensor([0.1, 0.25, 0.5, 0.75, 0.9])
    return {
        "cells": int(inside.sum()),
        "true_mean": round(float(mine.mean()), 4),
        "true_quantiles": [round(float(v), 4) for v in mine.quantile(points)],
        "true_is_best": round(float((mine > rival).float().mean()), 4),
        "best_other_mean": round(float(rival.mean()), 4),
        "best_other_quantiles": [round(float(v), 4) for v in rival.quantile(points)],
        "nothing_mean": round(float(nothing.mean()), 4),
        "imagenet_mass_mean": round(float(p[inside][:, :CLASSES].sum(-1).mean()), 4),
    }


def _beside(thing: Tensor) -> Tensor:
    """Return which empty cells, (frames, 9), touch one with something in it."""
    filled = (thing > 0).float().unflatten(1, (3, 3))
    near = torch.nn.functional.max_pool2d(filled, 3, 1, 1).flatten(1)
    return (near > 0) & (thing == 0)


def confusions(said: Tensor, cells: Cells, most: int = 40) -> list[dict[str, Any]]:
    """Return the commonest wrong names of frames of one thing."""
    guess = named(said)
    wanted = CLASSES + torch.from_numpy(cells.names[:, 0].astype(np.int64))
    names = targets.columns()
    pairs = torch.stack([wanted, guess], 1)[guess != wanted]
    kinds, counts = pairs.unique(dim=0, return_counts=True)
    order = counts.argsort(descending=True)[:most]
    return [
        {"true": names[kinds[i, 0]], "said": names[kinds[i, 1]], "frames": int(counts[i])}
        for i in order
    ]


def main() -> None:
    """Measure the head on the styles it was trained on and on those held out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", default="training/results/naming.json", help="- is stdout")
    parser.add_argument("--head", type=Path, default=HEAD)
    args = parser.parse_args()
    network = tower()
    head = load_head(args.head, network.classifier)
    out: dict[str, Any] = {"concepts": len(concepts())}
    for split in ("test", "near", "far"):
        shards = on_disk(split)
        if shards:
            cells = load(split, shards)
            said = say(head, network, cells)
            out[split] = {
                "frames": len(cells.names),
                "named_rightly": by_style(head, network, split, shards),
                "tokens": statistics(said, cells),
                "confusions": confusions(said, cells),
            }
    text = json.dumps(out, indent=1) + "\n"
    if args.json == "-":
        sys.stdout.write(text)
    else:
        Path(args.json).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
