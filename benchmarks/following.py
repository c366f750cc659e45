"""Questions that ask on: put so that they stand alone, against after what was said.

    python -m benchmarks.following [--quick]

Streams of the question world are asked follow-ups of three forms: as training asks them
(`taught`), in wordings kept from training (`held_out`), and about the thing that the question
before was about rather than one that its answer named (`same_thing`: "when did you first see the
owl?", "and the last time?"), which no training had. `right_alone` is what the service does,
`right_spoken` the whole dialogue as it was said; `alone` is the share that rules could put alone.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from random import Random
from typing import TYPE_CHECKING, Any

import torch

from benchmarks import intervals
from benchmarks.asking import MOST, spoken, turns_of
from benchmarks.episodes import SEEDS, TRIES, look
from benchmarks.report import parser, publish
from longwatch.models.bundled_chat import dialogue_ids, spoken_ids
from longwatch.models.bundled_model import load_bundled
from longwatch.models.standalone import last_question
from longwatch.stream.sources.synthetic import SyntheticSource
from training.answering import read
from training.questions import Truth, ground_truth
from training.questions.generator import about, question
from training.questions.wordings.follow_ups import IT
from training.questions.wordings.grammar import finish, say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from longwatch.memory.memory import Snapshot
    from longwatch.models.bundled_model import BundledVLM
    from training.questions import Question

FRAMES, STREAMS, EACH = 16, 20, 10
QUICK = (8, 2, 2)
OF_A_THING = ("first", "last", "was_there", "is_there", "how_often", "where")
ASKED_ON = ("first", "last", "how_often", "where", "is_there")


def same_thing(seen: Truth, now: int, rng: Random) -> Question | None:
    """Ask something about a thing, and then something else about it."""
    first, then = rng.choice(OF_A_THING), rng.choice(ASKED_ON)
    start = about(first, seen, now, rng, "train")
    if first == then or start is None or start.names[0] not in seen.names(now):
        return None
    name = start.names[0]
    if then == "where" and name not in [there for there, _ in seen.things(now)]:
        return None
    fact = ground_truth.ABOUT[then](seen, now, name)
    text = finish(say(rng.choice(IT["train"][then]), rng), rng, "train")
    return fact and question(then, text, fact, ((start.text, start.answers[0]),))


FORMS: dict[str, Callable[[Truth, int, Random], Question | None]] = {
    "taught": lambda seen, now, rng: seen.ask("follow_up", now, rng),
    "held_out": lambda seen, now, rng: seen.ask("follow_up", now, rng, "test"),
    "same_thing": same_thing,
}


def drawn(form: str, seen: Truth, each: int, rng: Random) -> list[Question]:
    """Return `each` questions of a form, asked at the end; fewer where few are clear."""
    last = len(seen.times) - 1
    tries = (FORMS[form](seen, last, rng) for _ in range(TRIES * each))
    return [asked for asked in tries if asked is not None][:each]


def right(model: BundledVLM, snapshot: Snapshot, asked: Question, ids: list[int]) -> bool:
    """Tell whether the model's answer to a prompt is one of the question's."""
    context = snapshot.context(model.decoder.rope, room=len(ids) + MOST)
    said = model.tokenizer.decode(list(spoken(model, context, ids)))
    return said in asked.answers


@torch.inference_mode()
def measure(frames: int, streams: int, each: int, seed: int) -> list[dict[str, Any]]:
    """Return a row for each form."""
    model = load_bundled()
    words = model.tokenizer
    scores = {form: defaultdict[str, list[float]](list) for form in FORMS}  # of each stream
    counts: dict[str, int] = defaultdict(int)
    for number in range(streams):
        scene = SyntheticSource(SEEDS + (seed << 24) + (1 << 20) + number)
        times = [float(t) for t in range(frames)]
        snapshot = read(model, zip(times, look(model, scene, times), strict=True))
        seen = Truth(scene.world, times, groups=words.groups)
        for form in FORMS:
            asked = drawn(form, seen, each, Random(f"following {form} {number} {seed}"))
            if not asked:
                continue
            counts[form] += len(asked)
            found = defaultdict(list)
            for one in asked:
                turns = turns_of(one)
                found["alone"].append(last_question(words, turns) is not None)
                for way, ids in (("alone", dialogue_ids), ("spoken", spoken_ids)):
                    found[f"right_{way}"].append(right(model, snapshot, one, ids(words, turns)))
            for name, values in found.items():
                scores[form][name].append(sum(values) / len(values))
    return [_row(form, frames, counts[form], scores[form]) for form in FORMS]


def _row(form: str, frames: int, count: int, scores: dict[str, list[float]]) -> dict[str, Any]:
    means = {name: intervals.mean({frames: values}).mean for name, values in scores.items()}
    gain = intervals.difference({frames: scores["right_alone"]}, {frames: scores["right_spoken"]})
    return {"form": form, "frames": frames, "questions": count, **means, "gain": list(gain)}


def main(given: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure and publish the report."""
    words = sys.argv[1:] if given is None else list(given)
    arguments = parser("following", (__doc__ or "").splitlines()[0])
    options = arguments.parse_args(words)
    rows = measure(*(QUICK if options.quick else (FRAMES, STREAMS, EACH)), options.seed)
    summary = {f"gain_{row['form']}": row["gain"] for row in rows}
    return publish(arguments, words, rows, summary)


if __name__ == "__main__":
    main()
