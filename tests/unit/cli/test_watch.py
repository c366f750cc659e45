"""`longwatch watch` against the real service, and what can be asked afterwards."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from longwatch.cli.main import run
from tests.unit.client.test_media import clip

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.support.service import Live


def test_a_watched_file_can_be_asked_about(
    live: Live, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = clip(tmp_path / "my clip!.mp4")
    assert run(["watch", str(path), "--speed", "0", "--url", live.url]) == 0
    assert "my-clip-: 0:02.4 sent, 5 frames read, 0 lost" in capsys.readouterr().out

    assert run(["ask", "what do you see?", "--stream", "my-clip-", "--url", live.url]) == 0
    out, err = capsys.readouterr()
    assert out.strip()
    assert "as of 0:02.0 · first token after" in err
    assert "rests on 0:02.0 (" in err

    args = ["ask", "what do you see?", "--json", "--as-of", "1.2", "--url", live.url]
    assert run([*args, "--stream", "my-clip-"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["as_of"] == 1.0
    assert record["status"] == "completed"
    assert {frame["time"] for frame in record["evidence"]} <= {0.0, 0.5, 1.0}
    assert all(frame["why"] == "at_hand" and frame["url"] for frame in record["evidence"])

    args = ["ask", "what did you see?", "--stream", "my-clip-", "--url", live.url]
    assert run([*args, "--between", "0.5", "1.2"]) == 0
    assert "recalled from 0:00.5 to 0:01.2 alone" in capsys.readouterr().err
    assert run([*args, "--between", "60", "90"]) == 0
    assert "no frame of the time that was asked for is held" in capsys.readouterr().err
    assert record["answer"]
    assert record["timing"]["ttft_ms"] > 0


def test_a_synthetic_scene_is_watched_for_its_time(
    live: Live, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["watch", "synthetic:1", "--speed", "0", "--name", "scene", "--url", live.url]
    assert run([*args, "--seconds", "3"]) == 0
    assert "scene: 0:02.9 sent, 6 frames read, 0 lost" in capsys.readouterr().out


def test_a_preset_is_what_a_new_stream_is_read_with(
    live: Live, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["watch", "synthetic:1", "--speed", "0", "--seconds", "1", "--url", live.url]
    assert run([*args, "--name", "tom", "--preset", "streamingtom"]) == 0
    settings = live.engine.stream("tom").settings
    assert (settings.compressor, settings.policy) == ("ctr", "streamingtom")
    assert run([*args, "--name", "tam", "--preset", "streamingtam"]) == 2
    assert "did you mean 'streamingtom'" in capsys.readouterr().err


def test_a_missing_file_opens_no_stream(live: Live, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["watch", "nowhere.mp4", "--url", live.url]) == 2
    assert "there is no file 'nowhere.mp4'" in capsys.readouterr().err
    assert "nowhere" not in [stream.name for stream in live.engine.streams()]
