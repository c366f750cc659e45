"""Every setting of the service, from flags, the environment and a file."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, TomlConfigSettingsSource

from longwatch.errors import ConfigError
from longwatch.registry import lookup
from longwatch.serve.auth.settings import AccessSettings
from longwatch.serve.engine.settings import EngineSettings
from longwatch.serve.streams.presets import PRESETS
from longwatch.serve.streams.settings import StreamSettings
from longwatch.stream.limits import MediaLimits
from longwatch.stream.pull.rules import UrlPolicy
from longwatch.stream.pull.settings import PullSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails
    from pydantic_settings import PydanticBaseSettingsSource


class StreamDefaults(BaseSettings):
    """A part of `Settings`."""

    fps: float = Field(default=2.0, description="frames taken a second of each stream; 0 takes all")
    queue: int = Field(default=2, description="frames of a stream that may wait for the model")
    on_full: str = Field(default="drop_oldest", description="drop_oldest, drop_newest or block")
    preset: str = Field(
        default="", description="compressor, keep and policy by one name, unless given themselves"
    )
    compressor: str = Field(default="longwatch", description="what thins out a frame's tokens")
    keep: float = Field(
        default=0.0, description="share of a frame's tokens; 0 takes the compressor's own"
    )
    token_rate: float = Field(
        default=0.0, description="tokens a second of a stream, shared out by novelty; 0: no limit"
    )
    gate: float = Field(
        default=0.0, description="change, of 1, below which a frame is not read; 0 reads all"
    )
    gate_seconds: float = Field(
        default=10.0, description="most seconds that the gate lets pass between two frames read"
    )
    pruner: str = Field(
        default="", description="what drops a frame's tokens inside the model; none if empty"
    )
    prune_keep: float = Field(
        default=0.0, description="share of them that it leaves; 0 takes the pruner's own"
    )
    policy: str = Field(default="longwatch", description="what a stream's memory keeps")
    fidelity: str = Field(
        default="",
        description="fidelity of our policy: exact, high or small; the model's own if empty",
    )
    window_tokens: int = Field(
        default=0, ge=0, description="size of the window; 0 takes the model's or the method's own"
    )
    sinks: int = Field(default=1, description="first frames that a window always keeps")
    memory_mb: int = Field(
        default=0, ge=0, description="MiB of keys and values a stream; 0 leaves it to the policy"
    )
    data: str = Field(default="", description="folder to keep streams in; none keeps them in RAM")
    persist: bool = Field(default=False, description="keep every stream in that folder")
    host_mb: int = Field(
        default=0, ge=0, description="MiB of RAM for a kept stream's sealed blocks; 0: no limit"
    )
    hot_mb: int = Field(
        default=0, ge=0, description="MiB of decoded blocks of a stream on the device; 0: none"
    )
    picture_mb: int = Field(
        default=16, ge=1, description="MiB of small pictures of a stream that is not kept"
    )
    thumbnail_mb: int = Field(default=64, ge=1, description="MiB of small pictures a kept stream")

    @property
    def stream(self) -> StreamSettings:
        """What a stream is made with, where its publisher says nothing else."""
        named = lookup(PRESETS, self.preset, "preset").settings() if self.preset else {}
        given: dict[str, Any] = {
            "compressor": self.compressor,
            "keep": self.keep or None,
            "policy": self.policy,
        }
        given |= {name: named[name] for name in named.keys() - self.model_fields_set}
        return StreamSettings(
            fps=self.fps or None,
            queue=self.queue,
            on_full=self.on_full,
            token_rate=self.token_rate or None,
            gate=self.gate or None,
            gate_seconds=self.gate_seconds,
            pruner=self.pruner or None,
            prune_keep=self.prune_keep or None,
            window_tokens=self.window_tokens or None,
            sinks=self.sinks,
            fidelity=self.fidelity or None,
            memory_mb=self.memory_mb or None,
            persist=self.persist,
            picture_mb=self.picture_mb,
            hot_mb=self.hot_mb,
            host_mb=self.host_mb or None,
            **given,
        )


class SourceDefaults(BaseSettings):
    """A part of `Settings`."""

    pull_hosts: tuple[str, ...] = Field(
        default=(),
        description="hosts or networks that may be pulled from, and no others; none: any camera, "
        "and by HTTP public addresses",
    )
    pull_root: str = Field(default="", description="folder whose files may be pulled")
    pull_cameras: bool = Field(
        default=False, description="let clients open the cameras of this machine"
    )
    pull_timeout: float = Field(
        default=5.0, gt=0, description="seconds without a byte until a source counts as gone"
    )
    pull_stall: float = Field(
        default=3.0, gt=0, description="seconds without a frame until a source is `stalled`"
    )
    pull_give_up: float = Field(
        default=10.0, gt=0, description="seconds without a frame until it is opened anew"
    )
    pull_retry: float = Field(
        default=0.5, gt=0, description="seconds before the first new attempt; doubled each time"
    )
    pull_retry_most: float = Field(
        default=30.0, gt=0, description="seconds between two attempts at most"
    )
    pull_retry_slow: float = Field(
        default=60.0, gt=0, description="seconds after a wrong password or path, at least"
    )

    @property
    def pull_rules(self) -> UrlPolicy:
        """What may be fetched."""
        return UrlPolicy(self.pull_hosts, self.pull_root, self.pull_cameras)

    @property
    def pull(self) -> PullSettings:
        """How patient the service is with a source."""
        return PullSettings(
            read_s=self.pull_timeout,
            stall_s=self.pull_stall,
            give_up_s=self.pull_give_up,
            retry_s=self.pull_retry,
            retry_most_s=self.pull_retry_most,
            retry_slow_s=self.pull_retry_slow,
        )


PREFIX = "LONGWATCH_"
FILE = f"{PREFIX}CONFIG"  # names the TOML file
# Of other commands, and of the benchmarks, which start services.
ELSEWHERE = {FILE, *(f"{PREFIX}{name}" for name in ("URL", "API_KEY", "CA", "PRETRAINED"))}


class Settings(AccessSettings, SourceDefaults, StreamDefaults):
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
