"""How much of the senders' bytes, pixels and silence is borne."""

from __future__ import annotations

from dataclasses import dataclass, fields

from longwatch.errors import ConfigError


@dataclass(frozen=True)
class MediaLimits:
    """Bounds on pushed pictures and video; each of them is above zero."""

    max_message_bytes: int = 4 << 20  # one picture or one chunk of video
    max_pixels: int = 3840 * 2160  # one picture, before it is decoded
    parse_bytes: int = 4 << 20  # of Annex-B data in which no access unit ends
    queue_bytes: int = 16 << 20  # of undecoded data that wait for the decoder
    idle_s: float = 30.0  # silence in the middle of a container, after which it is given up
    probe_bytes: int = 32 << 10  # read before a container's first frame
    decode_s: float = 5.0  # one picture or packet, after which it is left out

    def __post_init__(self) -> None:
        """Check the settings."""
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise ConfigError(f"{field.name} must be above 0, not {value}", param=field.name)
        if self.queue_bytes < self.max_message_bytes:
            raise ConfigError(
                f"queue_bytes ({self.queue_bytes}) must hold one message of max_message_bytes "
                f"({self.max_message_bytes}); raise the one or lower the other",
                param="queue_bytes",
            )
