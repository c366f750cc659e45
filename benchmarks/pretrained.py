"""What every memory policy still answers on a pretrained language model, at the same bytes.

    python -m benchmarks.pretrained [--quick] [--kinds K ...] [--lengths N ...] [--policies P ...]
        [--budgets N ...] [--streams N] [--partial PATH [--part I/N] [--report-only]]

The model is SmolLM2-135M-Instruct (`benchmarks.pretrained_model`), which nobody of this project
trained; frames are lines of text (`benchmarks.narration`), a second apart. Every policy reads the
same streams frame by frame, and is asked the same questions about each, so differences are paired.
A question has 8 candidates, and the likeliest counts: its log-probability after the question, less
that after a question about nothing in the stream (contextual calibration by domain-conditional PMI,
Holtzman et al., arXiv 2104.08315). Chance is 1 in 8.

A budget is a share of what `full` holds of the stream, counted as `benchmarks.budgets` does. Ours
runs at the fidelity `high`: `default` is without a budget, with a window of WINDOW tokens, so that
most of the stream is sealed. `small` is our policy as it is for the bundled model.

`kl` compares the candidates' probabilities with those of `full`, `kl_next` the next token on two
lines that continue the stream, `attention` the attention output of each question's last token, as
the norm of the difference over the norm, mean over layers. `found` is the share of layers that saw
something of a frame that proves the answer. `accuracy` has Wilson's 95 % interval; `kept` is the
ratio to `full`, and `ahead` the difference to ours, on the same questions, with intervals of 2,000
draws of streams. A preset is bounded on the first stream of a cell, and `used` is the most that any
stream held; it is `over` where that is more than 1.15 times the budget.

Streams are independent, so a run may be split over processes (`--part`), stopped and gone on with
(`--partial`): each stream's outcomes under a policy are one line of that file.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from benchmarks import pretrained_report
from benchmarks.asking import seen
from benchmarks.budgets import NUMBER, fit, held
from benchmarks.narration import KINDS, OPENING, narration
from benchmarks.pretrained_model import SMOLLM2, load
from benchmarks.replay import Taken, put, read
from benchmarks.report import parser, publish
from longwatch.errors import ModelError
from longwatch.memory import POLICIES, Longwatch
from longwatch.memory.base import Trace
from longwatch.memory.context import Draft
from longwatch.memory.fidelity import Codecs, faithful
from longwatch.memory.memory import Memory
from longwatch.memory.segment import Segment
from longwatch.models.base import VideoLM

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from benchmarks.narration import Narration
    from benchmarks.pretrained_model import PretrainedText
    from longwatch.memory.base import Policy
    from longwatch.memory.context import Context
    from longwatch.memory.memory import Snapshot
    from longwatch.types import Frame, VisualTokens

HELD_OUT = 20_000  # first seed of streams that are reported; development used those below 10,000
LENGTHS = (64, 256, 384, 16, 1024)
BUDGETS = (4, 10, 2, 20)
WINDOW = 256  # tokens
FULL, OURS, SMALL, WINDOWED = "full", "longwatch", "small", "window"
MORE = (FULL, OURS, WINDOWED)  # are asked about all streams, the others about three of five
CONTEXT = 8192  # tokens that the model was made for; longer streams have no `full`
CHUNK = 512  # tokens that `full` reads at once: how many changes nothing
ROOM = 256  # new tokens of a question's context


class Case(NamedTuple):
    """A policy at a budget."""

    preset: str
    budget: str  # `1/10`, `default`, or `1` for all
    policy: Policy


class Outcome(NamedTuple):
    """What became of a stream's questions under a policy."""

    scores: list[list[float]]  # of each question's candidates, the right one first
    next_token: Tensor  # (n, vocabulary) log-probabilities on the continuation
    attention: list[Tensor]  # of each question, (layers, heads * channels)
    found: list[float]  # of each question, the share of layers
    used: float  # bytes, the most at once, of those of `full`
    frame_ms: float
    answer_ms: float


class Narrator(VideoLM):
    """A text decoder that reads lines as frames; it has no vision tower."""

    def __init__(self, text: PretrainedText) -> None:
        self.name = text.source.name
        self.decoder, self.tokenizer, self.stop_ids = text.decoder, text.tokenizer, text.stop_ids
        self.window_tokens = WINDOW

    def encode(self, frames: Sequence[Frame]) -> list[VisualTokens]:  # noqa: D102
        raise ModelError(f"{self.name} reads text alone; give it lines instead of pictures")

    def prefix_ids(self) -> list[int]:  # noqa: D102
        return self.tokenizer.encode(OPENING)

    def frame_ids(self, time: float) -> tuple[list[int], list[int]]:  # noqa: D102
        return [], []

    def prompt_ids(self, turns: Sequence[Any]) -> list[int]:  # noqa: D102
        return self.tokenizer.encode(turns[-1].text)


class Read(NamedTuple):
    """A stream as `full` read it."""

    memory: Memory
    parts: list[Taken]  # its segments, the opening text first, and their queries
    nbytes: int


def ids_of(model: Narrator, stream: Narration) -> list[list[int]]:
    """Return the token ids of each line."""
    return [model.tokenizer.encode(line) for line in stream.lines]


def read_full(model: Narrator, lines: Sequence[list[int]]) -> Read:
    """Read a stream under `full`, many frames a pass."""
    pieces = [model.prefix_ids(), *lines]
    source = model.text_input([token for piece in pieces for token in piece])
    draft = Draft((), model.decoder.rope, positions=source.positions, time=None, traced=True)
    for _ in model.read(source, draft, CHUNK):
        pass
    whole, queries = draft.segment(), draft.queries()
    memory, parts, start = Memory(POLICIES[FULL](), model.decoder.rope), [], 0
    for number, piece in enumerate(pieces):
        at = torch.arange(start, start + len(piece))
        part = whole.take(at)
        part = replace(
            part, positions=part.positions - start, time=number - 1.0 if number else None
        )
        parts.append(Taken(part, Trace(tuple(q[:, at] for q in queries))))
        memory.put(*parts[-1])
        start += len(piece)
    return Read(memory, parts, held(memory))


def read_under(model: Narrator, policy: Policy, lines: Sequence[list[int]]) -> tuple[Memory, int]:
    """Read a stream frame by frame; return its memory and the most bytes that it held."""
    memory, most = Memory(policy, model.decoder.rope), 0
    read(model, memory, model.text_input(model.prefix_ids()), None)
    for number, line in enumerate(lines):
        read(model, memory, model.text_input(line), float(number))
        most = max(most, held(memory))
    return memory, most


def most_held(policy: Policy, parts: Sequence[Taken], model: Narrator) -> int:
    """Return the most bytes that a stream of these segments holds under a policy."""
    memory, most = Memory(policy, model.decoder.rope), 0
    for number, part in enumerate(parts):
        if number:
            put(memory, part, number - 1.0)
        else:
            memory.put(*part)
        most = max(most, held(memory))
    return most


class Asked(NamedTuple):
    """Log-probabilities of candidates after a prompt."""

    scores: list[float]
    attention: Tensor  # (layers, heads * channels), of the prompt's last token
    context: Context


def ask(model: Narrator, snapshot: Snapshot, prompt: str, candidates: Sequence[str]) -> Asked:
    """Score each of the candidates after a prompt."""
    decoder, encode = model.decoder, model.tokenizer.encode
    context = snapshot.context(decoder.rope, room=ROOM)
    looked: list[Tensor] = []
    look = context.look

    def noting(*given: Any) -> Tensor:
        out = look(*given)
        looked.append(out[:, -1].flatten().float())
        return out

    context.look = noting  # type: ignore[method-assign, assignment]
    hidden = model.read_text(encode(prompt), context)
    attention = torch.stack(looked)
    context.look = look  # type: ignore[method-assign]
    length = context.length
    first, scores = decoder.logits(hidden).log_softmax(-1), []
    for ids in map(encode, candidates):
        score = float(first[ids[0]])
        if len(ids) > 1:
            context.rewind(length)
            positions = torch.arange(length, length + len(ids) - 1)[None]
            states = decoder.forward(decoder.embed(ids[:-1]), positions, context)
            rest = decoder.logits(states).log_softmax(-1)
            score += float(rest.gather(1, torch.tensor(ids[1:])[:, None]).sum())
        scores.append(score)
    return Asked(scores, attention, context)


@torch.inference_mode()
def outcome(
    model: Narrator, memory: Memory, stream: Narration, used: float, frame_ms: float
) -> Outcome:
    """Ask a stream's questions of its memory."""
    snapshot, started = memory.snapshot(), time.perf_counter()

    @cache
    def neutral(prompt: str, kind: str) -> list[float]:
        return ask(model, snapshot, prompt, stream.answers[kind]).scores

    scores, attention, found = [], [], []
    for question in stream.questions:
        pool = stream.answers[question.kind]
        asked = ask(model, snapshot, question.prompt, [pool[i] for i in question.candidates])
        by_itself = neutral(question.neutral, question.kind)
        pairs = zip(asked.scores, question.candidates, strict=True)
        scores.append([score - by_itself[i] for score, i in pairs])
        attention.append(asked.attention)
        needed = set(map(float, question.frames))
        layers = seen(snapshot, asked.context.recall, model.decoder.layers)
        found.append(float(np.mean([bool(needed & times) for times in layers])))
    answer_ms = 1000 * (time.perf_counter() - started) / len(stream.questions)
    following = narration("dense", 2, len(stream.lines))  # lines of another stream
    ids = [token for line in following.lines for token in model.tokenizer.encode(line)]
    context = snapshot.context(model.decoder.rope, room=ROOM)
    states = model.decoder.forward(model.decoder.embed(ids), torch.arange(len(ids))[None], context)
    next_token = model.decoder.logits(states).log_softmax(-1)
    return Outcome(scores, next_token, attention, found, used, frame_ms, answer_ms)


def ours(window: int) -> Longwatch:
    """Return our policy as a checkpoint gets it, with a window of so many tokens."""
    return faithful(Longwatch(), "high", Codecs(), CONTEXT).sized(window)


def cases(
    model: Narrator, full: Read, presets: Sequence[str], budgets: Sequence[int]
) -> Iterator[Case]:
    """Yield the presets at every budget, for streams like this one, one after another."""
    if OURS in presets:
        yield Case(OURS, "default", ours(WINDOW))
    each = NUMBER * model.decoder.token_bytes // model.decoder.dtype.itemsize
    for budget in budgets:
        for preset in presets:
            if preset == FULL:
                continue
            policy: Policy = POLICIES[preset]() if preset in POLICIES else Longwatch()
            if preset in (OURS, SMALL):
                policy = ours(WINDOW) if preset == OURS else Longwatch().sized(WINDOW)
            fitted = fit(
                policy, full.nbytes // budget, each, lambda p: most_held(p, full.parts, model)
            )
            yield Case(preset, f"1/{budget}", fitted.policy)


def measure(
    model: Narrator, options: argparse.Namespace, lengths: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """Read every stream under every case; yield a record for each."""
    part, parts = options.part
    done = {_key(record) for record in _records(options.partial)}
    for frames in lengths:
        for kind in options.kinds:
            made: list[Case] = []
            for number in range(options.streams):
                if number % parts != part:
                    continue
                stream = narration(kind, frames, options.seed + number)
                yield from _measure(model, options, stream, number, made, done)


def _measure(
    model: Narrator,
    options: argparse.Namespace,
    stream: Narration,
    number: int,
    made: list[Case],
    done: set[tuple[Any, ...]],
) -> Iterator[dict[str, Any]]:
    lines, frames = ids_of(model, stream), len(stream.lines)
    presets = [p for p in options.policies if p in MORE or number % 5 < 3]
    about = {"kind": stream.kind, "frames": frames, "stream": number}
    full, reference = None, None
    if sum(map(len, lines)) < CONTEXT - ROOM:
        started = time.perf_counter()
        full = read_full(model, lines)
        frame_ms = 1000 * (time.perf_counter() - started) / frames
        reference = outcome(model, full.memory, stream, 1.0, frame_ms)
        yield _record(about, FULL, "1", stream, reference, reference)
    else:
        full = read_full_bytes(model, lines)
    if not made:
        made += cases(model, full, options.policies, options.budgets)
    for case in made:
        if case.preset not in presets or (*about.values(), case.preset, case.budget) in done:
            continue
        started = time.perf_counter()
        memory, most = read_under(model, case.policy, lines)
        frame_ms = 1000 * (time.perf_counter() - started) / frames
        got = outcome(model, memory, stream, most / full.nbytes, frame_ms)
        yield _record(about, case.preset, case.budget, stream, got, reference)


def read_full_bytes(model: Narrator, lines: Sequence[list[int]]) -> Read:
    """Return segments without content, of a stream that `full` cannot read: bytes count alone."""
    decoder = model.decoder
    heads, channels = decoder.heads
    parts = []
    for number, ids in enumerate([model.prefix_ids(), *lines]):
        numbers = torch.zeros(heads, len(ids), channels, dtype=decoder.dtype)
        queries = numbers.repeat_interleave(decoder.query_heads // heads, 0)
        segment = _empty(numbers, decoder.layers, number - 1.0 if number else None)
        parts.append(Taken(segment, Trace((queries,) * decoder.layers)))
    memory = Memory(POLICIES[FULL](), decoder.rope)
    for part in parts:
        memory.put(*part)
    return Read(memory, parts, held(memory))


def _empty(numbers: Tensor, layers: int, time: float | None) -> Segment:
    positions = torch.arange(numbers.shape[1])[None]
    return Segment((numbers,) * layers, (numbers,) * layers, positions, time)


def _record(
    about: dict[str, Any],
    preset: str,
    budget: str,
    stream: Narration,
    got: Outcome,
    full: Outcome | None,
) -> dict[str, Any]:
    """Return what is written down of a stream under a policy."""
    record = {
        **about,
        "preset": preset,
        "budget": budget,
        "asked": [question.kind for question in stream.questions],
        "right": [int(np.argmax(scores)) == 0 for scores in got.scores],
        "found": got.found,
        "used": got.used,
        "frame_ms": got.frame_ms,
        "answer_ms": got.answer_ms,
    }
    if full is None:
        return record
    pairs = list(zip(full.scores, got.scores, strict=True))
    record["kl"] = [_kl(torch.tensor(a), torch.tensor(b)) for a, b in pairs]
    record["kl_next"] = _kl(full.next_token, got.next_token)
    errors = [
        (a - b).norm(dim=1) / b.norm(dim=1)
        for a, b in zip(got.attention, full.attention, strict=True)
    ]
    mean = torch.stack(errors).mean(0)
    record["attention"], record["attention_worst"] = float(mean.mean()), float(mean.max())
    return record


def _kl(true: Tensor, other: Tensor) -> float:
    """Return the Kullback-Leibler divergence in nats, mean over rows of logits."""
    p, q = true.double().log_softmax(-1), other.double().log_softmax(-1)
    return float((p.exp() * (p - q)).sum(-1).mean())


def _key(record: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(record[name] for name in ("kind", "frames", "stream", "preset", "budget"))


def _records(path: Path | None) -> list[dict[str, Any]]:
    if path is None or not path.exists():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def arguments() -> argparse.ArgumentParser:
    """Return the command line."""
    made = parser("pretrained", (__doc__ or "").splitlines()[0])
    made.set_defaults(seed=HELD_OUT)
    presets = [*POLICIES, SMALL]
    made.add_argument("--kinds", nargs="*", default=list(KINDS), choices=KINDS)
    made.add_argument("--lengths", nargs="*", type=int, default=list(LENGTHS), metavar="FRAMES")
    made.add_argument("--policies", nargs="*", default=presets, choices=presets)
    made.add_argument("--budgets", nargs="*", type=int, default=list(BUDGETS), metavar="ONE_IN")
    made.add_argument("--streams", type=int, default=10, help="of each kind and length")
    made.add_argument("--threads", type=int, default=1)
    made.add_argument("--dtype", choices=("bfloat16", "float32"), default=None)
    made.add_argument("--partial", type=Path, help="file of outcomes, to go on with")
    made.add_argument("--part", type=_part, default=(0, 1), metavar="I/N", help="of the streams")
    made.add_argument("--report-only", action="store_true", help="from the file alone")
    return made


def _multiplies_bfloat16() -> bool:
    try:
        return "avx512_bf16" in Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return False


def _part(text: str) -> tuple[int, int]:
    part, _, parts = text.partition("/")
    return int(part) - 1, int(parts)


def main(given: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure and publish the report."""
    words = sys.argv[1:] if given is None else list(given)
    options = arguments().parse_args(words)
    lengths = options.lengths
    if options.quick:
        lengths, options.streams = [16, 64], 1
        options.policies, options.budgets = [FULL, OURS, WINDOWED], [4]
    records = _records(options.partial)
    if not options.report_only:
        # A CPU that multiplies bfloat16 itself is twice as fast with it.
        name = options.dtype or ("bfloat16" if _multiplies_bfloat16() else "float32")
        text = load(threads=options.threads, dtype=getattr(torch, name))
        for record in measure(Narrator(text), options, lengths):
            records.append(record)
            right = f"{sum(record['right'])} of {len(record['right'])} right"
            where = " ".join(str(part) for part in _key(record))
            print(f"{where}: {right}, {record['frame_ms']:.0f} ms a frame", file=sys.stderr)
            if options.partial is not None:
                with options.partial.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(record) + "\n")
    rows = pretrained_report.rows(records)
    summary = {"model": SMOLLM2.name, **pretrained_report.summarise(rows, records)}
    return publish(arguments(), words, rows, summary)


if __name__ == "__main__":
    main()
