"""Train the head together with its copy of the tower's last blocks, after `training.vision`.

    python -m training.top [--minutes 20] [--out models/bundled/head.safetensors]

Reads the frames of `training.dense` and the photographs of `training.features`, in two processes
of one thread each. The blocks start as the tower's own, the rest as `training.vision` left it. What
is kept is a running mean of the weights; `training.naming` measures it.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from safetensors.torch import save_file

from longwatch.models.concept_head import ConceptHead, evened, load_head
from longwatch.models.efficientnet import channels_last
from training import dense, features, together, tokens, vision
from training.cells import load, pool
from training.sprites import TRAINED
from training.together import PROCESSES, agreed, average, joined
from training.tower import tower

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    State = dict[str, Tensor]

REPORT = Path("training/results/top.json")
FRAMES, PHOTOS = 16, 3  # a step and process
RATES = {"top": 3e-4, "narrow": 5e-4, "outer": 1e-3}
WARM = 100  # steps, in which the rates rise
CLIP = 2.0
MEAN = 0.998  # of the weights: what each step keeps
EVERY = 200  # steps between reports


class Shown(NamedTuple):
    """Frames of one shard and what their tokens should be named."""

    maps: Tensor  # (frames, 208, 9, 9) fp16
    wanted: tokens.Wanted
    style: int


def lessons(rank: int) -> list[Shown]:
    """Return every other shard that is on disk."""
    found = []
    for shard in range(rank, features.MOST_SHARDS, PROCESSES):
        if dense.path_of("train", shard).exists():
            looks = dense.load("train", shard)
            wanted = tokens.wanted(looks, np.random.default_rng([20, shard]))
            found.append(Shown(torch.from_numpy(looks.maps), wanted, shard % len(TRAINED)))
    return found


class Told(NamedTuple):
    """How it goes: the losses of one process in one step."""

    step: int
    loss: float
    photographs: float


class Teacher:
    """Draws batches and says how wrong a head is about them."""

    def __init__(self, shown: list[Shown], photos: Tensor, seed: int) -> None:
        """Take frames, and the middle maps of photographs, (n, 208, 9, 9)."""
        self._shown, self._photos = shown, photos
        self._rng = np.random.default_rng(seed)
        torch.manual_seed(seed)

    def loss(self, head: ConceptHead) -> tuple[Tensor, Tensor]:
        """Return the loss of some frames' tokens and that of some photographs'."""
        maps, i, p, spots, used, style = self._frames()
        others = self._photos[torch.randint(len(self._photos), (PHOTOS,))]
        spots = torch.cat([spots, spots[:PHOTOS]])
        both = torch.cat([maps, others]).float().contiguous(memory_format=torch.channels_last)
        x = evened(pool(head.top(both), spots))
        kept = used & ((p.sum(-1) > 0.02) | (torch.rand(used.shape) < vision.EMPTY))
        lesson = vision.Lesson(
            x[:FRAMES][kept], i[kept].clamp(min=0), p[kept], style[:, None].expand_as(kept)[kept]
        )
        return vision.mistakes(head, lesson, x[FRAMES:].flatten(0, 1))

    def _frames(self) -> tuple[Tensor, ...]:
        """Return FRAMES frames of any shards, a row each."""
        rows = []
        for _ in range(FRAMES):
            shown = self._shown[self._rng.integers(len(self._shown))]
            row = int(self._rng.integers(len(shown.maps)))
            i, p, used, spots = (part[row] for part in shown.wanted)
            rows.append((shown.maps[row], i, p, spots, used, torch.tensor(shown.style)))
        return tuple(torch.stack(column) for column in zip(*rows, strict=True))


def teach(head: ConceptHead, teacher: Teacher, minutes: float) -> Iterator[tuple[Told, State]]:
    """Train the head, yielding now and then how it goes and the weights to keep."""
    parameters = [p for name in RATES for p in getattr(head, name).parameters()]
    groups = [
        {"params": list(getattr(head, name).parameters()), "full": rate}
        for name, rate in RATES.items()
    ]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.0)
    mean = {name: t.detach().clone() for name, t in head.own_state().items()}
    begun, step, told = time.monotonic(), 0, Told(0, math.nan, math.nan)
    while (part := agreed((time.monotonic() - begun) / 60 / minutes)) < 1:
        rate = min(1.0, (step + 1) / WARM) * (1 + math.cos(math.pi * part)) / 2
        for group in optimiser.param_groups:
            group["lr"] = group["full"] * rate
        loss, other = teacher.loss(head)
        (loss + vision.SHARE * other).backward()
        average(parameters)
        torch.nn.utils.clip_grad_norm_(parameters, CLIP)
        optimiser.step()
        optimiser.zero_grad()
        step += 1
        keep = min(MEAN, step / (step + 10))
        for name, t in head.own_state().items():
            if t.is_floating_point():
                mean[name].lerp_(t.detach(), 1 - keep)
        told = Told(step, round(loss.item(), 3), round(other.item(), 3))
        if step % EVERY == 0:
            yield told, mean
    yield told, mean


def train(rank: int, work: Path, minutes: float, start: Path, out: Path, report: Path) -> None:
    """Train in process `rank`; the first one writes and reports."""
    with joined(rank, work):
        network = tower()
        head = load_head(start, network.classifier)
        channels_last(head)
        with torch.no_grad():
            head.outer.bias[-1] += vision.EASED
        photos = torch.from_numpy(load("photos", [0]).maps)
        log = []
        for told, state in teach(head, Teacher(lessons(rank), photos, rank), minutes):
            log.append(told._asdict())
            if rank == 0:
                print(told, flush=True)
                _write(state, out)
                report.write_text(json.dumps(log, indent=1) + "\n", encoding="utf-8")


def _write(mean: State, out: Path) -> None:
    """Write a head, its photographs as sure as `vision.refine` leaves them."""
    state = {k: t.detach().half().contiguous() for k, t in mean.items()}
    state["outer.bias"][-1] -= vision.EASED
    save_file(state, out.with_suffix(".part"), {"notice": vision.NOTICE})
    out.with_suffix(".part").replace(out)


def main() -> None:
    """Train."""
    parser = argparse.ArgumentParser(
        prog="python -m training.top", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--start", type=Path, default=vision.OUT)
    parser.add_argument("--out", type=Path, default=vision.OUT)
    parser.add_argument("--report", type=Path, default=REPORT, help="where the losses go, JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        together.spread(
            *(train, Path(work), options.minutes), options.start, options.out, options.report
        )


if __name__ == "__main__":
    main()
