"""Sources that the service fetches for its streams, and the file that remembers their addresses."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from longwatch.errors import InputError, LongwatchError, NotFoundError
from longwatch.serve.auth.principal import current
from longwatch.serve.auth.scopes import PULL
from longwatch.stream.pull.address import Address
from longwatch.stream.pull.supervisor import PulledSource

if TYPE_CHECKING:
    from longwatch.serve.config import Settings
    from longwatch.serve.observability.metrics import Metrics
    from longwatch.serve.publishing.feeds import Feed, FeedRegistry
    from longwatch.serve.streams.settings import StreamSettings
    from longwatch.stream.pull.supervisor import Status

log = logging.getLogger(__name__)
NAME = "sources.json"
MODE = 0o600


class SavedSource(NamedTuple):
    """One source."""

    address: Address
    fps: float | None


class SourceFile:
    """Sources by the name of their stream; without a folder none is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / NAME
        self._known: dict[str, SavedSource] = {}
        if self._path is not None:
            self._known = _load(self._path)

    def all(self) -> dict[str, SavedSource]:
        """Return what is kept."""
        return dict(self._known)

    def put(self, stream: str, address: Address, fps: float | None) -> None:
        """Keep the source of a stream."""
        self._save({**self._known, stream: SavedSource(address, fps)})

    def remove(self, stream: str) -> None:
        """Keep the source of a stream no more."""
        if stream in self._known:
            self._save({name: kept for name, kept in self._known.items() if name != stream})

    def _save(self, known: dict[str, SavedSource]) -> None:
        self._known = known
        if self._path is None:
            return
        told = {name: {**asdict(at), "fps": fps} for name, (at, fps) in known.items()}
        draft = self._path.with_name(f".{NAME}")
        try:
            draft.unlink(missing_ok=True)
            # Made with its mode, so that there is no moment at which others can open it.
            file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
            with os.fdopen(file, "w") as out:
                json.dump(told, out)
                out.flush()
                os.fsync(out.fileno())
            draft.replace(self._path)
        except OSError as error:
            log.error("sources cannot be kept in %s: %s", self._path, error.strerror)


def _load(path: Path) -> dict[str, SavedSource]:
    try:
        told = json.loads(path.read_bytes())
        return {
            name: SavedSource(
                Address(**{key: value for key, value in each.items() if key != "fps"}), fps
            )
            for name, each in told.items()
            for fps in [each["fps"]]
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, InputError) as error:
        # Not its text: that could be a piece of the file.
        log.error("%s cannot be read (%s); its sources stay offline", path, type(error).__name__)
        return {}


class SourceManager:
    """Opens and ends pulled sources. All of it on the event loop's thread."""

    def __init__(self, feeds: FeedRegistry, settings: Settings, metrics: Metrics) -> None:
        self._feeds = feeds
        self._settings = settings
        self._metrics = metrics
        self._rules = settings.pull_rules
        self._patience = replace(settings.pull, decode_s=settings.decode_seconds)
        self._book = SourceFile(Path(settings.data).expanduser() if settings.data else None)

    def open(self, name: str, address: Address, settings: StreamSettings) -> Feed:
        """Begin to pull `address` into a stream, new or left; `settings.fps` is the source's.

        Where the stream is fed from this address already, nothing changes.

        Raises:
            InputError: the address may not be fetched (`source_forbidden_url`), or somebody else
                feeds the stream (`publisher_taken`).
            LimitError: there are too many streams.
            ForbiddenError: whoever asks is no manager.
        """
        current().require(PULL)
        current().require_stream(name)
        self._rules.check(address)
        feed = self._feeds.acquire(name, settings)
        if feed.taken:
            if isinstance(feed.ingest, PulledSource) and feed.ingest.address == address:
                return feed
            raise InputError(
                f"the stream {name!r} is being fed already; attach to it, close it first, or "
                "choose another name",
                code="publisher_taken",
                param="stream",
            )
        self._begin(feed, address, settings.fps)
        if feed.stream.settings.persist:
            self._book.put(name, address, settings.fps)
        return feed

    def pulls(self, feed: Feed) -> bool:
        """Tell whether a stream is fed by a source of ours."""
        return isinstance(feed.ingest, PulledSource)

    def forget(self, name: str) -> None:
        """Do not pull a stream's source again after a restart."""
        self._book.remove(name)

    def close(self, name: str, *, discard_memory: bool = False) -> Feed:
        """Stop pulling a stream, or a pushed one that nobody feeds; return what was its feed.

        Raises:
            NotFoundError: there is no such stream.
            InputError: a connection feeds it (`publisher_taken`).
        """
        feed = self._feeds.get(name)
        if feed.taken and not self.pulls(feed):
            raise InputError(
                f"a connection feeds the stream {name!r}; close it there",
                code="publisher_taken",
                param="stream",
            )
        self.forget(name)
        feed.release("closed")
        if discard_memory:
            self._feeds.discard(name)
        return feed

    def restore(self) -> None:
        """Pull again what was pulled before the restart."""
        for name, (address, fps) in self._book.all().items():
            try:
                feed = self._feeds.get(name)
                self._rules.check(address)
            except NotFoundError:
                self._book.remove(name)
            except LongwatchError as error:
                ids = {"stream": name}
                log.error("the stream %s is not pulled again: %s", name, error, extra=ids)
            else:
                self._begin(feed, address, fps)

    def _begin(self, feed: Feed, address: Address, fps: float | None) -> None:
        loop = asyncio.get_running_loop()

        def on_status(pull: PulledSource, status: Status) -> None:
            with suppress(RuntimeError):  # the loop is closed, and the service with it
                loop.call_soon_threadsafe(self._take_in, feed, pull, status)

        pull = PulledSource(
            address,
            self._rules,
            self._patience,
            fps=fps,
            max_pixels=self._settings.max_pixels,
            buffer=feed.stream.buffer,
            timeline=feed.stream.timeline,
            on_status=on_status,
        )
        pull.ids = {"stream": feed.name}
        feed.release("publisher_ended")
        feed.begin(pull, "connecting")
        pull.start()

    def _take_in(self, feed: Feed, pull: PulledSource, status: Status) -> None:
        """Tell what became of a source, unless another one has taken its place."""
        if feed.ingest is not pull or status.state == "connecting":
            return
        if status.state == "reconnecting":
            self._metrics.reconnects.labels(str(status.reason)).inc()
        feed.change(status.state, status.reason, **status_fields(status))


def status_fields(status: Status) -> dict[str, Any]:
    """Return what is told of a source beside its state."""
    gap = status.gap and {
        name: round(at * 1e6) for name, at in zip(("from", "to"), status.gap, strict=True)
    }
    return {
        "message": status.message,
        "attempt": status.attempt,
        "retry_in_ms": None if status.retry_in is None else round(status.retry_in * 1000),
        "gap": gap,
    }
