"""How people ask on after an answer, as `grammar` reads it; `test` is kept from training."""

from __future__ import annotations

# About the thing that the last answer named.
IT: dict[str, dict[str, tuple[str, ...]]] = {
    "train": {
        "first": (
            "(|and )when (did you first see|was the first time you saw) (that|it)(| one)",
            "(|and )when (was that|was it) first (seen|shown|there)",
            "(|and )when did (it|that|that one) first (appear|come|show up|come in)",
            "(|and )when did (we|the camera) first see (it|that)",
            "(|and )at (what|which) time was (it|that) first seen",
            "(|and )when was (it|that|that one) (there|seen|visible) first",
            "(|and )when for the first time",
            "(|and )the first time(| it was there| you saw it)",
            "(tell me|do you know) when it was first (seen|there)",
        ),
        "last": (
            "(|and )when (did you last see|was the last time you saw) (that|it)(| one)",
            "(|and )when was (that|it) last (seen|there|shown)",
            "(|and )when did (we|the camera) last see (it|that)",
            "(|and )when was (it|that|that one) (there|seen|visible) last",
            "(|and )at (what|which) time was (it|that) last seen",
            "(|and )when did (you|we) see (it|that) (last|for the last time)",
            "(|and )when for the last time",
            "(|and )the last time(| it was there| you saw that)",
            "(tell me|do you know) when it was last (seen|there)",
        ),
        "how_often": (
            "(|and )how (often|many times) (did it appear|did that appear)",
            "(|and )how (often|many times) (was it there|did you see it)",
            "(|and )how often (was that|was it|have you seen it|did it come)(| so far)",
            "(|and )how (often|many times) (has it been there|has it come|did it come in)",
            "(|and )how (often|many times) did (we|the camera) see (it|that)",
            "(|and )the number of times(| it came| you saw it| it was there)",
            "(tell me|count) how (often|many times) (it|that) (came|was there)",
            "(|and )did it come once or (twice|more often)",
            "(|and )how often(| so far)",
        ),
        "where": (
            "(|and )where (is|do you see) (it|that)(| now)",
            "in which (part|place) is it",
            "(|and )where (is|'s) (it|that|that one) (at the moment|in the picture)",
            "(|and )(in|on) which (part|side|corner) (is it|of the picture is it)",
            "(|and )(what|which) (part|side|corner|position)(| is it in)",
            "(|and )where(| now| in the picture| on the screen)",
            "(tell me|give me) the (position|location) of (it|that)",
        ),
        "is_there": (
            "(|and )is (it|that) (still |)(there|visible|in view)(| now)",
            "(do|can) you (still |)see (it|that)(| now)",
            "(|and )is (it|that) (still |)(on camera|on screen|in the picture)(| now)",
            "(can|do) (we|i) (still |)see (it|that)(| now)",
            "(tell me|do you know) if (it|that) is (still |)(there|in view)",
            "does the camera (still |)(see|show) (it|that)(| now)",
            "(|and )is (it|that) around(| now| at the moment)",
        ),
        "after": (
            "(|and )what (came|was|appeared|did you see|was there) (next|after that|after it)",
            "(and |)(after that|then|what about after that|what next)",
            "(|and )what (turned up|came in|showed up|did we see) (next|after that|after it)",
            "(|and )(next|then what|what was the next thing|what came then)",
            "(tell me|do you know) what (came|appeared) (next|after that|after it)",
            "after (that|it)(,|) what (came|was there|did you see|appeared)(| next)",
            "(|and )which thing (came|was) (next|after that|after it)",
        ),
        "before": (
            "(|and )what (came|was|appeared|did you see|was there) (before that|before it)",
            "(and |)(before that|what about before that|what before)",
            "(|and )what (turned up|came in|showed up|did we see) (before that|before it)",
            "(tell me|do you know) what (came|appeared) (before that|before it)",
            "before (that|it)(,|) what (came|was there|did you see|appeared)",
            "(|and )which thing (came|was) (before that|before it)",
            "(|and )(just before that|right before that|before it)",
        ),
    },
    "test": {
        "first": ("since when", "at what time did that one (initially|first) turn up"),
        "last": ("until when(| was it there)", "and its last appearance"),
        "how_often": ("on how many occasions", "how many times in all"),
        "where": ("whereabouts", "and its place"),
        "is_there": ("is that one here(| now)", "still (visible|around)"),
        "after": ("followed by what", "and (afterwards|following that)"),
        "before": ("preceded by what", "and (previously|what preceded it)"),
    },
}
# The same about another thing or another time.
ELSE = {
    "train": (
        "(and |)(what|how) about (the <x>|<a>|<x>)",
        "and (the <x>|<a>|<x>)",
        "same (question |)for (the <x>|<a>)",
        "(and |)the same for (the <x>|<a>|<x>)",
        "(tell me the same|the same question) (for|about) (the <x>|<a>)",
        "(or|also) (the <x>|<a>|<x>)",
        "(and |)what of (the <x>|<a>)",
        "(no|sorry), (i meant|i mean) (the <x>|<a>)",
        "(the <x>|<a>|<x>) too",
    ),
    "test": ("now for the <x>", "then the <x>"),
}
THEN = {
    "train": (
        "and at <t>",
        "(and |)what about <t>",
        "(and |)how about (at |)<t>",
        "what of <t>",
        "(and |)the same (at|for) <t>",
        "same (question |)(at|for) <t>",
        "(or|also) at <t>",
        "and (|back at |at time )<t>",
        "(no|sorry), (i meant|i mean) <t>",
    ),
    "test": ("now for <t>", "then at <t>"),
}
NOW = {
    "train": (
        "and (now|right now|at the moment)",
        "(and |)what about (now|right now)",
        "(and |)how about (now|right now|at the moment)",
        "(and |)the same (for |)now",
        "same (question |)for now",
        "and (currently|at present)",
        "or (now|right now)",
    ),
    "test": ("this instant", "and as we speak"),
}
