"""How a stream is set up, from what a client asks for and what the service is set to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from longwatch.registry import lookup
from longwatch.serve.presets import PRESETS

if TYPE_CHECKING:
    from longwatch.models.base import VideoLM
    from longwatch.serve.realtime.messages import PullSource, PushSource, StreamPolicy
    from longwatch.serve.stream import Stream
    from longwatch.serve.stream_settings import StreamSettings


def settings_for(
    defaults: StreamSettings, policy: StreamPolicy, source: PushSource | PullSource | None
) -> StreamSettings:
    """Return `defaults` with what a client asked for in their place.

    Raises:
        ConfigError: something that it asked for is not known, or out of range.
    """
    given = policy.model_dump(exclude_none=True)
    if "memory" in given:
        given["policy"] = given.pop("memory")
    if "preset" in given:
        given = lookup(PRESETS, given.pop("preset"), "preset").settings() | given
    if source is not None and "fps" in source.model_fields_set:
        given["fps"] = source.fps
    return replace(defaults, **given)


def accepted(stream: Stream, model: VideoLM) -> dict[str, Any]:
    """Return how a stream is set up, as its publisher is told."""
    kept = stream.settings
    return {
        "queue": kept.queue,
        "on_full": kept.on_full,
        "memory": kept.policy,
        "window_tokens": kept.window_tokens or model.window_tokens,
        "memory_mb": kept.memory_mb,
        "persist": kept.persist,
        "host_mb": kept.host_mb,
        "compressor": kept.compressor,
        "keep": kept.keep,
        "pruner": kept.pruner,
        "prune_keep": kept.prune_keep,
        "token_rate": kept.token_rate,
        "gate": kept.gate,
        "gate_seconds": kept.gate_seconds,
    }
