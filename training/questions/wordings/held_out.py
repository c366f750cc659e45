"""Wordings that no training may see, as `grammar` reads them: what was understood shows."""

from __future__ import annotations

HELD_OUT: dict[str, tuple[str, ...]] = {
    "now": (
        "what's (up on|on) the screen just now",
        "what do we have (here|in the frame)(| now)",
        "(anything|something) to be seen",
    ),
    "at": (
        "what were you seeing at <t>",
        "(show|say) (what|which things) there was at <t>",
        "(contents|things) of the frame at <t>",
    ),
    "first": (
        "since when (is|was) there <a>",
        "when did you notice the <x> (first|initially)",
        "(earliest|initial) (time|sight) of the <x>",
    ),
    "last": (
        "when was the (last|latest|final) time the <x> was there",
        "last time you saw <a>",
        "(latest|final) (time|sight) of the <x>",
    ),
    "was_there": (
        "did you (notice|spot) (<a>|the <x>)(| up to now)",
        "has <a> come into view(| yet)",
    ),
    "is_there": ("is (<a>|the <x>) here(| now)", "are you seeing (<a>|the <x>)(| now)"),
    "where": ("whereabouts is the <x>(| now)", "(show|tell) me where the <x> is(| now)"),
    "how_many": (
        "how many kinds of things (did you notice|came by)",
        "what number of things (came|was there)",
        "how many (sorts of thing|distinct things) up to now",
    ),
    "how_often": (
        "on how many occasions was (the <x>|<a>) seen",
        "how often the <x>(| so far)",
        "how many (visits of|times for) the <x>",
    ),
    "after": (
        "and what came once the <x> (had come|was there)",
        "the thing (after|following) <a>",
        "what (did come|was there) once the <x> had gone in",
    ),
    "before": (
        "what had come (before|ahead of) the <x>",
        "the thing (before|preceding) <a>",
        "what was (earlier than|the one before) the <x>",
    ),
    "beginning": (
        "what was it that opened the (video|stream)",
        "your first sight(| of anything)",
        "what did you (notice|spot) before anything else",
    ),
    "background": (
        "in (what|which) colour is the backdrop",
        "backdrop colour(| now)",
        "colour (behind things|of the wall)",
    ),
    "background_at": (
        "(how|what colour) was the backdrop at <t>",
        "the background at <t> was what",
    ),
    "describe": ("what's the (scene|picture)(| like) just now", "a description(|, please| now)"),
    "describe_at": ("what did (things|it all) look like at <t>", "the scene at <t>, described"),
}
