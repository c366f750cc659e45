"""How a stream is sampled, buffered, compressed and remembered, and what of it a client may set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from longwatch.compressors import PRUNERS
from longwatch.errors import ConfigError
from longwatch.memory import POLICIES, Longwatch, Window
from longwatch.memory.fidelity import Codecs, faithful, parse_fidelity
from longwatch.memory.pruned import Pruning
from longwatch.registry import lookup
from longwatch.serve.streams.presets import PRESETS
from longwatch.serve.streams.reduction import ReductionSettings
from longwatch.stream.buffer import DropPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longwatch.compressors import Pruner
    from longwatch.memory.base import Policy
    from longwatch.memory.fidelity import Fidelity
    from longwatch.models.base import VideoLM

MAX_QUEUE = 64  # frames of one stream that may wait for the model


@dataclass(frozen=True)
class StreamSettings:
    """How a stream is sampled, buffered, compressed and remembered."""

    fps: float | None = 2.0  # frames taken a second, by presentation time; None takes all
    queue: int = 2  # frames that may wait for the model
    on_full: str = "drop_oldest"  # or drop_newest, block
    compressor: str = "longwatch"  # a name of `compressors.COMPRESSORS`
    keep: float | None = None  # share of a frame's tokens; None is the compressor's own
    token_rate: float | None = None  # tokens a second of the stream's clock; None is no limit
    gate: float | None = None  # change below which a frame is not read, of 1; None reads all
    gate_seconds: float = 10.0  # most that the gate lets pass between two frames that are read
    pruner: str | None = None  # a name of `compressors.PRUNERS`; None drops nothing in the model
    prune_keep: float | None = None  # share that it leaves; None is the pruner's own
    policy: str = "longwatch"  # a name of `memory.POLICIES`
    window_tokens: int | None = None  # None takes the model's own, or what the policy's paper says
    sinks: int = 1  # frames that always stay, of the policies `window` and `longwatch`
    fidelity: str | None = None  # of the policy `longwatch`: exact, high, small; None: the model's
    memory_mb: int | None = None  # most MiB of keys and values; None leaves it to the policy
    persist: bool = False  # outlives the process, on disk
    picture_mb: int = 16  # MiB of small pictures in RAM, where it does not persist
    hot_mb: int = 0  # MiB of decoded blocks on the device, for the next question; 0: none
    host_mb: int | None = None  # MiB of RAM for its sealed blocks, if it does; None: no limit

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.fps is not None and not 0 < self.fps <= 1000:
            raise ConfigError(f"fps must be above 0 and at most 1000, not {self.fps}")
        if not 1 <= self.queue <= MAX_QUEUE:
            raise ConfigError(
                f"queue must be between 1 and {MAX_QUEUE} frames, not {self.queue}; it is there "
                "for a stutter, and each frame that waits takes the memory of its pixels"
            )
        DropPolicy.parse(self.on_full)
        lookup(POLICIES, self.policy, "memory policy")
        if self.hot_mb < 0:
            raise ConfigError(f"hot_mb must not be negative, and {self.hot_mb} is")
        for name in ("memory_mb", "host_mb", "picture_mb"):
            if (size := getattr(self, name)) is not None and size < 1:
                raise ConfigError(f"{name} must be at least 1, not {size}")
        if self.fidelity is not None:
            parse_fidelity(self.fidelity)
        _ = self.sparing, self._policy(1, 1), self._pruner()

    @property
    def sparing(self) -> ReductionSettings:
        """What the model is spared."""
        return ReductionSettings(
            self.compressor, self.keep, self.token_rate, self.gate, self.gate_seconds, self.fps
        )

    def make_pruning(self, model: VideoLM) -> Pruning | None:
        """Return what drops tokens inside the language model, if anything does."""
        pruner = self._pruner()
        return None if pruner is None else Pruning(pruner, model.decoder.layers)

    def _pruner(self) -> Pruner | None:
        if self.pruner is None:
            return None
        made = lookup(PRUNERS, self.pruner, "pruner")()
        return made if self.prune_keep is None else made.at(self.prune_keep)

    def make_policy(self, model: VideoLM) -> Policy:
        """Return the memory policy, with the model's own window where none was named."""
        fidelity = parse_fidelity(self.fidelity or model.fidelity)
        decoder = model.decoder
        return self._policy(model.window_tokens, decoder.token_bytes, fidelity, decoder.positions)

    def _policy(
        self,
        window_tokens: int,
        token_bytes: int,
        fidelity: Fidelity = "small",
        positions: int | None = None,
    ) -> Policy:
        made: Policy
        if self.policy in ("window", "longwatch"):
            kind = Window if self.policy == "window" else Longwatch
            made = kind(sinks=self.sinks)
            if isinstance(made, Longwatch):
                made = faithful(made, fidelity, Codecs(), positions)
            made = made.sized(window_tokens)
        else:
            made = POLICIES[self.policy]()
        if self.window_tokens is not None:
            made = made.sized(self.window_tokens)
        if self.memory_mb is not None:
            made = made.bounded(self.memory_mb << 20, token_bytes)
        return made

    def overridden(self, asked: Mapping[str, Any]) -> StreamSettings:
        """Return these settings with what a client asked for in their place.

        `asked` has fields of the settings, and may name a `preset`, which comes before them.

        Raises:
            ConfigError: something that it asked for is not known, or out of range.
        """
        given = dict(asked)
        if "preset" in given:
            given = lookup(PRESETS, given.pop("preset"), "preset").settings() | given
        return replace(self, **given)

    def describe(self, window_tokens: int) -> dict[str, Any]:
        """Return how a stream is set up, as its publisher is told.

        `window_tokens` is the model's own window, where the settings name none.
        """
        return {
            "queue": self.queue,
            "on_full": self.on_full,
            "memory": self.policy,
            "window_tokens": self.window_tokens or window_tokens,
            "fidelity": self.fidelity,
            "memory_mb": self.memory_mb,
            "persist": self.persist,
            "host_mb": self.host_mb,
            "compressor": self.compressor,
            "keep": self.keep,
            "pruner": self.pruner,
            "prune_keep": self.prune_keep,
            "token_rate": self.token_rate,
            "gate": self.gate,
            "gate_seconds": self.gate_seconds,
        }
