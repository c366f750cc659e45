"""What `benchmarks.growth` tells of the times and sizes that it took."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Any

from benchmarks.aged import sizes
from benchmarks.budgets import sealed, token_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.aged import Aged
    from benchmarks.archive import Clock
    from longwatch.models.base import VideoLM

MINUTES_10, HOUR, DAY = 600, 3600, 86_400  # seconds
LAST, WHOLE = "last 64 frames", "whole video"


def rows_aged(streams: Sequence[Aged], clock: Clock) -> list[dict[str, Any]]:
    """Return a row for each preset and age."""
    return [
        {
            "preset": stream.preset,
            "age_s": stream.age,
            "device_bytes": max(stream.device),
            **sizes(stream.memory),
            "frame_ms": clock.spread(f"frame {stream.preset} {stream.age}"),
            "frame_ms_mean": fmean(clock.times[f"frame {stream.preset} {stream.age}"]),
            "ttft_ms": clock.spread(f"ttft {stream.preset} {stream.age}"),
            "tpot_ms": clock.spread(f"tpot {stream.preset} {stream.age}"),
        }
        for stream in streams
    ]


def rows_again(clock: Clock) -> list[dict[str, Any]]:
    """Return a row for each way of reading all frames again."""
    rows = []
    for key in clock.times:
        part, _, name = key.partition(" ")
        if part == "encode":
            encode, read = clock.times[key], clock.times[f"read {name}"]
            both = sorted(a + b for a, b in zip(encode, read, strict=True))
            rows.append(
                {
                    "again": LAST if name == "last" else WHOLE,
                    "age_s": None if name == "last" else int(name.partition(" ")[2]),
                    "repeats": len(both),
                    "encode_ms": clock.spread(key),
                    "read_ms": clock.spread(f"read {name}"),
                    "ttft_ms": [both[len(both) // 2], both[0], both[-1]],
                    "tpot_ms": clock.spread(f"tpot {name}"),
                }
            )
    return rows


def summarise(
    rows: Sequence[Mapping[str, Any]], before: Aged, model: VideoLM
) -> dict[str, float | None]:
    """Return the contract's figures; None where an age was not reached.

    `before` is a stream whose archive has no bound. `ttft_vs_reprefill64` and
    `ttft_vs_whole_video` are how many times as long reading again takes, from the pixels on; those
    that end in `_encoded` are without the encoding.
    """
    ours = {row["age_s"]: row for row in rows if row.get("preset") == "longwatch"}
    young, hour, day = (ours.get(age) for age in (MINUTES_10, HOUR, DAY))
    again = {(row["again"], row["age_s"]): row for row in rows if "again" in row}
    last, whole = again.get((LAST, None)), again.get((WHOLE, MINUTES_10))
    return {
        "ttft_ratio_24h_10min": _ratio(day, young, "ttft_ms"),
        "tpot_ratio_24h_10min": _ratio(day, young, "tpot_ms"),
        "frame_ms_ratio_24h_10min": _ratio(day, young, "frame_ms"),
        "frame_ms_mean_ratio_24h_10min": _ratio(day, young, "frame_ms_mean"),
        "device_bytes_ratio": _ratio(day, young, "device_bytes"),
        "archive_compression": compression(before, model),
        "bytes_24h_over_1h": _ratio(day, hour, "total_bytes"),
        "ttft_vs_reprefill64": _ratio(last, young, "ttft_ms"),
        "ttft_vs_reprefill64_encoded": _ratio(last, young, "read_ms", "ttft_ms"),
        "ttft_vs_whole_video": _ratio(whole, young, "ttft_ms"),
        "ttft_vs_whole_video_encoded": _ratio(whole, young, "read_ms", "ttft_ms"),
    }


def compression(stream: Aged, model: VideoLM) -> float | None:
    """Return how many times smaller an archive is than all tokens of its frames in fp16."""
    stats, found = stream.memory.stats(), sealed(stream.memory)
    if not found:
        return None
    frame = len(stream.coming[0][1])
    gone = stats.frames_seen - stats.frames_stored
    return gone * frame * token_bytes(model) / found


def _ratio(
    above: Mapping[str, Any] | None, below: Mapping[str, Any] | None, key: str, other: str = ""
) -> float | None:
    """Return the ratio of two rows' figures, of medians where they have more."""
    if above is None or below is None:
        return None
    up, down = above[key], below[other or key]
    return float(up[0] / down[0] if isinstance(up, list) else up / down)
