"""Whether the service can do its work now, and if not, why."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from longwatch.serve.draining import Draining
    from longwatch.serve.engine.engine import Engine


class Readiness:
    """Looks when it is asked; from any thread.

    The model was loaded and has passed its self-test before anything listens, so that a service
    that answers at all has one.
    """

    def __init__(self, engine: Engine, draining: Draining, stuck_seconds: float) -> None:
        self._engine = engine
        self._draining = draining
        self._stuck = stuck_seconds

    def reasons(self) -> list[str]:
        """Return what is wrong; nothing where the service is ready.

        `draining`: it is about to end. `model_stopped`: the model's thread does not run.
        `model_stuck`: one step of it has taken longer than `stuck_seconds`. `disk_full`,
        `disk_read_only`, `disk_error`: what is read is not kept for now.
        """
        wrong = ["draining"] if self._draining.active else []
        if not self._engine.alive:
            wrong.append("model_stopped")
        elif self._engine.pulse.running > self._stuck:
            wrong.append("model_stuck")
        disk = self._engine.disk_trouble
        return [*wrong, disk] if disk else wrong
