"""Follow-up questions: what was asked and answered before is understood, over every way to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from longwatch.client import connect
from longwatch.client.push import push_frames
from longwatch.models.base import Turn
from longwatch.models.sampling import Sampling
from longwatch.serve.answers.types import Question
from longwatch.stream.sources.synthetic import SyntheticSource
from tests.support import tiny as t

if TYPE_CHECKING:
    from tests.support.service import Live

SCENE = 5  # a running shoe until 0:02, an owl from 0:03 to 0:11, then a high heel
ASKED = {"When did you first see the owl?": "00:03", "And the last time?": "00:11"}
OTHER = {"When did you first see the running shoe?": "00:00", "And the last time?": "00:02"}


async def test_a_dialogue_goes_on_over_the_socket_and_over_http(bundled: Live, name: str) -> None:
    frames = ((image, time) for time, image in SyntheticSource(SCENE, duration=16.0).pictures())
    said: list[str] = []
    async with connect(bundled.url) as client:
        await push_frames(client, frames, stream=name, fps=1.0, speed=None)
        for question in (*OTHER, *ASKED):
            answer = await client.ask(question, stream=name, conversation="auto")
            said.append(await answer.read())
    assert said == [*OTHER.values(), *ASKED.values()]
    said = said[-len(ASKED) :]

    turns = [Turn("user", question) for question in ASKED]
    answers = [Turn("assistant", text) for text in said]
    dialogue = [turn for pair in zip(turns, answers, strict=True) for turn in pair][:-1]
    asked = Question(tuple(dialogue), Sampling(max_tokens=24))
    assert t.ask(bundled.engine, name, asked).text == said[-1]
    async with httpx.AsyncClient(base_url=bundled.url, timeout=t.DEADLINE) as http:
        messages = [{"role": turn.role, "content": turn.text} for turn in dialogue]
        body = {"model": f"bundled@{name}", "messages": messages}
        reply = (await http.post("/v1/chat/completions", json=body)).json()
    assert reply["choices"][0]["message"]["content"] == said[-1]
