"""The settings of sources that the service fetches by itself."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings

from longwatch.stream.pull.rules import Rules
from longwatch.stream.pull.settings import PullSettings


class PullFields(BaseSettings):
    """A part of `Settings`."""

    pull_hosts: tuple[str, ...] = Field(
        default=(),
        description="hosts or networks that may be pulled from, and no others; none: any camera, "
        "and by HTTP public addresses",
    )
    pull_root: str = Field(default="", description="folder whose files may be pulled")
    pull_cameras: bool = Field(
        default=False, description="let clients open the cameras of this machine"
    )
    pull_timeout: float = Field(
        default=5.0, gt=0, description="seconds without a byte until a source counts as gone"
    )
    pull_stall: float = Field(
        default=3.0, gt=0, description="seconds without a frame until a source is `stalled`"
    )
    pull_give_up: float = Field(
        default=10.0, gt=0, description="seconds without a frame until it is opened anew"
    )
    pull_retry: float = Field(
        default=0.5, gt=0, description="seconds before the first new attempt; doubled each time"
    )
    pull_retry_most: float = Field(
        default=30.0, gt=0, description="seconds between two attempts at most"
    )
    pull_retry_slow: float = Field(
        default=60.0, gt=0, description="seconds after a wrong password or path, at least"
    )

    @property
    def pull_rules(self) -> Rules:
        """What may be fetched."""
        return Rules(self.pull_hosts, self.pull_root, self.pull_cameras)

    @property
    def pull(self) -> PullSettings:
        """How patient the service is with a source."""
        return PullSettings(
            read_s=self.pull_timeout,
            stall_s=self.pull_stall,
            give_up_s=self.pull_give_up,
            retry_s=self.pull_retry,
            retry_most_s=self.pull_retry_most,
            retry_slow_s=self.pull_retry_slow,
        )
