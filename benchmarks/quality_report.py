"""What `benchmarks.quality` tells of the answers it got."""

from __future__ import annotations

from statistics import mean
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from benchmarks import intervals

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    Key = tuple[str, str, int]  # preset, budget, frames
    Tables = Mapping[Key, Sequence["Answered"]]
    Values = dict[int, list[float]]  # frames -> one a stream

FULL = ("full", "1")
OURS = "longwatch"


class Answered(NamedTuple):
    """What became of a question."""

    frames: int  # of its stream
    stream: int  # number
    source: str  # of the stream's tokens
    kind: str
    right: bool
    recall: float | None  # of the frames that prove the answer, by any layer; None: there are none
    recall_layers: float | None  # the same, mean over layers
    used_bytes: int  # of the stream's memory
    asked_bytes: int  # that it asked the system for, numbers at hand as they are


class Named(Protocol):
    """What a row says of a case."""

    @property
    def preset(self) -> str: ...  # noqa: D102
    @property
    def budget(self) -> str: ...  # noqa: D102
    @property
    def allowed(self) -> int: ...  # noqa: D102
    @property
    def over(self) -> bool: ...  # noqa: D102


def rows(case: Named, answered: Sequence[Answered]) -> list[dict[str, Any]]:
    """Return a row for each kind of question and one for all."""
    made = []
    for kind in (*dict.fromkeys(a.kind for a in answered), "all"):
        some = [a for a in answered if kind in (a.kind, "all")]
        made.append(
            {
                "preset": case.preset,
                "budget": case.budget,
                "frames": some[0].frames,
                "kind": kind,
                "source": some[0].source,
                "questions": len(some),
                "accuracy": mean(a.right for a in some),
                "recall": _mean([a.recall for a in some]),
                "recall_layers": _mean([a.recall_layers for a in some]),
                "bytes": max(a.used_bytes for a in some),
                "budget_bytes": case.allowed,
                "over": case.over,
                "asked_bytes": max(a.asked_bytes for a in some),
            }
        )
    return made


def summarise(tables: Tables, over: Collection[Key]) -> dict[str, Any]:
    """Return the contract's figures.

    `kept` is a preset's accuracy by that of `full` on the same streams, and `ahead` by how much
    `longwatch` is better than a preset, over the lengths at which both are within the budget. The
    best of a budget is the preset with the highest accuracy of those within it at every length.
    """
    cases = list(dict.fromkeys((preset, budget) for preset, budget, _ in tables))
    right = {case: _values(tables, case, "right") for case in cases}
    seen = {case: _values(tables, case, "recall") for case in cases}
    summary: dict[str, Any] = {"accuracy": {}, "ci95": {}, "recall": {}, "recall_ci95": {}}
    for preset, budget in cases:
        for name, values in (("accuracy", right), ("recall", seen)):
            found = intervals.mean(values[preset, budget])
            ends = "ci95" if name == "accuracy" else "recall_ci95"
            summary[name].setdefault(preset, {})[budget] = found.mean
            summary[ends].setdefault(preset, {})[budget] = [found.low, found.high]
    if FULL in right:
        summary["accuracy_full"] = summary["accuracy"]["full"].get("1")
        bounded = [case for case in cases if case != FULL]
        summary["kept"] = {
            f"{preset} {budget}": _kept(right[preset, budget], right[FULL])
            for preset, budget in bounded
        }
    summary["ahead"] = _ahead(right, over)
    summary["best_preset_per_budget"] = _best(summary["accuracy"], over)
    summary["over"] = [f"{preset} {budget} at {frames}" for preset, budget, frames in sorted(over)]
    return summary


def _values(tables: Tables, case: tuple[str, str], field: str) -> Values:
    """Return each stream's mean of a field."""
    found: Values = {}
    for (preset, budget, frames), answered in tables.items():
        if (preset, budget) == case:
            numbers = dict.fromkeys(a.stream for a in answered)
            means = [_mean([getattr(a, field) for a in answered if a.stream == n]) for n in numbers]
            found[frames] = [0.0 if m is None else m for m in means]
    return found


def _kept(values: Values, full: Values) -> list[float] | None:
    """Return the ratio to `full` and its interval."""
    found = intervals.ratio(values, {n: full[n] for n in values})
    return None if found is None else list(found)


def _ahead(
    right: Mapping[tuple[str, str], Values], over: Collection[Key]
) -> dict[str, list[float]]:
    """Return the difference to each other preset and its interval."""
    found = {}
    for preset, budget in right:
        ours = right.get((OURS, budget), {})
        if preset == OURS:
            continue
        theirs = right[preset, budget]
        fair = [
            n
            for n in theirs
            if n in ours and not {(preset, budget, n), (OURS, budget, n)} & set(over)
        ]
        if fair:
            mine, other = ({n: v[n] for n in fair} for v in (ours, theirs))
            found[f"{preset} {budget}"] = list(intervals.difference(mine, other))
    return found


def _best(accuracy: Mapping[str, Mapping[str, float]], over: Collection[Key]) -> dict[str, str]:
    """Return the preset with the highest accuracy at each budget, of those within it."""
    found: dict[str, str] = {}
    for budget in dict.fromkeys(b for of in accuracy.values() for b in of if b != FULL[1]):
        fit = {
            preset: of[budget]
            for preset, of in accuracy.items()
            if budget in of and not any(key[:2] == (preset, budget) for key in over)
        }
        if fit:
            found[budget] = max(fit, key=lambda preset: fit[preset])
    return found


def _mean(values: Sequence[float | None]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return mean(known) if known else None
