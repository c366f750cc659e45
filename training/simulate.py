"""What the vision head would say of a world, without any picture: the tokens of training streams.

The numbers copy what the head says of real cells: an object's name is as sure as the object covers
the cell, some mass goes to names that look alike, and the rest to nothing that is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from training.clutter import photographed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from longwatch.stream.sources.world import Event, World

GRIDS = ((3, 3), (6, 6), (9, 9))
ASPECT = 0.75  # a picture's height by its width; the tower squeezes it into a square
LOOKALIKES = 4
MOST = 3  # things at once


class Sight(NamedTuple):
    """A stream as the vision head sees it: n tokens of all frames, in order."""

    frame: NDArray[np.int64]  # (n,) index of the frame
    words: NDArray[np.int64]  # (n, k) token ids of likely names
    p: NDArray[np.float32]  # (n, k) their probabilities
    place: NDArray[np.float32]  # (n, 2) x, y of the cell's centre; NaN for the whole frame
    colour: NDArray[np.float32]  # (n, 11)
    holds: NDArray[np.int64]  # (n,) index of the visible thing that fills the cell most, or -1
    shown: NDArray[np.int64]  # (frames, MOST) index of the event that is visible, or -1

    def take(self, keep: NDArray[np.bool_]) -> Sight:
        """Return the tokens where `keep`, (n,), is true."""
        return Sight(
            frame=self.frame[keep],
            words=self.words[keep],
            p=self.p[keep],
            place=self.place[keep],
            colour=self.colour[keep],
            holds=self.holds[keep],
            shown=self.shown,
        )

    def opened(self, opening: int) -> Sight:
        """Return the same after the token `opening`, which opens every stream, at frame -1."""
        return Sight(
            frame=np.insert(self.frame, 0, -1),
            words=np.insert(self.words, 0, opening, axis=0),
            p=np.insert(self.p, 0, 0.0, axis=0),
            place=np.insert(self.place, 0, np.nan, axis=0),
            colour=np.insert(self.colour, 0, 0.0, axis=0),
            holds=np.insert(self.holds, 0, -1),
            shown=self.shown,
        )

    def cut(self, first: int, end: int) -> Sight:
        """Return the frames from `first` on and before `end`; events keep their indices."""
        part = self.take((first <= self.frame) & (self.frame < end))
        return part._replace(frame=part.frame - first, shown=self.shown[first:end])


@dataclass(frozen=True)
class Simulator:
    """Turns worlds into tokens.

    `lookalikes` is (words, LOOKALIKES): for each token id of a name, names it may be taken for.
    """

    words: Mapping[str, int]  # name -> token id
    colours: Sequence[str]
    lookalikes: NDArray[np.int64]

    def see(
        self,
        world: World,
        times: NDArray[np.float64],
        grid: tuple[int, int],
        rng: np.random.Generator,
        photographs: float = 0.0,
    ) -> Sight:
        """Return the tokens of the frames at `times`, seconds, on a grid of (rows, columns).

        `photographs` is the share of the things that fill the frame which look like one.
        """
        events, shown, boxes = visible(world, times)
        cells, clutter = cells_of(grid), None
        if photographs:
            clutter = photographed(shown, boxes, self._names(), photographs, rng)
            boxes = clutter.boxes
        cover = coverage(boxes, cells)  # (frames, MOST, 1 + cells)
        confidence = _confidence(len(events), len(times), rng)
        sure = np.where(shown >= 0, confidence[np.arange(len(times))[:, None], shown], 0.0)
        p = _told(sure, cover, boxes)
        ids = np.array([self.words[event.name] for event in events] or [0])[shown]
        words, p = self._doubt(ids, p, rng)
        if clutter:
            words, p = clutter.beside(words, p, coverage(clutter.corners, cells)[:, 0])
        colour = self._colours(world, times, shown, cover, rng)
        frames, n = len(times), cells.shape[0]
        places = np.tile((cells[:, :2] + cells[:, 2:]) / 2, (frames, 1))
        places[::n] = np.nan
        holds = holding(shown, cover)
        return Sight(
            frame=np.arange(frames).repeat(n),
            words=words.reshape(frames * n, -1),
            p=p.reshape(frames * n, -1).astype(np.float32),
            place=places.astype(np.float32),
            colour=colour.reshape(frames * n, -1).astype(np.float32),
            holds=holds.reshape(-1),
            shown=shown,
        )

    def _doubt(
        self, ids: NDArray[np.int64], p: NDArray[np.float64], rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Add names that look alike and noise; ids is (frames, MOST), p (frames, MOST, cells).

        Returns ids and probabilities, both (frames, cells, k).
        """
        frames, _, n = p.shape
        top = np.take_along_axis(ids, p.max(2).argmax(1)[:, None], 1)[:, 0]
        alike = self.lookalikes[top][:, rng.permuted(np.arange(LOOKALIKES))[:2]]  # (frames, 2)
        left = (1 - p.sum(1)).clip(0)  # not a rounding less
        share = rng.beta(1.0, 2.0, (frames, 1, n)) * left[:, None] * (p.max(1) > 0.02)[:, None]
        split = rng.uniform(0.3, 1.0, (frames, 1, n))
        doubt = np.concatenate([share * split, share * (1 - split)], 1)
        flip = rng.random((frames, 1, n)) < 0.03  # now and then a look-alike wins
        swapped = p.copy()
        main = p.argmax(1)[:, None]
        old = np.take_along_axis(p, main, 1)
        np.put_along_axis(swapped, main, np.where(flip, doubt[:, :1], old), 1)
        doubt[:, :1] = np.where(flip, old, doubt[:, :1])
        noise = rng.choice(self._names(), (frames, 1, n))
        noise_p = rng.exponential(0.02, (frames, 1, n)).clip(0, 0.3)
        words = np.concatenate(
            [np.repeat(ids[:, :, None], n, 2), np.repeat(alike[:, :, None], n, 2), noise], 1
        )
        p = np.concatenate([swapped, doubt, noise_p], 1)
        p = p / np.maximum(p.sum(1, keepdims=True), 1.0)
        return words.transpose(0, 2, 1), p.transpose(0, 2, 1)

    def _names(self) -> NDArray[np.int64]:
        return np.fromiter(self.words.values(), np.int64)

    def _colours(
        self,
        world: World,
        times: NDArray[np.float64],
        shown: NDArray[np.int64],
        cover: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        """Return (frames, cells, colours): the background's, mixed with the things' own."""
        k = len(self.colours)
        ground = np.array([self.colours.index(world.background(float(t))) for t in times])
        sharp = rng.uniform(0.55, 1.0)
        base = rng.dirichlet(np.full(k, 0.3), len(times)) * (1 - sharp)
        base[np.arange(len(times)), ground] += sharp
        own = rng.dirichlet(np.full(k, 0.5), int(shown.max(initial=0)) + 2)[shown]  # -1: the last
        over = (cover * (shown >= 0)[:, :, None]).clip(0, 1)
        over = over / np.maximum(over.sum(1, keepdims=True), 1.0)
        over[:, :, 0] *= 0.3  # the whole frame's colour is its border's
        mixed: NDArray[np.float64] = np.einsum("fmc,fmk->fck", over, own)
        mixed += (1 - over.sum(1))[:, :, None] * base[:, None]
        return mixed


def visible(
    world: World, times: NDArray[np.float64]
) -> tuple[list[Event], NDArray[np.int64], NDArray[np.float64]]:
    """Return the world's events around `times`, which are shown, (frames, MOST), and where.

    Where is (frames, MOST, 4): x0, y0, x1, y1, fractions of the frame.
    """
    events = world.during(times)
    shown = np.full((len(times), MOST), -1)
    boxes = np.zeros((len(times), MOST, 4))
    starts = np.array([event.start for event in events])
    ends = np.array([event.end for event in events])
    for t, time in enumerate(times.tolist()):
        here = np.flatnonzero((starts <= time) & (time < ends))[:MOST]
        for slot, i in enumerate(here.tolist()):
            x, y = events[i].where(time) or events[i].enters
            h = events[i].size
            w = h * ASPECT
            shown[t, slot] = i
            boxes[t, slot] = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
    return events, shown, boxes


def holding(shown: NDArray[np.int64], cover: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return (frames, 1 + cells): the event that fills each cell most, or -1."""
    strongest = cover.argmax(1)[:, None]
    most = np.take_along_axis(shown[:, :, None].repeat(cover.shape[2], 2), strongest, 1)[:, 0]
    return np.where(cover.max(1) > 0.2, most, -1)


def cells_of(grid: tuple[int, int]) -> NDArray[np.float64]:
    """Return (1 + cells, 4): x0, y0, x1, y1 of the whole frame and of its cells in raster order."""
    rows, columns = grid
    y, x = np.mgrid[:rows, :columns]
    x0, y0 = x.ravel() / columns, y.ravel() / rows
    cells = np.stack([x0, y0, x0 + 1 / columns, y0 + 1 / rows], 1)
    return np.concatenate([[[0.0, 0.0, 1.0, 1.0]], cells])


def coverage(boxes: NDArray[np.float64], cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (frames, MOST, 1 + cells): how much of a cell a thing covers, 0 to 1."""
    low = np.maximum(boxes[:, :, None, :2], cells[:, :2])
    high = np.minimum(boxes[:, :, None, 2:], cells[:, 2:])
    shared: NDArray[np.float64] = (high - low).clip(0).prod(-1)
    return np.asarray(shared / (cells[:, 2:] - cells[:, :2]).prod(-1))


def _confidence(events: int, frames: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return (frames, events): how sure the head is of each thing, mostly very."""
    kind = rng.choice(3, events + 1, p=[0.72, 0.2, 0.08])
    low, high = np.array([0.8, 0.5, 0.3])[kind], np.array([1.0, 0.8, 0.5])[kind]
    sure = rng.uniform(low, high) + rng.normal(0, 0.06, (frames, events + 1))
    return np.asarray(sure).clip(0.15, 1)


def _told(
    sure: NDArray[np.float64], cover: NDArray[np.float64], boxes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return (frames, MOST, 1 + cells): the probability that the head gives each thing."""
    cells = cover[:, :, 1:]
    seen = ((cells - 0.08) * 2.2).clip(0, 1) ** 0.8
    area = (boxes[..., 2:] - boxes[..., :2]).clip(0).prod(-1)
    whole = (area * 3).clip(0, 1) ** 0.5
    p: NDArray[np.float64] = sure[:, :, None] * np.concatenate([whole[:, :, None], seen], 2)
    strong = p**2
    share = strong / np.maximum(strong.sum(1, keepdims=True), 1e-9)  # things compete
    return np.asarray(share * p.max(1, keepdims=True))
