"""Whether JSON that is asked for field by field holds more right values than JSON written whole.

    python -m benchmarks.structured [--quick]

Seeded streams of the question world are read as the service sets them up. Questions whose answers
are known are put as requests for JSON, each both ways (`lw.json`) right after one another: as a
schema of one field, where the question is the user's own (`one`), and as a schema of one field for
each kind of question, where the questions are the fields' descriptions and the user asks "What do
you see?" (`all`; written whole, the model sees of the fields nothing but their names). A value is
right if it is a right answer, `valid` is the share of answers that ended as JSON. The gain is in
parts of the values, its interval that of drawing the streams anew.
"""

from __future__ import annotations

import json
import sys
import time
from random import Random
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from benchmarks import intervals
from benchmarks.episodes import draw
from benchmarks.report import parser, publish
from benchmarks.zoom import FRAMES, read_stream
from longwatch.models.answer_words import COUNTS, NO, NOTHING, PLACES, YES
from longwatch.models.base import Turn
from longwatch.models.bundled_model import load_bundled
from longwatch.models.sampling import Sampling
from longwatch.serve.answers.answer import Answer, run_to_completion
from longwatch.serve.answers.types import Done, Question
from longwatch.serve.observability.observer import EngineObserver
from longwatch.stream.sources.painting import COLOURS
from training.questions import Truth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.zoom import Stream
    from longwatch.models.bundled_model import BundledVLM
    from training.questions import Question as Asked

STREAMS, EACH = 8, 2  # streams, questions of a kind
QUICK = (1, 1)
TOKENS = 160  # of an answer at most
KINDS = ("is_there", "was_there", "how_many", "background", "where", "now", "first")
WAYS = {"fields": True, "whole": False}
LIST = 4  # things in a list at most


class Value(NamedTuple):
    """What became of one value."""

    stream: int
    put: str  # `one` or `all`
    kind: str
    right: dict[str, bool]  # by way
    valid: dict[str, bool]
    ms: dict[str, float]  # of the whole answer
    tokens: dict[str, int]


def schema_of(asked: Asked, names: Sequence[str]) -> dict[str, Any] | None:
    """Return the schema of a question's answer; None where that is no such value."""
    best = asked.answers[0]
    if asked.kind in {"is_there", "was_there"}:
        return {"type": "boolean"} if best in {YES, NO} else None
    if asked.kind == "how_many":
        return {"type": "integer", "minimum": 0, "maximum": 10} if best in COUNTS else None
    if asked.kind == "background":
        return {"enum": list(COLOURS)}
    if asked.kind == "where":
        places = [place for row in PLACES for place in row]
        return {"enum": places} if best in places else None
    if asked.kind == "now":
        return {"type": "array", "items": {"enum": list(names)}, "maxItems": LIST}
    return {"type": "string", "maxLength": 12}


def right(asked: Asked, value: Any) -> bool:
    """Tell whether a value is a right answer."""
    best = asked.answers[0]
    if asked.kind in {"is_there", "was_there"}:
        return value is (best == YES)
    if asked.kind == "how_many":
        return type(value) is int and value == COUNTS.index(best)
    if asked.kind == "now":
        wanted = [] if best == NOTHING else best.split(" and ")
        return isinstance(value, list) and sorted(value) == sorted(wanted)
    return isinstance(value, str) and value.strip() in asked.answers


def put(model: BundledVLM, stream: Stream, text: str, schema: dict[str, Any], way: str) -> Done:
    """Ask for JSON in one way."""
    events: list[Any] = []
    turns, sampling = (Turn("user", text),), Sampling(max_tokens=TOKENS)
    question = Question(turns, sampling, schema=json.dumps(schema), by_field=WAYS[way])
    answer = Answer(question, stream.snapshot, model, events.append, EngineObserver())
    answer.start(0)
    run_to_completion(model, answer)
    done: Done = events[-1]
    return done


def both(model: BundledVLM, stream: Stream, text: str, asked: dict[str, Asked]) -> list[Value]:
    """Ask for some fields at once in both ways; a single one has no description."""
    names = stream.scene.world.names
    fields = {name: schema_of(one, names) or {} for name, one in asked.items()}
    if len(asked) > 1:
        fields = {name: {**of, "description": asked[name].text} for name, of in fields.items()}
    closed = {"required": list(fields), "additionalProperties": False}
    schema = {"type": "object", "properties": fields, **closed}
    found: dict[str, dict[str, Any]] = {}
    valid, ms, tokens = dict[str, bool](), dict[str, float](), dict[str, int]()
    for way in WAYS:
        began = time.perf_counter()
        done = put(model, stream, text, schema, way)
        ms[way] = (time.perf_counter() - began) * 1000
        valid[way] = done.status == "completed"
        tokens[way] = done.usage.output_tokens
        found[way] = json.loads(done.text) if valid[way] else {}
    group = "all" if len(asked) > 1 else "one"
    return [
        Value(
            stream.number,
            group,
            one.kind,
            {way: right(one, found[way].get(name)) for way in WAYS},
            valid,
            ms,
            tokens,
        )
        for name, one in asked.items()
    ]


@torch.inference_mode()
def watch(model: BundledVLM, stream: Stream, each: int) -> list[Value]:
    """Ask a stream everything."""
    times = [float(t) for t in range(FRAMES)]
    truth = Truth(stream.scene.world, times, groups=model.tokenizer.groups)
    rng, names = Random(f"structured {stream.number}"), stream.scene.world.names
    drawn = {
        kind: [q for q in draw(truth, kind, each, rng) if schema_of(q, names) is not None]
        for kind in KINDS
    }
    found = []
    for one in (q for some in drawn.values() for q in some):
        found += both(model, stream, one.text, {"answer": one})
    for i in range(each):
        together = {kind: some[i] for kind, some in drawn.items() if len(some) > i}
        found += both(model, stream, "What do you see?", together)
    return found


def rows_of(values: Sequence[Value]) -> list[dict[str, Any]]:
    """Return a row for each way to put questions, and each kind of them."""
    rows = []
    for group in ("one", "all"):
        for kind in ("every", *KINDS):
            some = [v for v in values if v.put == group and kind in {v.kind, "every"}]
            if some:
                rows.append(_row(group, kind, some))
    return rows


def _row(group: str, kind: str, some: Sequence[Value]) -> dict[str, Any]:
    told: dict[str, Any] = {"put": group, "kind": kind, "values": len(some)}
    for way in WAYS:
        told[f"right_{way}"] = sum(v.right[way] for v in some) / len(some)
        told[f"valid_{way}"] = sum(v.valid[way] for v in some) / len(some)
        told[f"ms_{way}"] = median(v.ms[way] for v in some)
        told[f"tokens_{way}"] = median(v.tokens[way] for v in some)
    return told


def summary_of(values: Sequence[Value]) -> dict[str, Any]:
    """Return the shares of right values, and the gain with its interval."""
    told: dict[str, Any] = {}
    for group in ("one", "all"):
        some = [v for v in values if v.put == group]
        for way in WAYS:
            told[f"right_{way}_{group}"] = sum(v.right[way] for v in some) / len(some)
        gains: dict[int, list[float]] = {}
        for v in some:
            gain = float(v.right["fields"]) - float(v.right["whole"])
            gains.setdefault(v.stream, []).append(gain)
        means = [sum(of) / len(of) for of in gains.values()]
        told[f"gain_{group}"] = list(intervals.mean({FRAMES: means}))
    told["valid_fields"] = sum(v.valid["fields"] for v in values) / len(values)
    told["valid_whole"] = sum(v.valid["whole"] for v in values) / len(values)
    return told


def main(given: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure and publish the report."""
    words = sys.argv[1:] if given is None else list(given)
    arguments = parser("structured", (__doc__ or "").splitlines()[0])
    options = arguments.parse_args(words)
    torch.set_num_threads(1)
    model = load_bundled()
    streams, each = QUICK if options.quick else (STREAMS, EACH)
    values: list[Value] = []
    for number in range(streams):
        values += watch(model, read_stream(model, number, 1.0, options.seed), each)
    return publish(arguments, words, rows_of(values), summary_of(values))


if __name__ == "__main__":
    main()
