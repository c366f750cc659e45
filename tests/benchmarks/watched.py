"""The bundled model and a short stream, for the tests of the benchmarks."""

from __future__ import annotations

from functools import cache

from benchmarks.episodes import Episode, episodes
from longwatch.models.bundled_model import BundledVLM, load_bundled


@cache
def model() -> BundledVLM:
    """Return the model that the package ships."""
    return load_bundled()


@cache
def stream(frames: int) -> Episode:
    """Return a stream with a question of every kind."""
    return next(episodes(model(), frames, 1, 1))
