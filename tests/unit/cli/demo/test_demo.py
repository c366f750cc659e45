"""The demo: its script, its video, its service, and the whole of it in a short form."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
from typing import TYPE_CHECKING

import av
import pytest

from longwatch.cli.demo.run import Reply, Run
from longwatch.cli.demo.script import SECONDS, Asked, load_pictures, make_questions
from longwatch.cli.demo.service import own_service
from longwatch.cli.demo.video import FPS, SIZE, write_video
from longwatch.cli.main import run
from longwatch.client.answer import Answer
from longwatch.client.http import get_json
from longwatch.errors import ConfigError, ServerError

if TYPE_CHECKING:
    from pathlib import Path


def test_the_script_asks_of_every_kind_while_its_picture_is_shown() -> None:
    pictures = load_pictures()
    questions = make_questions(pictures)
    times = [asked.at for asked in questions]
    assert times == sorted(times)
    assert times[-1] < len(pictures) * SECONDS
    for start in ("what do you see", "is there", "was there", "where is", "how many"):
        assert any(asked.text.startswith(start) for asked in questions)
    for asked in questions:
        if asked.text == "what do you see now?":
            assert asked.truth == pictures[int(asked.at // SECONDS)].name


@pytest.mark.parametrize(
    ("truth", "answer", "right"),
    [
        ("yes", "yes", True),
        ("yes", "no", False),
        ("right", "Bottom right.", True),
        ("right", "right middle", False),
        ("space shuttle", "space shuttle", True),
        ("space shuttle", "shuttle", False),
        ("space shuttle", "space shuttle and space shuttle", False),
        ("space shuttle", "egyptian cat and space shuttle", False),
        ("one", "one two", False),
        ("yes", "", False),
    ],
)
def test_an_answer_is_right_when_it_says_the_truth(truth: str, answer: str, right: bool) -> None:
    assert Asked(0.0, "?", truth).right(answer) is right


def reply(status: str) -> Reply:
    """Return a reply whose answer ended so."""

    async def cancel(_: Answer) -> None:
        return

    async def make() -> Answer:
        return Answer("demo", cancel)

    answer = asyncio.run(make())
    answer.status = status
    return Reply(Asked(0.0, "?", "yes"), answer, None, crowded=False)


@pytest.mark.parametrize(
    ("status", "crowd_failed", "rates", "worked"),
    [
        ("completed", 0, (2.0, 2.0, 1.5), True),
        ("failed", 0, (2.0, 2.0, 1.5), False),
        ("completed", 1, (2.0, 2.0, 1.5), False),
        ("completed", 0, (2.0, 2.0, 0.0), False),
        ("completed", 0, (2.0, None, 2.0), False),
    ],
)
def test_the_verdict_is_about_the_service(
    status: str, crowd_failed: int, rates: tuple[float | None, ...], worked: bool
) -> None:
    before, between, crowded = rates
    run = Run([reply(status)], 9, crowd_failed, before, between, crowded)
    assert run.worked is worked
    assert not Run([], 9, 0, 2.0, 2.0, 2.0).worked  # nothing was asked


def test_the_video_shows_each_picture_for_its_time(tmp_path: Path) -> None:
    path = tmp_path / "demo.mp4"
    pictures = load_pictures()[:2]
    write_video(path, [(picture.path, 0.4) for picture in pictures])
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 2 * round(0.4 * FPS)
    assert frames[0].shape == (SIZE[1], SIZE[0], 3)
    change = [float(abs(b.astype(int) - a).mean()) for a, b in itertools.pairwise(frames)]
    assert max(range(len(change)), key=change.__getitem__) == len(frames) // 2 - 1
    assert min(change) > 0  # the camera always moves


def test_a_video_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    picture = load_pictures()[0].path
    with pytest.raises(ConfigError, match="could not be written"):
        write_video(tmp_path / "nowhere" / "demo.mp4", [(picture, 0.1)])


@pytest.mark.slow
async def test_a_service_of_its_own_answers_and_is_gone_afterwards() -> None:
    async with own_service("--model", "bundled") as url:
        models = await asyncio.to_thread(get_json, url, "/v1/models")
        assert [model["id"] for model in models["data"]] == ["bundled"]
    with pytest.raises(Exception, match="no service answers"):
        await asyncio.to_thread(get_json, url, "/v1/models")


@pytest.mark.slow
async def test_a_service_that_does_not_start_says_why() -> None:
    with pytest.raises(ServerError, match="nonsense"):
        async with own_service("--model", "nonsense"):
            pass


@pytest.mark.slow
def test_the_demo_streams_every_answer(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "--speed", "1.5"]) == 0
    out = capsys.readouterr().out
    questions = make_questions(load_pictures())
    assert all(asked.text in out for asked in questions)
    assert f"of {len(questions)} right" in out


@pytest.mark.slow
def test_a_service_ends_with_whoever_started_it() -> None:
    args = [sys.executable, "-m", "longwatch", "serve", "--port", "0", "--stop-with-stdin"]
    with subprocess.Popen(args, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        assert child.stdin is not None
        assert any("ready" in line for line in child.stderr)
        child.stdin.close()
        assert child.wait(timeout=60) == 0
