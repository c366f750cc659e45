"""Where settings come from, and what is said of wrong ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from longwatch.errors import ConfigError
from longwatch.serve.config import Settings, load_settings

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "longwatch.toml"
    path.write_text(text)
    monkeypatch.setenv("LONGWATCH_CONFIG", str(path))


def test_flags_go_before_environment_before_file_before_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "port = 1\nfps = 1.0\nqueue = 3", monkeypatch)
    monkeypatch.setenv("LONGWATCH_PORT", "2")
    monkeypatch.setenv("LONGWATCH_FPS", "4")
    settings = load_settings({"port": 3, "fps": None})
    assert (settings.port, settings.fps, settings.queue, settings.sinks) == (3, 4.0, 3, 1)


def test_the_defaults_are_loopback_and_the_bundled_model() -> None:
    settings = load_settings()
    assert (settings.host, settings.port, settings.model) == ("127.0.0.1", 8090, "bundled")
    assert settings.stream.fps == 2.0
    assert settings.media.queue_bytes >= settings.max_message_bytes


def test_zero_stands_for_every_frame_and_the_model_s_own_window() -> None:
    stream = Settings(fps=0, window_tokens=0).stream
    assert (stream.fps, stream.window_tokens) == (None, None)


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ({"port": 99999}, "port"),
        ({"port": "many"}, "--port"),
        ({"fps": -1.0}, "fps"),
        ({"queue": 0}, "queue"),
        ({"on_full": "explode"}, "explode"),
        ({"policy": "dream"}, "dream"),
        ({"preset": "streamingtam"}, "streamingtom"),
        ({"compressor": "keep_all", "keep": 0.5}, "keep_all"),
        ({"compressor": "keep_all", "token_rate": 10.0}, "keep_all"),
        ({"compressor": "dtd", "keep": 2.0}, "keep"),
        ({"gate": -1.0}, "gate"),
        ({"frame_share": 2.0}, "share of frames"),
        ({"max_streams": 0}, "max_streams"),
        ({"threads": 10**11}, "--threads"),
        ({"log_format": "xml"}, "--log-format"),
        ({"prot": 1}, "prot"),
        ({"host": "0.0.0.0"}, "--insecure"),
    ],
)
def test_a_wrong_setting_is_one_sentence_that_names_it(flags: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError) as told:
        load_settings(flags)
    assert named in str(told.value)
    assert "\n" not in str(told.value)


def test_other_machines_are_let_in_only_on_purpose() -> None:
    assert load_settings({"host": "0.0.0.0", "insecure": True}).host == "0.0.0.0"


def test_unknown_names_are_refused_wherever_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "prot = 1", monkeypatch)
    with pytest.raises(ConfigError, match="prot"):
        load_settings()
    monkeypatch.delenv("LONGWATCH_CONFIG")
    monkeypatch.setenv("LONGWATCH_PROT", "1")
    with pytest.raises(ConfigError, match="LONGWATCH_PROT"):
        load_settings()


@pytest.mark.parametrize("name", ["URL", "API_KEY", "CA", "PRETRAINED"])
def test_variables_of_other_commands_are_let_through(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"LONGWATCH_{name}", "somewhere")
    assert load_settings() == Settings()


@pytest.mark.parametrize("content", ["port = ", "\xff", None])
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    path = tmp_path / "settings.toml"
    if content is not None:
        path.write_bytes(content.encode("latin-1"))
    monkeypatch.setenv("LONGWATCH_CONFIG", str(path))
    with pytest.raises(ConfigError, match=r"settings\.toml"):
        load_settings()


def test_every_setting_says_what_it_is() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_a_preset_gives_way_to_what_is_set_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Settings(preset="streamingtom").stream
    assert (plain.compressor, plain.policy, plain.keep) == ("ctr", "streamingtom", None)
    other = Settings(preset="streamingtom", compressor="dtd").stream
    assert (other.compressor, other.policy) == ("dtd", "streamingtom")
    monkeypatch.setenv("LONGWATCH_POLICY", "full")
    assert load_settings({"preset": "timechat"}).stream.policy == "full"


def test_zero_stands_for_no_gate_and_no_limit_of_tokens() -> None:
    off = Settings().stream
    assert (off.keep, off.token_rate, off.gate) == (None, None, None)
    on = Settings(compressor="dtd", keep=0.5, token_rate=20.0, gate=0.04, gate_seconds=3.0).stream
    assert (on.keep, on.token_rate, on.gate, on.gate_seconds) == (0.5, 20.0, 0.04, 3.0)
