"""The settings that streams are made with, where whoever makes one says nothing else."""

from __future__ import annotations

from typing import Any

from pydantic import Field
from pydantic_settings import BaseSettings

from longwatch.registry import lookup
from longwatch.serve.streams.presets import PRESETS
from longwatch.serve.streams.settings import StreamSettings


class StreamFields(BaseSettings):
    """A part of `Settings`."""

    fps: float = Field(default=2.0, description="frames taken a second of each stream; 0 takes all")
    queue: int = Field(default=2, description="frames of a stream that may wait for the model")
    on_full: str = Field(default="drop_oldest", description="drop_oldest, drop_newest or block")
    preset: str = Field(
        default="", description="compressor, keep and policy by one name, unless given themselves"
    )
    compressor: str = Field(default="longwatch", description="what thins out a frame's tokens")
    keep: float = Field(
        default=0.0, description="share of a frame's tokens; 0 takes the compressor's own"
    )
    token_rate: float = Field(
        default=0.0, description="tokens a second of a stream, shared out by novelty; 0: no limit"
    )
    gate: float = Field(
        default=0.0, description="change, of 1, below which a frame is not read; 0 reads all"
    )
    gate_seconds: float = Field(
        default=10.0, description="most seconds that the gate lets pass between two frames read"
    )
    pruner: str = Field(
        default="", description="what drops a frame's tokens inside the model; none if empty"
    )
    prune_keep: float = Field(
        default=0.0, description="share of them that it leaves; 0 takes the pruner's own"
    )
    policy: str = Field(default="longwatch", description="what a stream's memory keeps")
    window_tokens: int = Field(
        default=0, ge=0, description="size of the window; 0 takes the model's or the method's own"
    )
    sinks: int = Field(default=1, description="first frames that a window always keeps")
    memory_mb: int = Field(
        default=0, ge=0, description="MiB of keys and values a stream; 0 leaves it to the policy"
    )
    data: str = Field(default="", description="folder to keep streams in; none keeps them in RAM")
    persist: bool = Field(default=False, description="keep every stream in that folder")
    host_mb: int = Field(
        default=0, ge=0, description="MiB of RAM for a kept stream's sealed blocks; 0: no limit"
    )
    hot_mb: int = Field(
        default=0, ge=0, description="MiB of decoded blocks of a stream on the device; 0: none"
    )
    picture_mb: int = Field(
        default=16, ge=1, description="MiB of small pictures of a stream that is not kept"
    )
    thumbnail_mb: int = Field(default=64, ge=1, description="MiB of small pictures a kept stream")

    @property
    def stream(self) -> StreamSettings:
        """What a stream is made with, where its publisher says nothing else."""
        named = lookup(PRESETS, self.preset, "preset").settings() if self.preset else {}
        given: dict[str, Any] = {
            "compressor": self.compressor,
            "keep": self.keep or None,
            "policy": self.policy,
        }
        given |= {name: named[name] for name in named.keys() - self.model_fields_set}
        return StreamSettings(
            fps=self.fps or None,
            queue=self.queue,
            on_full=self.on_full,
            token_rate=self.token_rate or None,
            gate=self.gate or None,
            gate_seconds=self.gate_seconds,
            pruner=self.pruner or None,
            prune_keep=self.prune_keep or None,
            window_tokens=self.window_tokens or None,
            sinks=self.sinks,
            memory_mb=self.memory_mb or None,
            persist=self.persist,
            picture_mb=self.picture_mb,
            hot_mb=self.hot_mb,
            host_mb=self.host_mb or None,
            **given,
        )
