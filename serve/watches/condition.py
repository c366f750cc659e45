"""A condition as a question that is answered by yes or no, and how likely the answer is yes."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import torch

from longwatch.models.base import Turn

if TYPE_CHECKING:
    from longwatch.memory.memory import Snapshot
    from longwatch.models.base import Tokenizer, VideoLM
    from longwatch.serve.engine.engine import Engine
    from longwatch.types import VisualTokens


def _form(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


VIEW = "(?:picture|view|scene|frame|camera|screen|image|video)"
PLACE = rf"(?: (?:in|into|on|onto|to) (?:the )?{VIEW})"
HERE = "(?:there|here|visible|present|seen|around|in view|in sight)"
ASKS = _form(
    r"^(?:please,? |can you |could you |would you )*"
    r"(?:(?:tell|alert|notify|warn|ping|inform|message|let) (?:me|us)(?: know)?"
    r"|say (?:so|something)|speak up|watch(?: out)?|look(?: out)?|wait|wake me)?[,:]? *"
    r"(?:(?:when(?:ever)?|if|once|as soon as|the moment|every time|for|until)\b)? *(?=\w)"
)
QUESTION = _form(
    r"^(?:is|are|was|were|do|does|did|can|could|has|have|will|am|what|who|where|which|how)\b"
)
THERE = (
    _form(
        r"^(?:you|we|i|the camera|the video|it|one)(?: can)? (?:sees?|spots?|notices?|detects?"
        r"|shows?|finds?|recogni[sz]es?) (?P<what>.+)$"
    ),
    _form(r"^there(?: (?:is|are|appears?|comes?)|'s) (?P<what>.+)$"),
    _form(
        rf"^(?P<what>.+?) (?:(?:re)?appears?{PLACE}?|(?:shows?|turns?) up{PLACE}?|arrives?"
        rf"|comes? (?:in|along|by|back|into view)|(?:comes?|gets?|moves?|walks?|drives?){PLACE}"
        rf"|enters?(?: the {VIEW})?|(?:is|are) (?:back|{HERE})|(?:is|are){PLACE}"
        r"|(?:can|could) be seen)$"
    ),
)
LEAVES = _form(
    rf"^(?P<what>.+?) (?:disappears?|leaves?(?: the {VIEW})?|goes(?: away)?|vanish(?:es)?)$"
)
ABSENT = (
    _form(
        r"^(?P<what>.+?) (?:(?:is|are) (?:gone|away|missing|removed|taken)"
        rf"|(?:is|are) (?:not|no longer|no more)(?: {HERE})?|(?:is|are)n't {HERE})$"
    ),
    _form(r"^(?:no|not any|not an?|nothing like) (?P<what>.+)$"),
)
STATE = _form(r"^(?P<what>(?:the|this|that|my|our) .+?) (?P<be>is|are) (?P<how>.+)$")
THING = _form(
    r"^(?!(?:some|any|no)(?:one|body|thing) )(?:(?:a|an|any|some|one|the|my|our) )?"
    r"[\w'-]+(?: [\w'-]+){0,2}$"
)
INDEFINITE = _form(r"^(?:a|an|any|some|one|another) ")
DEFINITE = _form(r"^(?:the|this|that|my|our) ")
SEVERAL = _form(r"^(?:[2-9]|\d\d+|two|three|four|five|six|seven|eight|nine|ten|several|many) ")


class ConditionQuestion(NamedTuple):
    """What is put to the model for a condition."""

    question: str
    negated: bool = False  # the condition holds where the answer is no
    change: bool = False  # it must have been otherwise before: "leaves", not "is not there"


def to_question(condition: str) -> ConditionQuestion:
    """Return the question that tells whether `condition` holds at this moment.

    "a dog appears", "tell me when you see a dog" and "a dog" all become "do you see a dog?"; "the
    dog leaves" becomes "do you see the dog?", to be answered with no after a yes. A question stays
    as it is, and what this small grammar does not know is put to the model as it stands.
    """
    text = " ".join(condition.split())
    if text.endswith("?") and QUESTION.match(text):
        return ConditionQuestion(text)
    text = text.rstrip(" .!?,;")
    bare = ASKS.sub("", text, count=1) or text
    if QUESTION.match(bare):
        return ConditionQuestion(f"{bare}?")
    return _statement(bare)


def _statement(text: str) -> ConditionQuestion:
    if found := LEAVES.match(text):
        return ConditionQuestion(_present(found["what"]), negated=True, change=True)
    for form in ABSENT:
        if found := form.match(text):
            return ConditionQuestion(_present(found["what"]), negated=True)
    for form in THERE:
        if found := form.match(text):
            lacks = ABSENT[1].match(found["what"])
            return ConditionQuestion(_present((lacks or found)["what"]), negated=lacks is not None)
    if found := STATE.match(text):
        return ConditionQuestion(f"{found['be'].lower()} {found['what']} {found['how']}?")
    return ConditionQuestion(_present(text) if THING.match(text) else f"is this true now: {text}?")


def _present(what: str) -> str:
    """Ask whether a thing is in the picture."""
    if DEFINITE.match(what) or SEVERAL.match(what) or INDEFINITE.match(what):
        return f"do you see {what}?"
    return f"do you see any {what}?"


YES = ("yes", "Yes", " yes", " Yes")
NO = ("no", "No", " no", " No")


async def score_when_idle(
    engine: Engine, snapshot: Snapshot, question: str, tokens: VisualTokens
) -> tuple[float, float]:
    """Return the score of a question about the newest frame of a snapshot, and what it took.

    `tokens` are the frame's own. The time is in seconds of the model's thread, which does it when
    nobody waits for it.
    """
    loop = asyncio.get_running_loop()
    said: asyncio.Future[tuple[float, float]] = loop.create_future()

    def settle(result: tuple[float, float] | Exception) -> None:
        if said.done():  # nobody waits any more
            return
        if isinstance(result, Exception):
            said.set_exception(result)
        else:
            said.set_result(result)

    def job() -> None:
        start = time.perf_counter()
        result: tuple[float, float] | Exception
        try:
            found = score(engine.model, present(snapshot, 1), question, tokens)
            result = found, time.perf_counter() - start
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            result = error
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, result)

    engine.run_when_idle(job)
    return await said


def score(
    model: VideoLM, snapshot: Snapshot, question: str, tokens: VisualTokens | None = None
) -> float:
    """Return the probability, 0 to 1, of yes against no to `question` about what is there now.

    Only what is at hand is attended to: nothing is recalled, as the question is about the present.
    The prompt is read in one pass and no token is decoded. Where a frame's `tokens` say something
    by themselves (`VideoLM.evidence`), that is added. On the model's thread only.
    """
    ids = model.prompt_ids([Turn("user", question + model.yes_or_no)])
    context = snapshot.context(model.decoder.rope, room=len(ids), recall=False)
    logits = model.decoder.logits(model.read_text(ids, context)).double()
    yes, no = answers(model.tokenizer)
    nats = logits[yes].logsumexp(0) - logits[no].logsumexp(0)
    if tokens is not None:
        nats = nats + model.evidence(tokens, question)
    return float(torch.sigmoid(nats))


def present(snapshot: Snapshot, frames: int) -> Snapshot:
    """Return only the text that opens a stream and its newest `frames` at hand."""
    opening = tuple(s for s in snapshot.segments if s.time is None)
    shown = tuple(s for s in snapshot.segments if s.time is not None)
    return replace(snapshot, segments=(*opening, *shown[-frames:]), view=None)


def answers(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """Return the first tokens of the ways to write yes, and of those to write no."""
    yes, no = ({tokenizer.encode(word)[0] for word in words} for words in (YES, NO))
    return sorted(yes - no), sorted(no - yes)
