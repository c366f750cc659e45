"""Run every benchmark, one after another: `python -m benchmarks [--quick]`.

Results go to `benchmarks/results/NAME.json`, those of a quick run to `benchmarks/results/quick/`.
"""

from __future__ import annotations

import argparse
import importlib

from benchmarks.report import ROOT

NAMES = (
    "exactness",
    "interference",
    "photographs",
    "archive",
    "hot",
    "recovery",
    "quality",
    "pretrained",
    "evidence",
    "structured",
    "growth",
    "gate",
    "dialogue",
    "following",
    "sparing",
    "compressors",
    "pruners",
    "zoom",
    "ingest",
    "hour",
    "load",
    "faults",
    "watches",
)


def main() -> None:
    """Run them."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="at most a minute each")
    quick = arguments.parse_args().quick
    folder = ROOT / "benchmarks" / "results" / ("quick" if quick else "")
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        benchmark = importlib.import_module(f"benchmarks.{name}")
        path = folder / f"{name}.json"
        benchmark.main([*(["--quick"] if quick else []), "--json", str(path.relative_to(ROOT))])


if __name__ == "__main__":
    main()
