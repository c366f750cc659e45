"""The rows, the summary and the plots of `benchmarks.compressors`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from benchmarks.intervals import Mean, difference, mean
from benchmarks.plots import Axis, lines

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

BASE, OURS = "keep_all", "longwatch"
QUARTER = 1 / 4
PLOTTED = (("nll", "nll", False), ("accuracy", "accuracy", False), ("ms", "ms_per_frame", True))


class Case(NamedTuple):
    """A method and the share of a frame's tokens that it may keep."""

    method: str
    share: float


class Result(NamedTuple):
    """What became of the questions about one stream."""

    frames: int
    kinds: list[str]
    nll: list[float]
    right: list[bool]
    used: float  # share of the tokens
    ms: float  # a frame


def by_length(
    results: Sequence[Result], value: Callable[[Result], float]
) -> dict[int, list[float]]:
    """Return a value of each stream, streams of one length together."""
    found: dict[int, list[float]] = {}
    for result in results:
        found.setdefault(result.frames, []).append(value(result))
    return found


def accuracy(result: Result) -> float:
    """Return the share of one stream's questions that were answered right."""
    return float(np.mean(result.right))


def nll(result: Result) -> float:
    """Return the mean of -log p of the right answers about one stream."""
    return float(np.mean(result.nll))


def rows(grid: str, results: Mapping[Case, Sequence[Result]]) -> list[dict[str, Any]]:
    """Return a row for each case over all kinds of question, then one for each kind."""
    found = []
    base = results[Case(BASE, 1.0)]
    for case, of in results.items():
        head = {"grid": grid, "method": case.method, "share": case.share}
        times = [result.ms for result in of]
        right, loss = (mean(by_length(of, value)) for value in (accuracy, nll))
        worse, lost = (
            difference(by_length(of, value), by_length(base, value)) for value in (nll, accuracy)
        )
        found.append(
            head
            | {
                "kind": "all",
                "used": float(np.mean([result.used for result in of])),
                "accuracy": right.mean,
                "accuracy_ci95": _ends(right),
                "accuracy_over_keep_all": lost.mean,
                "accuracy_over_keep_all_ci95": _ends(lost),
                "nll": loss.mean,
                "nll_over_keep_all": worse.mean,
                "nll_over_keep_all_ci95": _ends(worse),
                "ms_per_frame": [float(np.median(times)), min(times), max(times)],
                "questions": sum(len(result.kinds) for result in of),
            }
        )
        found += [head | row for row in _kinds(of)]
    return found


def summarise(
    results: Mapping[str, Mapping[Case, Sequence[Result]]], rows: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the contract's keys, and how our method stands beside the best other one."""
    whole = [row for row in rows if row["kind"] == "all"]
    summary: dict[str, Any] = {
        "accuracy": {_name(row): row["accuracy"] for row in whole},
        "ms_per_frame": {_name(row): row["ms_per_frame"][0] for row in whole},
        "pareto": {grid: pareto(grid, whole) for grid in results},
    }
    for grid, of in results.items():
        shares = sorted({case.share for case in of if case.method == OURS}, reverse=True)
        for share in shares:
            summary[f"best_other_{grid}_1/{round(1 / share)}"] = beside(of, share)
        if Case(OURS, QUARTER) in of:
            ours, base = (_accuracy(of[c]) for c in (Case(OURS, QUARTER), Case(BASE, 1.0)))
            summary[f"of_keep_all_at_quarter_{grid}"] = ours / base if base else None
    return summary


def beside(results: Mapping[Case, Sequence[Result]], share: float) -> dict[str, Any]:
    """Compare our method with the best other one at a share, by `nll`; positive favours us."""
    others = [case for case in results if case.share == share and case.method != OURS]
    if not others:
        return {}
    best = min(others, key=lambda case: mean(by_length(results[case], nll)).mean)
    gap = difference(by_length(results[best], nll), by_length(results[Case(OURS, share)], nll))
    return {"method": best.method, "nll_above_ours": gap.mean, "ci95": _ends(gap)}


def pareto(grid: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the cases that no other one beats in `nll` with as few tokens or fewer."""
    here = [row for row in rows if row["grid"] == grid]

    def beaten(row: Mapping[str, Any]) -> bool:
        return any(
            other["used"] <= row["used"]
            and other["nll"] <= row["nll"]
            and (other["used"], other["nll"]) != (row["used"], row["nll"])
            for other in here
        )

    return [_name(row) for row in sorted(here, key=lambda row: row["used"]) if not beaten(row)]


def draw(folder: Path, rows: Sequence[Mapping[str, Any]]) -> list[Path]:
    """Draw what each method answers, and costs, over the tokens it used; return the files."""
    paths = []
    whole = [row for row in rows if row["kind"] == "all" and row["method"] != BASE]
    for grid in dict.fromkeys(row["grid"] for row in whole):
        here = [row for row in whole if row["grid"] == grid]
        for name, key, log in PLOTTED:
            series: dict[str, list[tuple[float, float]]] = {}
            for row in here:
                value = row[key][0] if key == "ms_per_frame" else row[key]
                series.setdefault(row["method"], []).append((row["used"], value))
            path = folder / f"compressors_{name}_{grid}.png"
            axes = Axis("share of the tokens", log=True), Axis(key, log=log)
            lines(path, f"{key}, {grid} cells a frame", axes, series, OURS)
            paths.append(path)
    return paths


def _kinds(results: Sequence[Result]) -> list[dict[str, Any]]:
    found: dict[str, list[tuple[float, bool]]] = {}
    for result in results:
        for kind, loss, right in zip(result.kinds, result.nll, result.right, strict=True):
            found.setdefault(kind, []).append((loss, right))
    return [
        {
            "kind": kind,
            "accuracy": float(np.mean([right for _, right in of])),
            "nll": float(np.mean([loss for loss, _ in of])),
            "questions": len(of),
        }
        for kind, of in found.items()
    ]


def _accuracy(results: Sequence[Result]) -> float:
    return mean(by_length(results, accuracy)).mean


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['method']} {row['grid']} 1/{round(1 / row['share'])}"


def _ends(interval: Mean) -> list[float]:
    return [interval.low, interval.high]
