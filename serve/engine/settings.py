"""How the model's time and room are shared out."""

from __future__ import annotations

from dataclasses import dataclass

from longwatch.errors import ConfigError
from longwatch.memory.quota import QuotaSettings
from longwatch.serve.engine.fairness import WeightedShare


@dataclass(frozen=True)
class EngineSettings:
    """How the model's time and room are shared out."""

    frame_share: float = 0.5  # of the model's time, for frames while answers run
    chunk_tokens: int = 64  # tokens a pass while a frame is read
    max_streams: int = 16
    max_questions: int = 32  # under way at once
    answer_batch: int = 16  # answers that take their next token in one pass
    frame_batch: int = 0  # frames of several streams encoded at once; 0: by the device
    key_streams: int = 0  # made by one key; 0 is no limit
    server_host_mb: int = 0  # MiB of RAM for the sealed blocks of all streams; 0 is no limit
    server_disk_mb: int = 0  # and of disk, for those of streams that are kept there

    def __post_init__(self) -> None:
        """Check the settings."""
        WeightedShare(self.frame_share)
        for name in ("chunk_tokens", "max_streams", "max_questions", "answer_batch"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("frame_batch", "server_host_mb", "server_disk_mb"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} must not be negative, and {getattr(self, name)} is")

    @property
    def quota(self) -> QuotaSettings:
        """What all streams share."""
        return QuotaSettings(
            host_bytes=(self.server_host_mb << 20) or None,
            disk_bytes=(self.server_disk_mb << 20) or None,
        )
