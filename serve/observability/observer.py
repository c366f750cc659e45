"""What the engine tells whoever counts. The engine itself measures nothing else."""

from __future__ import annotations


class EngineObserver:
    """Receives what happens, on the engine's thread; every method here does nothing."""

    def frame_read(self, stream: str, lag: float, encode: float) -> None:
        """Take note of a frame that was committed.

        `lag` is the seconds from its arrival to its commit, `encode` the seconds in the tower.
        """

    def frame_failed(self, stream: str, code: str) -> None:
        """Take note of a frame that the model could not read."""

    def answer_started(self) -> None:
        """Take note of a question that was taken in."""

    def first_token(self, seconds: float) -> None:
        """Take note of an answer's first token, `seconds` after its question came."""

    def next_token(self, seconds: float) -> None:
        """Take note of a further token, `seconds` after the one before."""

    def answer_done(self, status: str, seconds: float) -> None:
        """Take note of an answer's end, `seconds` after its question came."""
