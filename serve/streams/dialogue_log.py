"""What was asked about a stream, answered and told: in RAM, or where the stream is on disk."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

from longwatch.memory.durable.catalogue import Exchange
from longwatch.serve.answers.types import Done

if TYPE_CHECKING:
    from collections.abc import Callable

    from longwatch.memory.durable.catalogue import Alert
    from longwatch.serve.answers.types import AnswerEvent, Question

ALERTS = 100  # of a stream that is in RAM alone, the newest
MOST = 500  # exchanges of a stream that is in RAM alone
CHARS = 2000  # of a question and of an answer there


class DialogueOnDisk(Protocol):
    """The questions, answers and alerts of a stream that is on disk."""

    def log_exchange(self, told: Exchange) -> None:
        """Keep a question and its answer."""

    def dialogue(self) -> list[Exchange]:
        """Return all questions and answers, oldest first; may wait for the disk."""
        ...

    def log_alert(self, alert: Alert) -> None:
        """Keep that a watch spoke up."""

    def alerts(self) -> list[Alert]:
        """Return when watches spoke up, oldest first; may wait for the disk."""
        ...


class DialogueLog:
    """What was said about one stream, by whomever, from any thread."""

    def __init__(self) -> None:
        self.disk: DialogueOnDisk | None = None
        self._exchanges: deque[Exchange] = deque(maxlen=MOST)
        self._alerts: deque[Alert] = deque(maxlen=ALERTS)
        self._lock = threading.Lock()

    def log_alert(self, alert: Alert) -> None:
        """Note that a watch spoke up."""
        if self.disk is not None:
            self.disk.log_alert(alert)
        else:
            self._alerts.append(alert)

    def alerts(self) -> list[Alert]:
        """Return the newest times that a watch spoke up, oldest first; may wait for the disk."""
        return list(self._alerts) if self.disk is None else self.disk.alerts()

    def recording(
        self, question: Question, listener: Callable[[AnswerEvent], None]
    ) -> Callable[[AnswerEvent], None]:
        """Return a listener that also notes the answer, if it comes to one."""

        def listen(event: AnswerEvent) -> None:
            if isinstance(event, Done) and event.status in {"completed", "incomplete"}:
                self._note(Exchange(time.time(), event.as_of, question.turns[-1].text, event.text))
            listener(event)

        return listen

    def all(self) -> list[Exchange]:
        """Return what is known of it, oldest first; may wait for the disk."""
        if self.disk is not None:
            return self.disk.dialogue()
        with self._lock:
            return list(self._exchanges)

    def _note(self, told: Exchange) -> None:
        if self.disk is not None:
            self.disk.log_exchange(told)
            return
        short = told._replace(question=told.question[:CHARS], answer=told.answer[:CHARS])
        with self._lock:
            self._exchanges.append(short)
