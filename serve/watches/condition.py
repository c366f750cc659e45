"""From a condition as people say it to the yes-or-no question that is put to the model."""

from __future__ import annotations

import re
from typing import NamedTuple


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


class Asked(NamedTuple):
    """What is put to the model for a condition."""

    question: str
    negated: bool = False  # the condition holds where the answer is no
    change: bool = False  # it must have been otherwise before: "leaves", not "is not there"


def asked(condition: str) -> Asked:
    """Return the question that tells whether `condition` holds at this moment.

    "a dog appears", "tell me when you see a dog" and "a dog" all become "do you see a dog?"; "the
    dog leaves" becomes "do you see the dog?", to be answered with no after a yes. A question stays
    as it is, and what this small grammar does not know is put to the model as it stands.
    """
    text = " ".join(condition.split())
    if text.endswith("?") and QUESTION.match(text):
        return Asked(text)
    text = text.rstrip(" .!?,;")
    bare = ASKS.sub("", text, count=1) or text
    if QUESTION.match(bare):
        return Asked(f"{bare}?")
    return _statement(bare)


def _statement(text: str) -> Asked:
    if found := LEAVES.match(text):
        return Asked(_present(found["what"]), negated=True, change=True)
    for form in ABSENT:
        if found := form.match(text):
            return Asked(_present(found["what"]), negated=True)
    for form in THERE:
        if found := form.match(text):
            lacks = ABSENT[1].match(found["what"])
            return Asked(_present((lacks or found)["what"]), negated=lacks is not None)
    if found := STATE.match(text):
        return Asked(f"{found['be'].lower()} {found['what']} {found['how']}?")
    return Asked(_present(text) if THING.match(text) else f"is this true now: {text}?")


def _present(what: str) -> str:
    """Ask whether a thing is in the picture."""
    if DEFINITE.match(what) or SEVERAL.match(what) or INDEFINITE.match(what):
        return f"do you see {what}?"
    return f"do you see any {what}?"
