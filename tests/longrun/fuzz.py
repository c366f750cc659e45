"""Damaged messages, pictures and clips against the wire decoder and the media boundary, for long.

    python -m tests.longrun.fuzz MINUTES [SEED]

Prints cases, failures (anything but one of our own errors) and how the process' memory grew.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from longwatch.errors import LongwatchError
from longwatch.stream.buffer import LatestBuffer
from longwatch.stream.decoding.images import decode_image
from longwatch.stream.ingest.ingest import Ingest
from longwatch.stream.limits import MediaLimits
from longwatch.stream.timeline import Timeline
from longwatch.wire import Kind, Packet, decode
from tests.support.media import CONTAINERS, access_units, clip, still

LIMITS = MediaLimits(max_pixels=1 << 20)
HANG = 60.0  # seconds for one clip of a few pictures, after which it counts as hung
WARM = 0.2  # of the time, after which memory is measured: allocators fill first


@dataclass
class Fuzzed:
    """What came of it."""

    cases: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)  # by code
    failures: list[str] = field(default_factory=list)
    rss_mib: list[float] = field(default_factory=list)  # warm, and at the end


def damaged(chance: random.Random, data: bytes) -> bytes:
    """Return `data` with some bytes changed, left out, doubled, or cut off."""
    made = bytearray(data)
    for _ in range(chance.randint(0, 12)):
        at = chance.randrange(len(made) + 1)
        made[at : at + chance.randint(0, 16)] = chance.randbytes(chance.randint(0, 16))
    if chance.random() < 0.3:
        del made[chance.randrange(len(made) + 1) :]
    return bytes(made)


def fuzz(seconds: float, seed: int = 0) -> Fuzzed:
    """Fuzz for so long."""
    told, chance = Fuzzed(), random.Random(seed)
    stills = [still(1, form) for form in ("jpeg", "png", "webp")]
    clips = {form: clip(form, "vp8" if form == "webm" else "h264", 4) for form in CONTAINERS}
    clips |= {c: b"".join(unit.data for unit in access_units(c, 4)) for c in ("h264", "hevc")}
    packet = Packet(Kind.IMAGE, 1, 2, 3, stills[0]).encode()
    begun = time.monotonic()
    while (spent := time.monotonic() - begun) < seconds:
        if spent > WARM * seconds and not told.rss_mib:
            told.rss_mib.append(rss())
        for _ in range(50):
            _case(told, "wire", damaged(chance, packet[: chance.choice([28, 60, None])]), decode)
        for _ in range(10):
            picture = damaged(chance, chance.choice(stills))
            _case(told, "image", picture, lambda data: decode_image(data, LIMITS))
        form = chance.choice(list(clips))
        _case(told, form, damaged(chance, clips[form]), lambda data, form=form: _ingest(form, data))
    told.rss_mib = [*(told.rss_mib or [rss()]), rss()]
    return told


def _case(told: Fuzzed, what: str, data: bytes, take: Any) -> None:
    """Have `data` taken or refused; whatever else happens is a failure."""
    told.cases[what] += 1
    try:
        take(data)
    except LongwatchError as error:
        told.refused[error.code] += 1
    except Exception as error:  # noqa: BLE001 - all of it is of interest
        told.failures.append(f"{what}: {type(error).__name__}: {error}: {data[:64].hex()}")


def _ingest(form: str, data: bytes) -> None:
    """Feed a clip in pieces and wait for its end; raise the first fault."""
    faults: list[LongwatchError] = []
    ingest = Ingest(
        form,
        fps=None,
        limits=LIMITS,
        buffer=LatestBuffer(100),
        timeline=Timeline(),
        on_fault=faults.append,
    )
    for at in range(0, len(data), 4096):
        ingest.feed(data[at : at + 4096])
    ingest.end()
    if not ingest.join(HANG):
        raise TimeoutError("the decoder hangs")
    if faults:
        raise faults[0]


def rss() -> float:
    """Return the process' memory, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def main(arguments: list[str]) -> int:
    """Fuzz for MINUTES and print what came of it; 1 where something failed."""
    told = fuzz(float(arguments[0]) * 60, int(arguments[1]) if arguments[1:] else 0)
    grown = round(told.rss_mib[-1] - told.rss_mib[0], 1)
    report = {**vars(told), "total": told.cases.total(), "grown_mib": grown}
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
    return bool(told.failures)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
