"""The service's settings: flags, then environment, then a TOML file, then the defaults below."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, TomlConfigSettingsSource

from longwatch.errors import ConfigError
from longwatch.serve.auth.settings import AccessSettings
from longwatch.serve.engine.settings import EngineSettings
from longwatch.serve.pull_settings import PullFields
from longwatch.serve.stream_fields import StreamFields
from longwatch.stream.limits import MediaLimits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails
    from pydantic_settings import PydanticBaseSettingsSource

PREFIX = "LONGWATCH_"
FILE = f"{PREFIX}CONFIG"  # names the TOML file
ELSEWHERE = {FILE, *(f"{PREFIX}{name}" for name in ("URL", "API_KEY", "CA"))}  # of other commands


class Settings(AccessSettings, PullFields, StreamFields):
    """Everything that can be set. A flag is the field's name with dashes."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, validate_default=True
    )

    model: str = Field(default="bundled", description="name or folder of the model")
    device: str = Field(default="auto", description="auto, cpu, cuda or cuda:N")
    dtype: str = Field(default="auto", description="auto, float32, bfloat16, float16 or int8")
    threads: int = Field(
        default=0, ge=0, le=1024, description="CPU threads for the model; 0 leaves it to torch"
    )

    watch_checks: float = Field(
        default=20.0, gt=0, le=1000, description="questions a second of all watches together"
    )
    webhook_local: bool = Field(
        default=False, description="let webhooks go to this machine and to private networks"
    )

    frame_share: float = Field(default=0.5, description="of the model's time, beside answers")
    chunk_tokens: int = Field(default=64, description="tokens a pass while a frame is read")

    max_streams: int = Field(default=16, description="streams at once")
    answer_batch: int = Field(default=16, description="answers that take a token in one pass")
    frame_batch: int = Field(default=0, description="frames encoded at once; 0: 1 on a CPU, else 8")
    server_host_mb: int = Field(
        default=0, ge=0, description="MiB of RAM for sealed blocks of all streams; 0: no limit"
    )
    server_disk_mb: int = Field(
        default=0, ge=0, description="MiB of disk for those of all kept streams; 0: no limit"
    )
    max_questions: int = Field(default=32, description="answers under way at once")
    max_sessions: int = Field(default=64, ge=1, description="websocket connections at once")
    max_parallel: int = Field(
        default=8, ge=1, description="answers under way at once in one session"
    )
    max_question_chars: int = Field(default=16_384, ge=1, description="characters of one dialogue")
    max_message_bytes: int = Field(
        default=4 << 20, ge=1024, description="of one message or request"
    )
    max_pixels: int = Field(default=3840 * 2160, ge=1, description="of one picture")
    decode_seconds: float = Field(
        default=5.0, gt=0, description="to decode one picture or packet; longer ones are left out"
    )
    send_queue_bytes: int = Field(
        default=4 << 20, ge=1024, description="that may wait for one client"
    )
    max_inflight: int = Field(
        default=256, ge=2, description="messages of one publisher that are not acknowledged"
    )
    resume_seconds: float = Field(
        default=60.0, ge=0, le=3600, description="for a client that was cut off to come back"
    )
    resume_bytes: int = Field(
        default=8 << 20, ge=1024, description="of events kept for that, a session"
    )
    max_detached: int = Field(
        default=32, ge=0, description="sessions at once that wait for their clients"
    )
    drain_seconds: float = Field(
        default=25.0, ge=0, le=3600, description="for answers under way when the service ends"
    )
    stats_seconds: float = Field(default=1.0, gt=0, description="between two `lw.stream.stats`")
    metric_streams: int = Field(default=64, ge=0, description="streams with labels of their own")
    stuck_seconds: float = Field(
        default=30.0, gt=0, description="for one step of the model, then `/readyz` says no"
    )

    stop_with_stdin: bool = Field(
        default=False, description="end when standard input closes, as it does with the parent"
    )
    traces: bool = Field(default=False, description="send traces over OTLP; needs the extra `otel`")
    trace_frames: float = Field(
        default=0.01, ge=0, le=1, description="share of the frames of which a trace is sent"
    )
    log_format: Literal["text", "json"] = Field(default="text", description="text or json")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="debug, info, warning or error"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        """Let the parts check what is theirs."""
        if self.persist and not self.data:
            raise ConfigError("persist needs a folder to keep streams in; name one with --data")
        self.check_access()
        _ = self.engine, self.stream, self.media, self.pull, self.pull_rules
        return self

    @property
    def engine(self) -> EngineSettings:
        """What the engine is made with."""
        return EngineSettings(
            frame_share=self.frame_share,
            chunk_tokens=self.chunk_tokens,
            max_streams=self.max_streams,
            max_questions=self.max_questions,
            answer_batch=self.answer_batch,
            frame_batch=self.frame_batch,
            key_streams=self.key_streams,
            server_host_mb=self.server_host_mb,
            server_disk_mb=self.server_disk_mb,
        )

    @property
    def media(self) -> MediaLimits:
        """What pushed pictures and video are held to."""
        return MediaLimits(
            max_message_bytes=self.max_message_bytes,
            max_pixels=self.max_pixels,
            queue_bytes=4 * self.max_message_bytes,
            decode_s=self.decode_seconds,
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put flags before the environment, and the environment before the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file())


def toml_file() -> Path | None:
    """Return the settings file that the environment names, if it names one."""
    named = os.environ.get(FILE)
    return Path(named).expanduser() if named else None


def load_settings(flags: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings; `flags` are those that the user gave, None counts as not given.

    Raises:
        ConfigError: a value is out of range, a key is unknown, or the file cannot be read.
    """
    _check_environment()
    file = toml_file()
    if file is not None and not file.is_file():
        raise ConfigError(f"there is no settings file {str(file)!r}; correct {FILE} or unset it")
    given = {key: value for key, value in (flags or {}).items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise ConfigError(_sentence(error.errors()[0])) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"the settings file {str(file)!r} is not TOML: {error}") from None


def _check_environment() -> None:
    """Refuse a misspelt variable instead of ignoring it."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | ELSEWHERE
    for name in os.environ:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            raise ConfigError(
                f"the environment variable {name} is not a setting; unset it, or see "
                "`longwatch serve --help` for the known names"
            )


def _sentence(error: ErrorDetails) -> str:
    """Return one sentence on the first thing that is wrong."""
    name = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        return f"there is no setting {name!r}; see `longwatch serve --help` for the known names"
    if not name:  # one of our own sentences
        return error["msg"].removeprefix("Value error, ")
    flag, variable = name.replace("_", "-"), PREFIX + name.upper()
    told = error["msg"][:1].lower() + error["msg"][1:]
    return (
        f"the setting {name} is {error['input']!r}, but {told}; correct --{flag}, {variable} or "
        f"{name!r} in the settings file"
    )
