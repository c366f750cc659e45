"""`longwatch ask`: one question, and the answer as it comes."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path  # noqa: TC003 - typer reads annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from longwatch.cli.options import DEFAULT_URL, ApiKey, CaFile, Url, milliseconds, minutes
from longwatch.client import connect
from longwatch.errors import InputError, ServerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longwatch.client import Answer, Client, Picture


def command(  # noqa: PLR0913 - one argument a flag
    question: Annotated[str, typer.Argument(help="What to ask.")],
    stream: Annotated[str | None, typer.Option(help="Stream to ask about.")] = None,
    as_of: Annotated[
        float | None, typer.Option(help="Ask as of this second of the stream.")
    ] = None,
    between: Annotated[
        tuple[float, float] | None, typer.Option(help="Recall from this to that second alone.")
    ] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest answer.")] = 256,
    temperature: Annotated[float, typer.Option(min=0, help="0 takes the likeliest word.")] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    save_evidence: Annotated[
        Path | None, typer.Option(help="Folder for the pictures that the answer rests on.")
    ] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    ca: CaFile = None,
) -> int:
    """Ask about a stream, now or as of an earlier moment, and stream the answer."""
    if not question.strip():
        raise InputError("the question is empty; say what you want to know")
    asked = {
        "stream": stream,
        "as_of": as_of,
        "between": between,
        "max_tokens": max_tokens,
        "temperature": temperature,
    }
    connection = connect(url, api_key=api_key, ca=ca)
    return asyncio.run(_ask(question, asked, connection, save_evidence, as_json=as_json))


async def _ask(
    question: str, asked: dict[str, Any], connection: Client, folder: Path | None, *, as_json: bool
) -> int:
    async with connection as client:
        if asked["stream"] is None:
            asked["stream"] = await _only_stream(client)
        answer = await client.ask(question, **asked)
        try:
            async for piece in answer:
                if not as_json:
                    typer.echo(piece, nl=False)
        except asyncio.CancelledError:  # Ctrl-C: the server need not go on
            await answer.cancel()
            raise
        if folder is not None:
            _save(await _pictures(client, answer), str(answer.stream), folder)
    if as_json:
        typer.echo(json.dumps(_record(question, answer)))
    else:
        typer.echo()
        typer.echo(_summary(answer), err=True)
    return 0 if answer.status in {"completed", "incomplete"} else 1


async def _pictures(client: Client, answer: Answer) -> list[Picture]:
    """Return the pictures of an answer's evidence, as far as they are still kept."""
    found = []
    for frame in answer.evidence:
        try:
            found.append(await client.picture(str(answer.stream), frame.time))
        except ServerError as gone:
            typer.echo(f"no picture of {minutes(frame.time)}: {gone}", err=True)
    return found


def _save(pictures: Sequence[Picture], stream: str, folder: Path) -> None:
    """Write pictures as `STREAM-SECONDS.jpg`."""
    folder.mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        file = folder / f"{stream}-{picture.time:.3f}.jpg"
        file.write_bytes(picture.jpeg)
        typer.echo(f"saved {file}", err=True)


async def _only_stream(client: Client) -> str:
    """Return the stream that must be meant when none was named."""
    names = [stream["stream"] for stream in await client.streams()]
    if len(names) == 1:
        return str(names[0])
    if not names:
        raise InputError("the service has no stream yet; push one with `longwatch watch SOURCE`")
    raise InputError(f"there are several streams; name one with --stream: {', '.join(names)}")


def _summary(answer: Answer) -> str:
    """Return the line below an answer."""
    parts = [f"{answer.stream} as of {minutes(answer.as_of)}"]
    if answer.timing is not None:
        parts.append(f"first token after {milliseconds(answer.timing.ttft_ms)}")
        parts.append(f"{milliseconds(answer.timing.total_ms)} in all")
    if answer.usage is not None:
        parts.append(f"{answer.usage.output_tokens} tokens")
    if answer.status == "incomplete":
        parts.append(f"cut off: {answer.reason}")
    return "\n".join([" · ".join(parts), *_rests(answer)])


def _rests(answer: Answer) -> list[str]:
    """Return the line on the frames that an answer rests on, if there are any."""
    told = [
        f"{minutes(frame.time)} at hand"
        if frame.score is None
        else f"{minutes(frame.time)} ({frame.score:.0%})"
        for frame in answer.evidence
    ]
    if not told:
        return []
    if answer.range_dropped:
        told.append("no frame of the time that was asked for is held")
    elif answer.range is not None:
        told.append(f"recalled from {minutes(answer.range[0])} to {minutes(answer.range[1])} alone")
    return [f"rests on {' · '.join(told)}"]


def _record(question: str, answer: Answer) -> dict[str, Any]:
    """Return everything about an answer, as JSON has it."""
    return {
        "question": question,
        "answer": answer.text,
        "stream": answer.stream,
        "as_of": answer.as_of,
        "evidence": [asdict(frame) for frame in answer.evidence],
        "range": answer.range,
        "range_dropped": answer.range_dropped,
        "status": answer.status,
        "reason": answer.reason,
        "timing": None if answer.timing is None else asdict(answer.timing),
        "usage": None if answer.usage is None else asdict(answer.usage),
    }
