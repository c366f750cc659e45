"""Questions that no video of these worlds answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longwatch.stream.answers import CANNOT_TELL
from longwatch.stream.asking import Question
from longwatch.stream.wordings import finish, say, spoken, wording

if TYPE_CHECKING:
    from random import Random

    from longwatch.stream.seen import Seen

TRAIN = (
    "what (will|is going to) the weather be (tomorrow|next week|tonight|on monday|like)",
    "(will it|is it going to) (rain|snow|be sunny|be cold)(| tomorrow| today| tonight)",
    "what (is|'s) the temperature(| outside| there| in here)",
    "what (is|'s) (your|my|his|her) name",
    "who (is|was) (that|this|the man|the woman|she|he|there|holding the camera|speaking)",
    "who (made|owns|bought|drew|sold|brought) (the <x>|<a>|this|it|this video)",
    "whose <x> (is|was) (that|this|it)",
    "what (is|'s) the name of (the <x>|this person|the owner|the street|this song|the place)",
    "why (did|does) the <x> (leave|come|appear|move|go away)",
    "why (is|was) (the <x>|<a>) (there|here|in the video)",
    "why is the background (that colour|so bright|like that)",
    "what (sound|noise) (does|did) (the <x>|<a>|it) make",
    "what (can you hear|do you hear|did you hear|song is playing|music is this)",
    "(did|do|can) you hear (<a>|anything|a voice|music|the <x>)",
    "what (did|does) (he|she|the man|the woman|somebody|the speaker) say",
    "how (loud|noisy|quiet) (is|was) (the <x>|it)",
    "how much (is|was|does|did) (the <x>|<a>|it) (cost|worth)",
    "what (is|was) the price of (the <x>|<a>)",
    "how (expensive|cheap) (is|was) (the <x>|<a>)",
    "how (heavy|old|tall|fast|soft|hot|cold) (is|was) (the <x>|it|<a>)",
    "how much does (the <x>|<a>|it) weigh",
    "what (does|did) (the <x>|it|the room) smell like",
    "what (does|did) (the <x>|it|<a>) (taste|feel) like",
    "how does (the <x>|it|this) (smell|taste|feel)",
    "what (is|'s) (two|three|five|seven|12|31) (plus|minus|times) (two|four|nine|8|17)",
    "(how much is|calculate|compute) (2|3|14|25) (+|-|*|/|plus|times) (2|6|9|11)",
    "what (is|'s) the (square root|half|double) of (nine|16|81|100|two)",
    "what (is|'s) the capital of (france|spain|japan|peru|kenya|norway)",
    "who (is|was) (the president|the king|einstein|the mayor|the author)(| of france| here)",
    "when (is|was) (your birthday|christmas|easter|the war|the next train|lunch)",
    "what (day|date|year|month|season) is (it|it now|it today)",
    "what time (is it in|does it get dark in) (london|tokyo|paris|new york)",
    "where (was|is) (this|the video|the camera) (filmed|recorded|made|standing)",
    "in which (city|country|street|house|room) (is|was) (this|the <x>|the camera)",
    "where (do|does|did) (you|the <x>|she|he) (live|come from|go to|sleep)",
    "where can i (buy|get|find|sell) (<a>|the <x>|one)",
    "what (will|is going to) (happen|come|appear|be there) (next|later|tomorrow|soon)",
    "when will (the <x>|<a>|it|he) (come back|come again|leave|return|be there)",
    "will (the <x>|<a>|she) (come back|return|appear again|leave|stay)",
    "what (is|was) (the <x>|he|she|it) (thinking|dreaming|planning|feeling)",
    "(is|was) (the <x>|she|he|it) (happy|sad|angry|hungry|tired|afraid|ill)",
    "does (the <x>|<a>|she|he) (like|love|hate|want|need) (you|me|music|the <x>|food)",
    "do you (like|love|want|own|need) (<a>|the <x>|music|me|this video)",
    "how (are you|do you feel|old are you|do you work|was your day)",
    "what (do|did) you (eat|want|dream of|like most|do yesterday)",
    "(tell me|write|sing) (a joke|a story|a poem|a song|something funny)(| about <a>)",
    "(translate|spell|rhyme) (this|the word <x>|<x>|it)(| into french| in german)",
    "(write|print|fix) (a program|some code|a letter|an email|this code)",
    "(send|buy|order|bring|give) me (<a>|the <x>|a coffee|some money)",
    "what (is|'s) (the phone number|the email address|the password|the licence plate)",
    "what (brand|make|model) (is|was) (the <x>|it|this)",
    "what (is|was) (the <x>|it) made (of|for)",
    "(how|when) was (the <x>|<a>|this) (made|built|invented|born|bought)",
    "who invented (<a>|the <x>)",
    "what (is|was) (behind|inside|under) the (camera|house|wall|floor)",
    "what happened (yesterday|before the video|last week|in 1990|off screen)",
    "how many (people|children|fingers|words|legs) (are in the world|live there|has the <x>)",
    "what (language|accent) (is|was) (that|spoken|it|this)",
    "what (was|is) (written|printed) on (the <x>|the shirt|the sign|it)",
    "what (does|did) the (text|sign|letter|newspaper|label) say",
    "should (i|we) (buy|keep|sell|feed|call) (<a>|the <x>|him)",
    "(is|are) (the <x>|<x>) (dangerous|healthy|legal|poisonous|real|good)",
    "what (is|was) the score(| of the game| now)",
    "who (won|lost|scored|is winning)(| the game| the race| the election)",
    "what (is|'s) the (meaning of life|news|traffic like|best <x>|wifi password)",
    "how (far|long) is (it to the station|the river|the road|the way home)",
)
TEST = (
    "(is|was) the <x> (married|friendly|famous|for sale)",
    "what('s| is) the forecast(| for sunday| for the weekend)",
    "how come the <x> (went|turned up)",
    "what's the melody(| in the background)",
    "(multiply|add) (six and nine|4 and 12|seven and three)",
    "(who's|who is) (calling|at the door|the boss|the painter)",
    "what is the (postcode|owner's surname|serial number)",
    "does the <x> (stink|squeak|bite)",
    "(explain|justify) why the <x> was (chosen|shown)",
    "how many (dollars|euros) for the <x>",
    "(recommend|suggest) (a film|a book|a restaurant)",
    "which (hotel|planet|village) is this",
)
TEMPLATES = {"train": TRAIN, "test": TEST}
STARTS = ("bl", "fr", "gl", "k", "m", "n", "pl", "qu", "sk", "sn", "t", "v", "w", "z", "dr")
MIDDLES = ("a", "e", "i", "o", "u", "oo", "ee")
ENDS = ("bble", "ck", "mp", "rfin", "ndle", "xo", "zzit", "gork", "lp", "wug", "nter", "sh")
KINDS = ("is_there", "was_there", "where", "first", "last", "how_often", "after", "before")


def unanswerable(kind: str, seen: Seen, now: int, rng: Random, wordings: str) -> Question | None:
    """Ask about what is not in the picture, a word that there is not, or a time not yet seen."""
    lot = rng.random()
    if lot < 0.7:
        templates = TEMPLATES[wordings]
        names = seen.names(now) if rng.random() < 0.5 else seen.world.known
        name = _one(names or seen.world.names, rng)
        text = finish(say(_one(templates, rng), rng, name), rng, wordings)
        return Question(kind, text, (CANNOT_TELL,))
    if lot < 0.85:
        word = invented(rng)
        if word in seen.world.known or word in seen.groups:
            return None
        return Question(kind, wording(_one(KINDS, rng), rng, wordings, word), (CANNOT_TELL,))
    later = seen.times[now] + 2 + int(4 ** (6 * rng.random()))
    text = wording(_one(("at", "describe_at"), rng), rng, wordings, time=spoken(later, rng))
    return Question(kind, text, (CANNOT_TELL,))


def invented(rng: Random) -> str:
    """Return a word of two syllables or three that means nothing."""
    middle = _one(MIDDLES, rng) + (_one(STARTS, rng) if rng.random() < 0.4 else "")
    return _one(STARTS, rng) + middle + _one(ENDS, rng)


def _one(options: tuple[str, ...] | list[str], rng: Random) -> str:
    return options[int(rng.random() * len(options))]
