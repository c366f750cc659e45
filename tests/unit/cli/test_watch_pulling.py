"""`longwatch watch URL` against the real service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longwatch.cli.main import run
from longwatch.cli.watch import is_url, stream_name

if TYPE_CHECKING:
    import pytest

    from tests.support.service import Live


def test_urls_are_told_from_files_and_cameras() -> None:
    assert all(map(is_url, ("rtsp://h/x", "RTMP://h/x", "https://h/x.m3u8")))
    assert not any(map(is_url, ("a.mp4", "camera:0", "synthetic:7", "C:/a.mp4", "rtsp")))
    assert stream_name("rtsp://user@cam.lan:8554/x") == "cam-lan"
    assert stream_name("rtsp://[::1]/x") == "1"


def test_a_url_is_pulled_and_its_states_are_told(
    live: Live, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAMERA_PASSWORD", "hunter2")
    args = ["watch", "rtsp://127.0.0.1:1/x", "--url", live.url, "--name", "gone", "--seconds", "4"]
    assert run([*args, "--username", "u", "--password-env", "CAMERA_PASSWORD"]) == 0
    out, err = capsys.readouterr()
    assert "gone: reconnecting (source_refused): nothing accepts connections there" in out
    assert "; again in " in out
    assert "gone: 0 frames read" in out
    assert "hunter2" not in out + err
    assert run([*args, "--password-env", "CAMERA_NOTHING"]) == 2
    assert "CAMERA_NOTHING is not set" in capsys.readouterr().err


def test_a_forbidden_url_is_refused_in_a_sentence(
    live: Live, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["watch", "http://127.0.0.1:80/", "--url", live.url]) == 2
    assert "this address may not be fetched" in capsys.readouterr().err
    assert run(["watch", "rtsp://h/x", "--loop", "--url", live.url]) == 2
    assert "keeps its own pace" in capsys.readouterr().err
