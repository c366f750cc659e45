"""How many streams and questions one service takes, with batching and without.

    python -m benchmarks.load [--quick] [--price-per-hour P] [--watts W]

Two services run in processes of their own, one that decodes up to BATCH answers in one pass of the
model and one that takes them one by one. This process is the load, an open loop: each stream is fed
small JPEGs at one frame a second, which the real vision tower encodes, and asked at random moments
(Poisson), whatever became of earlier questions. The two are loaded in turns, A B A B; each point is
measured as often. Answers are made to have `--tokens` tokens each; 0 lets the model end them.

A question is attained if its answer came to its end and its first text within so many seconds of
the moment at which it was due; goodput is such questions a second. `goodput_gain_batching_8` is the
best goodput at eight streams over the rates of questions, with batching by without, each at its own
best rate; `tokens_gain_8` is the same of the tokens of answers. The knee is the most streams at
which 9 of 10 questions are attained within a second. A successful request costs the price of an
hour by such requests in an hour; a token takes the power by the tokens in a second ("Efficient
Inference for Large Vision-Language Models", equations 7 and 9); price and power are inputs, not
measured. The last rows have the vision tower alone, with frames of several streams together. Where
the machine has other work, and `note` says so, all of this is less than it can do.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks.load_service import service
from benchmarks.load_traffic import Point, Traffic, drive, jpegs
from benchmarks.report import parser, publish
from longwatch.models.loader import load_model
from longwatch.stream.decoding.images import decode_image
from longwatch.stream.limits import MediaLimits
from longwatch.types import Frame

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping, Sequence

BATCH = 16
SLOS = (1.0, 2.0)  # seconds to the first text
EIGHT = 8
KNEE = 0.9
RATE = 0.5  # questions a second about each stream, where streams are varied
STREAMS = (1, 2, 4, 8, 16, 32)
RATES = (0.125, 0.25, 1.0, 2.0)  # besides RATE, at eight streams; the least for one by one
TOWER = (1, 2, 4, 8)  # frames


def percentile(values: Sequence[float], q: float) -> float | None:
    """Return a percentile of seconds in milliseconds, or None of nothing."""
    return float(np.percentile(values, q)) * 1000 if values else None


def attained(run: Traffic, slo: float) -> int:
    """Return how many questions were answered, with their first text within `slo` seconds."""
    return sum(a.good and a.ttft is not None and a.ttft <= slo for a in run.asked)


def row(point: Point, batch: int, runs: Sequence[Traffic]) -> dict[str, Any]:
    """Return the figures of all runs of a point."""
    asked = [a for run in runs for a in run.asked]
    seconds = sum(run.seconds for run in runs)
    good = [a for a in asked if a.good and a.first is not None and a.end is not None]
    ttft = [a.ttft for a in good if a.ttft is not None]
    tpot = [(a.end - a.first) / (a.tokens - 1) for a in good if a.tokens > 1]  # type: ignore[operator]
    lags = [lag for run in runs for lag in run.lags]
    whole: dict[str, Any] = {
        "streams": point.streams,
        "rate_per_stream": point.rate,
        "batch": batch,
        "asked": len(asked),
        "answered": len(good),
        "refused": sum(a.code == "overloaded" for a in asked),
        "failed": sum(a.code not in (None, "overloaded") for a in asked),
        "unfinished": sum(a.end is None for a in asked),
        "ttft_p50_ms": percentile(ttft, 50),
        "ttft_p99_ms": percentile(ttft, 99),
        "tpot_p50_ms": percentile(tpot, 50),
        "tpot_p99_ms": percentile(tpot, 99),
    }
    for slo in SLOS:
        hits = sum(attained(run, slo) for run in runs)
        whole[f"attainment_{slo:g}s"] = hits / len(asked) if asked else None
        whole[f"goodput_{slo:g}s_rps"] = hits / seconds
        each = [attained(run, slo) / run.seconds for run in runs]
        whole[f"goodput_{slo:g}s_range"] = [min(each), max(each)]
    return whole | {
        "tokens_per_s": sum(a.tokens for a in good) / seconds,
        "frames_sent": sum(run.sent for run in runs),
        "frames_read": sum(run.used for run in runs),
        "frame_lag_p50_ms": percentile(lags, 50),
        "frame_lag_p99_ms": percentile(lags, 99),
        "generator_late_p99_ms": percentile([s for run in runs for s in run.late], 99),
    }


def tower(model_name: str, repeats: int) -> list[dict[str, Any]]:
    """Return the milliseconds a frame in the vision tower, by frames encoded together."""
    model = load_model(model_name)
    frames = [
        Frame(decode_image(data, MediaLimits()), float(i), i)
        for i, data in enumerate(jpegs(max(TOWER), 0))
    ]
    taken: dict[int, list[float]] = defaultdict(list)
    for _ in range(repeats + 1):
        for size in TOWER:
            start = time.perf_counter()
            model.encode(frames[:size])
            taken[size].append((time.perf_counter() - start) / size * 1000)
    return [
        {
            "frames_together": size,
            "encode_ms_per_frame": statistics.median(times[1:]),
            "range": [min(times[1:]), max(times[1:])],
        }
        for size, times in taken.items()
    ]


def measure(
    options: argparse.Namespace, points: Sequence[Point], repeats: int
) -> list[dict[str, Any]]:
    """Put both services under each load in turns; return a row for each point and service."""
    runs: dict[tuple[Point, int], list[Traffic]] = defaultdict(list)
    whole = options.tokens > 0
    with (
        service(options.model, batch=BATCH, threads=options.threads, whole=whole) as together,
        service(options.model, batch=1, threads=options.threads, whole=whole) as alone,
    ):
        urls = {BATCH: together, 1: alone}
        warm = Point(1, 4.0, 1.5, points[0].tokens)
        for batch, url in urls.items():
            asyncio.run(drive(url, warm, options.seed, f"warm-{batch}"))
        for repeat in range(repeats):
            for number, point in enumerate(points):
                for batch, url in urls.items():
                    name = f"r{repeat}p{number}"
                    run = drive(url, point, options.seed + repeat, name)
                    runs[point, batch].append(asyncio.run(run))
    return [row(point, batch, found) for (point, batch), found in runs.items()]


def summary(rows: Sequence[Mapping[str, Any]], price: float, watts: float) -> dict[str, Any]:
    """Return what the rows come to; what a request costs is that of the best goodput."""

    def best(batch: int, among: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
        return max((r for r in among if r["batch"] == batch), key=lambda r: r["goodput_1s_rps"])

    def knee(batch: int) -> int:
        met = [
            r["streams"]
            for r in rows
            if r["batch"] == batch
            and r["rate_per_stream"] == RATE
            and (r["attainment_1s"] or 0) >= KNEE
        ]
        return max(met, default=0)

    eight = [r for r in rows if r["streams"] == EIGHT]
    on, off = best(BATCH, eight), best(1, eight)
    top, plain = best(BATCH, rows), best(1, rows)
    usual = next(r for r in eight if r["batch"] == BATCH and r["rate_per_stream"] == RATE)

    def cost(of: Mapping[str, Any]) -> float | None:
        return price / (3600 * of["goodput_1s_rps"]) if of["goodput_1s_rps"] else None

    def energy(of: Mapping[str, Any]) -> float | None:
        return watts / of["tokens_per_s"] if of["tokens_per_s"] else None

    most = {b: max(r["tokens_per_s"] for r in eight if r["batch"] == b) for b in (1, BATCH)}
    tokens = most[BATCH] / most[1] if most[1] else None
    gain = on["goodput_1s_rps"] / off["goodput_1s_rps"] if off["goodput_1s_rps"] else None
    return {
        "ttft_p50_ms": usual["ttft_p50_ms"],
        "ttft_p99_ms": usual["ttft_p99_ms"],
        "tpot_p50_ms": usual["tpot_p50_ms"],
        "tpot_p99_ms": usual["tpot_p99_ms"],
        "frame_lag_p50_ms": usual["frame_lag_p50_ms"],
        "frame_lag_p99_ms": usual["frame_lag_p99_ms"],
        "slo_attainment": {f"{slo:g}s": usual[f"attainment_{slo:g}s"] for slo in SLOS},
        "goodput_rps": top["goodput_1s_rps"],
        "goodput_rps_one_by_one": plain["goodput_1s_rps"],
        "goodput_8_rps": [off["goodput_1s_rps"], on["goodput_1s_rps"]],
        "goodput_gain_batching_8": gain,
        "tokens_gain_8": tokens,
        "knee_streams": {"one by one": knee(1), "batched": knee(BATCH)},
        "price_per_hour": price,
        "watts": watts,
        "cost_per_request": cost(top),
        "cost_per_request_one_by_one": cost(plain),
        "joules_per_token": energy(top),
        "joules_per_token_one_by_one": energy(plain),
    }


def main(given: Sequence[str] | None = None) -> dict[str, Any]:
    """Run all points and publish the report."""
    arguments = parser("load", __doc__ or "")
    arguments.add_argument("--model", default="bundled")
    arguments.add_argument("--tokens", type=int, default=24, help="of an answer; 0: as it ends")
    arguments.add_argument("--threads", type=int, default=1, help="of each service")
    arguments.add_argument("--seconds", type=float, default=6.0, help="of a point")
    arguments.add_argument("--price-per-hour", type=float, default=0.1, help="of the machine")
    arguments.add_argument("--watts", type=float, default=65.0, help="that the machine draws")
    arguments.add_argument("--note", default="", help="what else is to be known of this run")
    words = sys.argv[1:] if given is None else list(given)
    options = arguments.parse_args(words)
    torch.set_num_threads(options.threads)
    tokens = options.tokens or 64
    loads = [(EIGHT, RATE)] if options.quick else [(n, RATE) for n in STREAMS]
    loads += [(EIGHT, rate) for rate in (RATES[-1:] if options.quick else RATES)]
    seconds, drain = (2.0, 4.0) if options.quick else (options.seconds, 5.0)
    points = [Point(n, rate, seconds, tokens, drain) for n, rate in loads]
    rows = measure(options, points, 1 if options.quick else 2)
    found = summary(rows, options.price_per_hour, options.watts)
    encoded = tower(options.model, 3 if options.quick else 9)
    found["note"] = options.note
    found["encode_ms_per_frame"] = {
        str(r["frames_together"]): r["encode_ms_per_frame"] for r in encoded
    }
    return publish(arguments, words, [*rows, *encoded], found)


if __name__ == "__main__":
    main()
