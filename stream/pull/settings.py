"""How patient the service is with a source."""

from __future__ import annotations

from dataclasses import dataclass, fields

from longwatch.errors import ConfigError


@dataclass(frozen=True)
class PullSettings:
    """Times in seconds, each above zero; and two counts."""

    open_s: float = 10.0  # until a source is open
    first_frame_s: float = 30.0  # until its first frame: cameras send a key frame now and then
    read_s: float = 5.0  # without a byte, after which the connection counts as dead
    stall_s: float = 3.0  # without a frame, after which a stream is `stalled`
    give_up_s: float = 10.0  # without a frame, after which the child is killed
    late_s: float = 1.0  # behind the source's own pace, from which on a frame is dropped as late
    retry_s: float = 0.5  # before the first new attempt; doubled each time
    retry_most_s: float = 30.0
    retry_slow_s: float = 60.0  # where cameras lock accounts: wrong password, or no such path
    settled_s: float = 60.0  # of good frames, after which the next failure counts as the first
    decode_s: float = 5.0  # of one packet; what takes longer is left out, and a hang ended
    damaged_packets: int = 100  # in a row, after which the connection is given up
    slots: int = 3  # frames between the child and the service

    def __post_init__(self) -> None:
        """Check the settings."""
        for each in fields(self):
            value = getattr(self, each.name)
            if not value > 0:
                raise ConfigError(f"{each.name} must be above 0, not {value}", param=each.name)
        if self.give_up_s < self.stall_s:
            raise ConfigError(
                f"give_up_s ({self.give_up_s}) must not be less than stall_s ({self.stall_s})",
                param="give_up_s",
            )
