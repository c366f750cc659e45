"""How true a memory is to what was read: three settings of our policy that users choose between."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from longwatch.errors import ConfigError
from longwatch.memory.codec import Codec
from longwatch.memory.longwatch import Level, Longwatch
from longwatch.retrieval import PeakAttention

Fidelity = Literal["exact", "high", "small"]
FIDELITIES: tuple[Fidelity, ...] = get_args(Fidelity)

EXACT = Codec(16, 16)
BACK = 2048  # tokens recalled in each layer, and seen by a frame as it is read, at least
BLOCK = 64  # tokens of a block
FAR = 1 << 20  # frames: recalled ones stand as far apart as they were read


@dataclass(frozen=True)
class Codecs:
    """Three codecs of one model, by rising error: chosen when it is loaded, see `calibration`."""

    fine: Codec = field(default_factory=lambda: Codec(8, 8, value_axis="token"))
    middle: Codec = field(default_factory=lambda: Codec(4, 4))
    coarse: Codec = field(default_factory=lambda: Codec(4, 2))


def parse_fidelity(name: str) -> Fidelity:
    """Return the fidelity of this name.

    Raises:
        ConfigError: there is none.
    """
    for fidelity in FIDELITIES:
        if name == fidelity:
            return fidelity
    raise ConfigError(f"fidelity must be one of {', '.join(FIDELITIES)}, not {name!r}")


def faithful(
    policy: Longwatch, fidelity: Fidelity, codecs: Codecs, positions: int | None = None
) -> Longwatch:
    """Return our policy at one fidelity, not bounded yet.

    `exact` seals every token in fp16. `high` seals every token in the finest codec; where bytes are
    short, blocks first lose bits and then their least important tokens. `small` is the policy as
    it is given: few bits and a share of the tokens from the start. `positions` is how many the
    model was made for; what is recalled stays within half of them.
    """
    if fidelity == "small":
        return policy
    levels = (Level(EXACT, 1.0),) if fidelity == "exact" else fading(codecs)
    return replace(
        policy,
        levels=levels,
        rated=fidelity == "high",
        thinning=None,
        least_tokens=BLOCK,
        scorer=PeakAttention(),
        crowd=None,
        tokens=max(policy.tokens, BACK),
        near=max(policy.near, BACK),
        gap=FAR,
        reach=None if positions is None else max(1, positions * 3 // 4),
    )


def fading(codecs: Codecs) -> tuple[Level, ...]:
    """Return the levels of age: first fewer bits, then fewer tokens, then half of them each time.

    The shares say what a level may hold while the archive is full. The first two are small, so that
    nothing is kept finer than the rest while there is not room for all. Most bytes are on the level
    with the coarse codec and two tokens of five, which loses hardly an answer; beyond it each level
    halves the tokens, and reaches twice as far back in the same bytes.
    """
    return (
        Level(codecs.fine, 0.02),
        Level(codecs.middle, 0.03),
        Level(codecs.coarse, 0.8, 5, 2),
        Level(codecs.coarse, 0.07, 2, 1),
        Level(codecs.coarse, 0.04, 2, 1),
        Level(codecs.coarse, 0.04, 2, 1),
    )
