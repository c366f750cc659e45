"""The service that `benchmarks.load` puts under load, in a process of its own.

It prints its URL and ends when standard input closes. With `--whole`, answers go on to their limit
of tokens, so that all of them cost the same.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from benchmarks.report import ROOT
from longwatch.models.loader import load_model
from longwatch.serve.config import Settings
from longwatch.serve.engine.engine import Engine
from longwatch.serve.observability.metrics import Metrics
from longwatch.serve.server import running

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

STREAMS = 64
STATS_SECONDS = 0.25  # often enough to see nearly every frame's lag at one frame a second


@contextmanager
def service(model: str, *, batch: int, threads: int, whole: bool) -> Iterator[str]:
    """Run the service in a new process; yields its URL."""
    words = [model, "--batch", str(batch), "--threads", str(threads), *["--whole"] * whole]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.load_service", *words],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the service has no pipes")
    try:
        url = process.stdout.readline().strip()
        if not url:
            raise RuntimeError("the service did not start; its error is above")
        yield url
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def main(given: Sequence[str] | None = None) -> None:
    """Serve until standard input closes."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.load_service")
    arguments.add_argument("model")
    arguments.add_argument("--batch", type=int, required=True, help="answers in one pass")
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--whole", action="store_true", help="no answer ends before its limit")
    options = arguments.parse_args(given)
    torch.set_num_threads(options.threads)
    settings = Settings(
        port=0,
        model=options.model,
        max_streams=STREAMS,
        max_sessions=2 * STREAMS,
        max_parallel=64,
        answer_batch=options.batch,
        stats_seconds=STATS_SECONDS,
    )
    model = load_model(options.model)
    if options.whole:
        model.stop_ids = frozenset()
    metrics = Metrics()
    engine = Engine(model, settings.engine, metrics)
    engine.start()
    try:
        with running(engine, settings, metrics) as url:
            sys.stdout.write(f"{url}\n")
            sys.stdout.flush()
            sys.stdin.read()
    finally:
        engine.close()


if __name__ == "__main__":
    main()
