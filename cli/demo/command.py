"""`longwatch demo`: a live stream of photographs, and questions about it while it goes on."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from longwatch.cli.demo.run import CROWD, FPS, STREAM, Show, play
from longwatch.cli.demo.script import SECONDS, load_pictures, make_questions
from longwatch.cli.demo.service import own_service
from longwatch.cli.demo.video import FPS as VIDEO_FPS
from longwatch.cli.demo.video import write_video
from longwatch.cli.options import milliseconds, minutes
from longwatch.client import connect
from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from longwatch.cli.demo.run import Reply, Run
    from longwatch.cli.demo.script import Asked
    from longwatch.client import Answer, Client


def command(
    keep: Annotated[
        bool, typer.Option("--keep", help="Go on afterwards, for questions of your own.")
    ] = False,
    speed: Annotated[float, typer.Option(help="How fast the video is played; 1 is live.")] = 1.0,
) -> int:
    """Watch a live stream of photographs on the bundled model, and answer about it meanwhile.

    The exit code is 0 when every answer came whole while frames were being read. Wrong answers are
    shown as wrong and do not change it: the model that ships with the package is very small.
    """
    if not 0 < speed <= 4:
        raise ConfigError(f"--speed must be above 0 and at most 4, not {speed:g}; 1 is live")
    return asyncio.run(_demo(Console(highlight=False, soft_wrap=True), speed, keep=keep))


async def _demo(console: Console, speed: float, *, keep: bool) -> int:
    pictures = load_pictures()
    with tempfile.TemporaryDirectory(prefix="longwatch-demo-") as folder:
        video = Path(folder) / "demo.mp4"
        console.print("starting the service on the bundled model ...")
        shown = [(picture.path, SECONDS) for picture in pictures]
        writing = asyncio.create_task(asyncio.to_thread(write_video, video, shown))
        async with own_service("--model", "bundled", "--stats-seconds", "0.1") as url:
            await writing
            console.print(
                f"{url} is ready. Pushing {len(pictures)} photographs, {SECONDS:g} s each, as "
                f"H.264 at {VIDEO_FPS} fps; the model reads {FPS * speed:g} frames a second.\n"
            )
            async with connect(url) as feeder, connect(url) as asker:
                show = Show(feeder, video, speed=speed, loop=keep)
                return await _present(console, show, asker, url)


async def _present(console: Console, show: Show, asker: Client, url: str) -> int:
    """Push, ask meanwhile, and say how it went."""
    script = make_questions(load_pictures())
    pushing = asyncio.create_task(show.push())
    playing = asyncio.create_task(play(asker, show, script, _Printer(console)))
    try:
        await asyncio.wait({pushing, playing}, return_when=asyncio.FIRST_COMPLETED)
        if pushing.done():
            pushing.result()  # a push that failed ends the demo
        run = await playing
        if not show.loop:
            await pushing
        run.stats = show.stats
        _verdict(console, run)
        if show.loop:
            _invite(console, url)
            with suppress(asyncio.CancelledError):  # Ctrl-C is the way out
                await pushing
    finally:
        for task in (pushing, playing):
            task.cancel()
        await asyncio.gather(pushing, playing, return_exceptions=True)
    return 0 if run.worked else 1


class _Printer:
    """Shows each question on one line, its answer growing as it comes."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def begin(self, asked: Asked, answer: Answer) -> None:
        """Show a question whose answer begins."""
        self._console.print(f"{minutes(answer.as_of):>6}  {asked.text:40} ", end="")

    def piece(self, text: str) -> None:
        """Show the next piece of the answer."""
        self._console.print(text, end="", style="bold", markup=False)

    def end(self, reply: Reply) -> None:
        """Show the truth, and how fast it all went."""
        answer, truth = reply.answer, reply.asked.truth
        mark = "[green]right[/]" if reply.asked.right(answer.text) else "[red]wrong[/]"
        ttft = milliseconds(answer.timing.ttft_ms if answer.timing else None)
        self._console.print(
            f"{'':{max(0, 14 - len(answer.text))}} truth: {truth:14} {mark}  "
            f"{ttft:>6} to the first token, {_number(reply.fps)} frames/s"
        )


def _verdict(console: Console, run: Run) -> None:
    """Print the table and the last lines."""
    alone = [reply for reply in run.replies if not reply.crowded]
    crowded = [reply for reply in run.replies if reply.crowded]
    table = Table("", "frames/s", "answers", "right", "median first token")
    table.add_row("before the first question", _number(run.fps_before), "", "", "")
    for what, fps, replies in (
        ("questions one by one", run.fps_between, alone),
        (f"with {CROWD} others asking without pause", run.fps_crowded, crowded),
    ):
        right = sum(reply.asked.right(reply.answer.text) for reply in replies)
        firsts = [r.answer.timing.ttft_ms for r in replies if r.answer.timing]
        known = [first for first in firsts if first is not None]
        middle = milliseconds(median(known) if known else None)
        table.add_row(what, _number(fps), str(len(replies)), str(right), middle)
    console.print()
    console.print(table)
    if run.stats is not None:
        lost = run.stats.lost
        why = " (this machine was too busy for them; the newest are kept)" if lost else ""
        console.print(f"frames: {run.stats.used} read, {lost} lost{why}")
    console.print(
        f"answers: {run.right} of {len(run.replies)} right, and {run.crowd_answers} to the others"
    )
    console.print("[green]the service worked[/]" if run.worked else "[red]the service failed[/]")


def _invite(console: Console, url: str) -> None:
    """Say how to ask from another terminal."""
    console.print(
        "\nThe stream goes on. Ask from another terminal, in words the small model knows:\n"
        f'  longwatch ask "what do you see now?" --stream {STREAM} --url {url}\n'
        f'  longwatch ask "was there a tripod?" --stream {STREAM} --url {url}\n'
        "Ctrl-C ends it.",
        markup=False,
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
