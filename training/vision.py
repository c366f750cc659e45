"""Fit the head that names cells, to what the frozen tower saw of rendered frames and photographs.

    python -m training.vision [--without fxemoji] [--out models/bundled/head.safetensors]

Reads the features that `python -m training.features` has made so far. The head is a linear
discriminant analysis of evened features (a class for each concept, for nothing and for
photographs), refined by gradient descent, then scaled so that its probabilities are right on
frames that it was not fitted to.
`--without` leaves a trained style out and measures on it: how choices are made, so that the
held-out styles stay held out.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from longwatch.models.concept_head import ConceptHead, evened
from training import naming, targets
from training.features import Cells, load, style_of, tower
from training.naming import on_disk
from training.sprites import TRAINED, concepts

if TYPE_CHECKING:
    from torch import Tensor

OUT = Path("models/bundled/head.safetensors")
CLEAR = 0.5  # share of a token that makes it one of its thing's
CROWD = 3  # things in a frame; the whole of a fuller one has no name
EMPTY = 0.25  # part of the tokens of nothing that is kept
SHRINK = 0.5  # of the spread within classes, towards a ball
PHOTOS = 6000  # tokens of photographs at most
STEPS = 60  # of the calibration
EPOCHS = 5.0
BATCH = 512  # tokens
RATE = 5e-4
NOTICE = (
    "Made by Longwatch from pictograms of Noto, Noto v1 and FxEmoji (Apache-2.0), Twemoji and "
    "Streamline Emojis (CC-BY-4.0), Fluent Emoji (MIT), and photographs of npm page templates."
)


class Lesson(NamedTuple):
    """Tokens and what they hold: a concept, nothing (class K) or a photograph (class K + 1)."""

    features: Tensor  # (n, 1280), evened
    wanted: Tensor  # (n, K + 2) distributions


def pictograms(cells: Cells) -> Lesson:
    """Return the tokens of rendered frames; of those that hold nothing only a part."""
    wanted = functional.pad(targets.pictogram_targets(cells), (0, 1))
    crowded = torch.from_numpy((cells.names >= 0).sum(1) > CROWD)
    kept = (wanted[..., -2] < 1) | (torch.rand(wanted.shape[:2]) < EMPTY)
    kept[:, 0] &= ~crowded
    return Lesson(evened(torch.from_numpy(cells.features)[kept].float()), wanted[kept])


def photographs(cells: Cells) -> Lesson:
    """Return tokens of photographs."""
    features = torch.from_numpy(cells.features).flatten(0, 1)
    features = features[torch.randperm(len(features))[:PHOTOS]].float()
    wanted = torch.zeros(len(features), len(concepts()) + 2)
    wanted[:, -1] = 1
    return Lesson(evened(features), wanted)


def discriminant(lesson: Lesson) -> tuple[Tensor, Tensor, Tensor]:
    """Return weights (K + 2, 1280), biases, and the spread within classes (1280, 1280)."""
    share, name = lesson.wanted.max(1)
    x, name = lesson.features[share >= CLEAR], name[share >= CLEAR]
    classes = lesson.wanted.shape[1]
    count = torch.bincount(name, minlength=classes).clamp(min=1)[:, None]
    centres = torch.zeros(classes, x.shape[1]).index_add_(0, name, x) / count
    within = x - centres[name]
    spread = within.T @ within / len(x)
    spread += SHRINK * spread.diagonal().mean() * torch.eye(len(spread))
    weight = torch.linalg.solve(spread, centres.T).T
    return weight, -(weight * centres).sum(1) / 2, spread


def calibrate(logits: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Return the factor (1,) and the offsets (K + 2,) under which logits fit distributions best.

    Only nothing and photographs get offsets of their own.
    """
    factor = torch.full((1,), -1.0, requires_grad=True)  # its logarithm
    offsets = torch.zeros(2, requires_grad=True)
    optimiser = torch.optim.Adam([factor, offsets], 0.1)
    for _ in range(STEPS):
        shift = functional.pad(offsets, (logits.shape[1] - 2, 0))
        loss = -(wanted * (factor.exp() * logits + shift).log_softmax(1)).sum(1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    print(f"calibrated: factor {factor.exp().item():.3f}, offsets {offsets.tolist()}")
    return factor.exp().detach(), functional.pad(offsets, (logits.shape[1] - 2, 0)).detach()


def refine(weight: Tensor, bias: Tensor, lesson: Lesson, spread: Tensor) -> tuple[Tensor, Tensor]:
    """Return better weights (K + 2, 1280) and biases: gradient descent from the given ones.

    It works in the space where the spread within classes is a ball, where steps are of one size.
    """
    values, vectors = torch.linalg.eigh(spread)
    ball, back = vectors * values.rsqrt(), vectors * values.sqrt()
    x = lesson.features @ ball
    layer = nn.Linear(x.shape[1], len(bias))
    with torch.no_grad():
        layer.weight.copy_(weight @ back)
        layer.bias.copy_(bias)
    steps = int(EPOCHS * len(x) / BATCH)
    optimiser = torch.optim.AdamW(layer.parameters(), RATE, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, steps, pct_start=0.1)
    for step in range(steps):
        rows = torch.randint(len(x), (BATCH,))
        loss = functional.cross_entropy(layer(x[rows]), lesson.wanted[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 50 == 0 or step == steps - 1:
            print(f"{step}/{steps} loss {loss.item():.3f}", flush=True)
    return (layer.weight @ ball.T).detach(), layer.bias.detach()


def fit(head: ConceptHead, drawn: Lesson, photos: Lesson, fresh: Lesson) -> None:
    """Set the head's own weights; `fresh` are tokens that only the calibration sees."""
    both = Lesson(*(torch.cat(pair) for pair in zip(drawn, photos, strict=True)))
    some = torch.randperm(len(photos.features))[: len(fresh.features) // 4]
    seen = torch.cat([fresh.features, photos.features[some]])
    wanted = torch.cat([fresh.wanted, photos.wanted[some]])
    weight, bias, spread = discriminant(both)
    for better in (True, False):
        factor, offsets = calibrate(seen @ weight.T + bias, wanted)
        weight, bias = factor * weight, factor * bias + offsets
        if better:
            weight, bias = refine(weight, bias, both, spread)
    with torch.no_grad():
        head.outer.weight.copy_(weight)
        head.outer.bias.copy_(bias)
    head.eval()


def main() -> None:
    """Fit and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--without", choices=TRAINED, help="leave out a style and measure on it")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    shards = [s for s in on_disk("train") if style_of("train", s) != args.without]
    fresh = [s for s in on_disk("views") if style_of("views", s) != args.without]
    head = ConceptHead(tower().classifier, len(concepts()))
    photos = photographs(load("photos", on_disk("photos")))
    drawn = pictograms(load("train", shards))
    print(f"{len(shards)} shards, {len(drawn.features)} + {len(photos.features)} tokens")
    fit(head, drawn, photos, pictograms(load("views", fresh)))
    tests = [s for s in on_disk("test") if args.without in (None, style_of("test", s))]
    for style, right in naming.by_style(head, "test", tests).items():
        print(f"{style}: {right:.3f}")
    if args.without is None:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        state = {name: t.half().contiguous() for name, t in head.own_state().items()}
        save_file(state, args.out, {"notice": NOTICE})
        print(args.out)


if __name__ == "__main__":
    main()
