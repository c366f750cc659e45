"""What clients say of a watch, on the socket and over HTTP alike."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from longwatch.serve.watches.watch import WatchSettings, Webhook

Words = Annotated[str, Field(max_length=500)]
Names = Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=64)]
FIELDS = frozenset(WatchSettings.__dataclass_fields__)


class Strict(BaseModel):
    """An object of ours: a typo in a watch must not pass silently."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class WebhookParams(Strict):
    """Where firings are posted."""

    url: Annotated[str, Field(max_length=2048)]
    secret: Annotated[str, Field(min_length=1, max_length=256)] | None = None


class WatchChanges(Strict):
    """What may be changed of a watch; what is left out stays as it is."""

    condition: Words | None = None
    streams: Names | None = None
    threshold: float | None = None
    min_duration_s: float | None = None
    cooldown_s: float | None = None
    until: float | None = None  # seconds since 1970; null is without end
    once: bool | None = None
    webhook: WebhookParams | None = None  # null is none
    paused: bool | None = None

    def changes(self) -> dict[str, Any]:
        """Return the settings that are given, as `WatchSettings` has them."""
        given = {
            name: getattr(self, name)
            for name in self.model_fields_set & FIELDS
            if getattr(self, name) is not None or name in {"until", "webhook"}
        }
        if "streams" in given:
            given["streams"] = tuple(given["streams"])
        if given.get("webhook") is not None:
            given["webhook"] = Webhook(**given["webhook"].model_dump())
        return given


class WatchParams(WatchChanges):
    """A new watch; what is left out is the server's default, all streams among it."""

    condition: Words

    def settings(self) -> WatchSettings:
        """Return the settings; raises `InputError` for what is out of range."""
        return WatchSettings(**self.changes())
