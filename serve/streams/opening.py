"""How a stream is set up, from what a client asks for and what the service is set to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from longwatch.registry import lookup
from longwatch.serve.streams.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longwatch.serve.streams.settings import StreamSettings


def settings_for(defaults: StreamSettings, asked: Mapping[str, Any]) -> StreamSettings:
    """Return `defaults` with what a client asked for in their place.

    `asked` has fields of the settings, and may name a `preset`, which comes before them.

    Raises:
        ConfigError: something that it asked for is not known, or out of range.
    """
    given = dict(asked)
    if "preset" in given:
        given = lookup(PRESETS, given.pop("preset"), "preset").settings() | given
    return replace(defaults, **given)


def accepted(settings: StreamSettings, window_tokens: int) -> dict[str, Any]:
    """Return how a stream is set up, as its publisher is told.

    `window_tokens` is the model's own window, where the settings name none.
    """
    return {
        "queue": settings.queue,
        "on_full": settings.on_full,
        "memory": settings.policy,
        "window_tokens": settings.window_tokens or window_tokens,
        "memory_mb": settings.memory_mb,
        "persist": settings.persist,
        "host_mb": settings.host_mb,
        "compressor": settings.compressor,
        "keep": settings.keep,
        "pruner": settings.pruner,
        "prune_keep": settings.prune_keep,
        "token_rate": settings.token_rate,
        "gate": settings.gate,
        "gate_seconds": settings.gate_seconds,
    }
