"""Draw how the shipped weights learnt: `python -m training.curves`.

Reads the log of the training, `shipped.jsonl`, and writes `curves.png` beside it: for each kind of
question the share of answers that were right, token for token, as a mean over SPAN steps.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import plots
from training.questions import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LOG = Path("training/results/shipped.jsonl")
SPAN = 250  # steps
ALL = "all kinds"


def curves(lines: Iterable[dict[str, Any]]) -> dict[str, list[tuple[float, float]]]:
    """Return for each kind of question, and for all, points (last step of a span, share right)."""
    found: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        span = -(-line["step"] // SPAN) * SPAN
        right = {kind: line[kind] for kind in KINDS if kind in line}
        for kind, share in right.items():
            found[kind][span].append(share)
        if right:
            found[ALL][span].append(float(np.mean(list(right.values()))))
    return {
        kind: [(span, float(np.mean(shares))) for span, shares in sorted(spans.items())]
        for kind, spans in found.items()
    }


def main(given: Sequence[str] | None = None) -> None:
    """Draw the curves of a log."""
    arguments = argparse.ArgumentParser(
        prog="python -m training.curves", description=(__doc__ or "").splitlines()[0]
    )
    arguments.add_argument("--log", type=Path, default=LOG, help="a line of JSON every 25 steps")
    log = arguments.parse_args(given).log
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    path = log.with_name("curves.png")
    title = (
        "Answers right in training, token for token; streams become longer and shorter by stages"
    )
    axes = (plots.Axis("step"), plots.Axis("share right"))
    plots.lines(path, title, axes, curves(lines), strong=ALL)
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
