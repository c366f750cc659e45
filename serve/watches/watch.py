"""What a watch is: a condition in words, the streams it is about, and when it speaks up."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Literal

from longwatch.errors import InputError

State = Literal["armed", "fired", "paused", "ended"]
LONGEST = 500  # characters of a condition
MOST_STREAMS = 64  # names or patterns of one watch
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where a firing is posted, and what signs it."""

    url: str
    secret: str | None = field(default=None, repr=False)  # never told again


Firing = dict[str, Any]  # what is told of one, with its `number` among those of its watch


@dataclass(frozen=True, slots=True)
class Post:
    """A firing on its way to a webhook. It may arrive more than once, each time with this id."""

    id: str
    hook: Webhook
    body: str = field(repr=False)  # JSON


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """What is watched for. Raises `InputError` where a field is out of range."""

    condition: str
    streams: tuple[str, ...] = ("*",)  # names, or patterns such as `door-*`
    threshold: float = 0.5  # probability from which the condition counts as true
    min_duration_s: float = 0.5  # that it must hold, in seconds on the stream's clock
    cooldown_s: float = 10.0  # after a firing of a stream, in which it does not fire again
    until: float | None = None  # seconds since 1970, when the watch ends
    once: bool = False  # the first firing ends it
    webhook: Webhook | None = None

    def __post_init__(self) -> None:
        """Check the settings."""
        words = self.condition.strip()
        if not words or len(self.condition) > LONGEST:
            raise _refusal("condition", f"it must have 1 to {LONGEST} characters: say what to see")
        if not any(c.isalnum() for c in words):
            raise _refusal("condition", "it has no word in it; say what to see, as in `a dog`")
        if not 0 < len(self.streams) <= MOST_STREAMS or not all(self.streams):
            raise _refusal("streams", f"name 1 to {MOST_STREAMS} streams, or `*` for all")
        if not 0 < self.threshold < 1:
            raise _refusal("threshold", "it must be a probability between 0 and 1; try 0.5")
        for name in ("min_duration_s", "cooldown_s"):
            if not 0 <= getattr(self, name) <= DAY:
                raise _refusal(name, f"it must be 0 to {DAY:.0f} seconds")
        if self.until is not None and not 0 <= self.until < 1e12:
            raise _refusal("until", "it must be a time in seconds since 1970")

    def covers(self, stream: str) -> bool:
        """Tell whether a stream is meant."""
        return _matches(stream, self.streams)


@dataclass(frozen=True, slots=True)
class Watch:
    """A watch and how it is doing."""

    id: str
    settings: WatchSettings
    created: float  # seconds since 1970
    allowed: tuple[str, ...] = ("*",)  # patterns of the streams that who made it may know of
    paused: bool = False
    ended: bool = False
    fired: int = 0
    last_fired: float | None = None  # seconds since 1970

    @property
    def state(self) -> State:
        """`armed`, `fired` (and armed again), `paused` or `ended`."""
        if self.ended:
            return "ended"
        if self.paused:
            return "paused"
        return "fired" if self.fired else "armed"

    @property
    def active(self) -> bool:
        """Tell whether it is looked after."""
        return not (self.paused or self.ended)

    def covers(self, stream: str) -> bool:
        """Tell whether a stream is watched: it is meant, and who made the watch may see it."""
        return self.settings.covers(stream) and _matches(stream, self.allowed)

    def shown_to(self, streams: tuple[str, ...]) -> bool:
        """Tell whether one who may know of the streams of these patterns may know of it."""
        return "*" in streams or set(self.allowed) <= set(streams)

    def at(self, now: float) -> Watch:
        """Return how the watch stands at `now`, in seconds since 1970: ended, if it is over."""
        until = self.settings.until
        over = until is not None and now >= until
        return replace(self, ended=True) if over and not self.ended else self

    def json(self) -> dict[str, Any]:
        """Return the watch as it stands on the wire, without its secret."""
        settings = asdict(self.settings)
        hook = self.settings.webhook
        settings["streams"] = list(self.settings.streams)
        settings["webhook"] = hook and {"url": hook.url, "signed": hook.secret is not None}
        told = {"id": self.id, "object": "lw.watch", "state": self.state, "created": self.created}
        return {**told, "fired": self.fired, "last_fired": self.last_fired, **settings}


def _matches(stream: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(stream, pattern) for pattern in patterns)


def _refusal(param: str, told: str) -> InputError:
    return InputError(f"the watch's {param} cannot be taken: {told}", param=param)
