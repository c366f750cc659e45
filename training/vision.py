"""Fit the head that names cells, to what the frozen tower saw of pictograms and photographs.

    python -m training.vision [--without fxemoji] [--out models/bundled/head.safetensors]

Reads the tokens that `python -m training.tokens` made of dense frames, and the photographs of
`python -m training.features`. The tower's last blocks are as they are here; `training.top` goes on
from what this writes, and trains a copy of them as well. Each concept has a look in each
style. The head starts as a linear discriminant analysis of evened features with a class for each
look, cut to the directions in which looks differ most, and is refined by gradient descent.
`--without` leaves a trained style out and measures on it: how choices are made, so that the
held-out styles stay held out.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch
from safetensors.torch import save_file
from torch.nn import functional

from longwatch.models.concept_head import ConceptHead, evened
from training import features, naming, tokens
from training.cells import load, pool
from training.naming import on_disk
from training.sprites import TRAINED, concepts
from training.tower import tower

if TYPE_CHECKING:
    from torch import Tensor

    from longwatch.models.efficientnet import EfficientNetLite2

OUT = Path("models/bundled/head.safetensors")
NARROW = 448  # directions kept
CLEAR = 0.6  # claim that makes a token one of its thing's look
EMPTY = 0.15  # part of the tokens of nothing that is kept
SHRINK = 0.5  # of the spread within looks, towards a ball
SHARP = 0.25  # of the discriminant's odds, which tokens that are not independent overstate
STEPS = 860
BATCH = 432  # tokens of frames
PHOTOS = 80  # and of photographs, beside them
SHARE = 0.2  # how much these weigh
RATE = 1e-3
DROPPED = 0.1  # part of the directions that a step does without
BLINDED = 0.25  # part of the tokens that must do without the look of their own style
MARGIN = 3.0  # by which a photograph is to be surer than need be
EASED = 1.0  # taken from a photograph's odds afterwards: they are sure enough, empty cells too sure
UNUSED = -1e4  # bias of a look that no style has
NOTICE = (
    "Made by Longwatch from the last blocks of EfficientNet-Lite2 (Apache-2.0, see NOTICE; "
    "changed: trained further), pictograms of Noto, Noto v1 and FxEmoji (Apache-2.0), Twemoji and "
    "Streamline Emojis (CC-BY-4.0), Fluent Emoji (MIT), and photographs of npm page templates."
)


class Lesson(NamedTuple):
    """Tokens and what they should be named."""

    x: Tensor  # (n, 1280) fp16, evened
    i: Tensor  # (n, NAMES) concepts by number
    p: Tensor  # (n, NAMES) their claims; what is left to 1 is nothing's
    style: Tensor  # (n,) number of the trained style


def dense_lesson(shard: int) -> Lesson:
    """Return the tokens of a dense shard; of those that hold nothing only a part."""
    made = tokens.load(shard)
    kept = made.used & ((made.p.sum(1) > 0.02) | (torch.rand(len(made.p)) < EMPTY))
    style = torch.full((int(kept.sum()),), shard % len(TRAINED))
    return Lesson(made.x[kept], made.i[kept].clamp(min=0), made.p[kept], style)


@torch.inference_mode()
def photographs(network: EfficientNetLite2) -> Tensor:
    """Return evened features, (n, 1280), of photographs."""
    cells = load("photos", [0])
    parts = []
    for first in range(0, len(cells.maps), tokens.PART):
        rows = slice(first, first + tokens.PART)
        maps = network.last(torch.from_numpy(cells.maps[rows]).float())
        parts.append(evened(pool(maps, torch.from_numpy(cells.picked[rows]))).flatten(0, 1))
    return torch.cat(parts)


def looks(lesson: Lesson, photos: int) -> Tensor:
    """Return which unit each token and then each of `photos` photographs is for, -1 for none."""
    p, best = lesson.p.max(1)
    name = lesson.i.gather(1, best[:, None])[:, 0]
    units = len(concepts()) * len(TRAINED)
    unit = torch.where(p >= CLEAR, name * len(TRAINED) + lesson.style, -1)
    unit[lesson.p.sum(1) < 0.05] = units
    return torch.cat([unit, torch.full((photos,), units + 1)])


def discriminant(x: Tensor, unit: Tensor, units: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the spread within units, (c, c), their centres, (units, c), and their counts."""
    x, unit = x[unit >= 0], unit[unit >= 0]
    count = torch.bincount(unit, minlength=units)
    centres = torch.zeros(units, x.shape[1])
    spread = torch.zeros(x.shape[1], x.shape[1])
    for some, whose in zip(x.split(8192), unit.split(8192), strict=True):
        centres.index_add_(0, whose, some.float())
    centres /= count.clamp(min=1)[:, None]
    for some, whose in zip(x.split(8192), unit.split(8192), strict=True):
        off = some.float() - centres[whose]
        spread += off.T @ off
    spread /= len(x)
    return spread + SHRINK * spread.diagonal().mean() * torch.eye(len(spread)), centres, count


def begin(head: ConceptHead, found: tuple[Tensor, Tensor, Tensor]) -> None:
    """Set the head's own weights to a discriminant's."""
    spread, centres, count = found
    values, vectors = torch.linalg.eigh(spread)
    ball = vectors * values.rsqrt()  # to where the spread within a look is a ball
    middle = centres[count > 0].mean(0)
    between = (centres[count > 0] - middle) @ ball
    order = torch.linalg.eigh(between.T @ between)
    directions = ball @ order.eigenvectors[:, -head.narrow.out_features :]
    at = (centres - middle) @ directions
    with torch.no_grad():
        head.narrow.weight.copy_(directions.T)
        head.narrow.bias.copy_(-middle @ directions)
        head.outer.weight.copy_(SHARP * at)
        head.outer.bias.copy_(-SHARP * at.square().sum(1) / 2)
        head.outer.bias[count == 0] = UNUSED


def refine(head: ConceptHead, lesson: Lesson, photos: Tensor, steps: int = STEPS) -> None:
    """Descend from there."""
    _scale(head, lesson.x[:4096].float())
    absent = head.outer.bias.detach() == UNUSED
    own = [*head.narrow.parameters(), *head.outer.parameters()]
    optimiser = torch.optim.AdamW(own, RATE, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, steps, pct_start=0.08)
    for step in range(steps):
        rows, others = torch.randint(len(lesson.x), (BATCH,)), torch.randint(len(photos), (PHOTOS,))
        loss, other = mistakes(head, Lesson(*(part[rows] for part in lesson)), photos[others])
        optimiser.zero_grad()
        (loss + SHARE * other).backward()
        optimiser.step()
        schedule.step()
        if step % 50 == 0 or step == steps - 1:
            print(
                f"{step}/{steps} loss {loss.item():.3f} photographs {other.item():.3f}", flush=True
            )
    with torch.no_grad():
        head.outer.bias[absent] = UNUSED
        head.outer.bias[-1] -= EASED


def mistakes(head: ConceptHead, lesson: Lesson, photos: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss of tokens and that of photographs' evened features, (n, 1280).

    Now and then a token must be named without the look of its own style, which is how a style
    that was never seen meets the head.
    """
    count, many = head.concepts, len(lesson.x)
    wanted = torch.zeros(many, count + 2).scatter_add_(1, lesson.i, lesson.p)
    wanted[:, count] = (1 - wanted.sum(1)).clamp(min=0)
    x = head.narrow(torch.cat([lesson.x.float(), photos]))
    absent = head.outer.bias.detach() == UNUSED
    units = head.outer(functional.dropout(x, DROPPED)).masked_fill(absent, UNUSED)
    blind = functional.pad(_blind(lesson.style), (0, 0, 0, len(photos)))[:, None]
    looks = units[:, :-2].unflatten(1, (count, -1)).masked_fill(blind, UNUSED)
    said = torch.cat([looks.logsumexp(-1), units[:, -2:]], 1)
    loss = functional.cross_entropy(said[:many], wanted)
    margin = MARGIN * (torch.arange(count + 2) < count)
    photo = torch.full((len(photos),), count + 1)
    return loss, functional.cross_entropy(said[many:] + margin, photo)


@torch.no_grad()
def _scale(head: ConceptHead, x: Tensor) -> None:
    """Make the narrow features' spread 1, with the same logits, so that steps are of one size."""
    scale = float(head.narrow(x).std())
    head.outer.weight *= scale
    head.narrow.weight /= scale
    head.narrow.bias.div_(scale)


def _blind(style: Tensor) -> Tensor:
    """Return which styles' looks must not be used, (n, styles)."""
    own = torch.arange(len(TRAINED)) == style[:, None]
    return own & (torch.rand(len(style)) < BLINDED)[:, None]


def fit(head: ConceptHead, lesson: Lesson, photos: Tensor, steps: int = STEPS) -> None:
    """Set the head's own weights."""
    unit = looks(lesson, len(photos))
    begin(head, discriminant(torch.cat([lesson.x, photos.half()]), unit, head.outer.out_features))
    refine(head, lesson, photos, steps)
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
    parts = [dense_lesson(s) for s in tokens.on_disk() if TRAINED[s % len(TRAINED)] != args.without]
    lesson = Lesson(*(torch.cat(columns) for columns in zip(*parts, strict=True)))
    network = tower()
    head = ConceptHead(network.classifier, len(concepts()), len(TRAINED), NARROW)
    head.top.start(network)
    fit(head, lesson, photographs(network))
    tests = [s for s in on_disk("test") if args.without in (None, features.style_of("test", s))]
    for style, right in naming.by_style(head, network, "test", tests).items():
        print(f"{style}: {right:.3f}")
    if args.without is None:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        state = {name: t.half().contiguous() for name, t in head.own_state().items()}
        save_file(state, args.out, {"notice": NOTICE})
        print(args.out)


if __name__ == "__main__":
    main()
