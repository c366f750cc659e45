"""Tables and summary of `benchmarks.pretrained`, from the outcomes of its streams."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import intervals

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Record = Mapping[str, Any]
    Cell = tuple[str, int, str, str]  # kind, frames, preset, budget

FULL, OURS, DEFAULT = "full", "longwatch", "default"
Z = 1.959964  # of the normal distribution, for 95 %
OVER = 1.15  # times the bytes of its budget: the preset could not be bounded to them
MEANS = ("kl", "kl_next", "attention", "attention_worst", "found")


def wilson(right: int, asked: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (E. B. Wilson, 1927)."""
    if not asked:
        return 0.0, 1.0
    share, z = right / asked, Z * Z / asked
    middle = (share + z / 2) / (1 + z)
    half = (share * (1 - share) / asked + z / (4 * asked)) ** 0.5 * Z / (1 + z)
    return max(0.0, middle - half), min(1.0, middle + half)


def cells(records: Iterable[Record]) -> dict[Cell, dict[int, Record]]:
    """Return the streams of each cell, by their number."""
    made: dict[Cell, dict[int, Record]] = {}
    for record in records:
        cell = record["kind"], record["frames"], record["preset"], record["budget"]
        made.setdefault(cell, {})[record["stream"]] = record
    return made


def rows(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Return a row for each cell."""
    every = cells(records)
    return [_row(every, cell) for cell in sorted(every)]


def _row(every: Mapping[Cell, Mapping[int, Record]], cell: Cell) -> dict[str, Any]:
    kind, frames, preset, budget = cell
    streams = every[cell]
    right = [r for record in streams.values() for r in record["right"]]
    low, high = wilson(sum(right), len(right))
    row: dict[str, Any] = {
        "kind": kind,
        "frames": frames,
        "preset": preset,
        "budget": budget,
        "streams": len(streams),
        "questions": len(right),
        "accuracy": float(np.mean(right)),
        "accuracy_ci95": [low, high],
    }
    full = every.get((kind, frames, FULL, "1"), {})
    kept = None
    if shared := sorted(streams.keys() & full.keys()):
        kept = intervals.ratio(
            {frames: [float(np.mean(streams[s]["right"])) for s in shared]},
            {frames: [float(np.mean(full[s]["right"])) for s in shared]},
        )
    row["kept"] = None if kept is None else list(kept)
    row["ahead_of_ours"] = _ahead(streams, every.get((kind, frames, OURS, budget), {}), frames)
    for name in MEANS:
        values = [np.mean(record[name]) for record in streams.values() if name in record]
        row[name] = float(np.mean(values)) if values else None
    row["used"] = max(record["used"] for record in streams.values())
    row["over"] = "/" in budget and row["used"] > OVER / int(budget.partition("/")[2])
    row["frame_ms"] = median(record["frame_ms"] for record in streams.values())
    row["answer_ms"] = median(record["answer_ms"] for record in streams.values())
    return row


def _ahead(
    streams: Mapping[int, Record], ours: Mapping[int, Record], frames: int
) -> list[float] | None:
    """Return by how much the share of right answers is above ours, and its interval."""
    shared = sorted(streams.keys() & ours.keys())
    if not shared or streams is ours:
        return None
    one, other = (
        {frames: [float(np.mean(of[s]["right"])) for s in shared]} for of in (streams, ours)
    )
    return list(intervals.difference(one, other))


def summarise(rows: Sequence[Mapping[str, Any]], records: Sequence[Record]) -> dict[str, Any]:
    """Return the summary that the contract of benchmarks asks for; None where nothing ran."""
    accuracy, full = {}, {}
    for row in rows:
        name = f"{row['kind']} {row['frames']}"
        if row["preset"] == FULL:
            full[name] = row["accuracy"]
        else:
            accuracy[f"{name} {row['preset']} {row['budget']}"] = row["accuracy"]

    def least(budget: str, kinds: Sequence[str]) -> float | None:
        kept = [
            row["kept"][0]
            for row in rows
            if (row["preset"], row["budget"]) == (OURS, budget)
            and row["kind"] in kinds
            and row["kept"] is not None
        ]
        return min(kept) if kept else None

    both = ("dense", "redundant")
    default = [row["kl"] for row in rows if (row["preset"], row["budget"]) == (OURS, DEFAULT)]
    known = [kl for kl in default if kl is not None]
    return {
        "questions": sum(len(record["right"]) for record in records),
        "accuracy_full": full,
        "accuracy": accuracy,
        "kept_default_min": least(DEFAULT, both),
        "kept_quarter_dense": least("1/4", ("dense",)),
        "kept_quarter_redundant": least("1/4", ("redundant",)),
        "kept_tenth_dense": least("1/10", ("dense",)),
        "kept_tenth_redundant": least("1/10", ("redundant",)),
        "behind": [
            f"{row['kind']} {row['frames']} {row['budget']} {row['preset']}"
            for row in rows
            if row["ahead_of_ours"] and row["ahead_of_ours"][1] > 0 and not row["over"]
        ],
        "kl_default": float(np.mean(known)) if known else None,
    }
