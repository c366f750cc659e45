"""Log lines as text or JSON, with the ids of the session and stream that they are about.

The service logs through the standard library, so that it is silent where it is embedded.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Literal, TextIO

import structlog

from longwatch.serve.observability.context import current_context

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

NOISY = ("httpx", "urllib3", "uvicorn", "websockets")  # uvicorn says twice what we say


def configure_logs(
    form: Literal["text", "json"] = "text", level: str = "info", out: TextIO | None = None
) -> None:
    """Send every log line of this process, ours and the libraries', to `out` (stderr) in `form`.

    The ids of what the running code is about, and each line's `extra`, appear as fields.
    """
    out = out or sys.stderr
    shown: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if form == "json"
        else [
            structlog.dev.ConsoleRenderer(
                colors=out.isatty(),
                # Others print every local variable, which may hold what is nobody's business.
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                _add_ids,
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ExtraAdder(),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shown],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _add_ids(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    return {**current_context(), **line}
