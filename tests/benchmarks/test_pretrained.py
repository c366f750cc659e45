"""`benchmarks.pretrained` on its model: `full` in large passes, candidates, and a run in parts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch

from benchmarks.narration import narration
from benchmarks.pretrained import (
    Narrator,
    ask,
    ids_of,
    main,
    ours,
    outcome,
    read_full,
    read_under,
)
from longwatch.memory.full import Full

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.pretrained import Read
    from benchmarks.pretrained_model import PretrainedText

STREAM = narration("dense", 6, 11, questions=3)


@pytest.fixture(scope="module")
def model(smollm2: PretrainedText) -> Narrator:
    return Narrator(smollm2)


@pytest.fixture(scope="module")
def whole(model: Narrator) -> Read:
    return read_full(model, ids_of(model, STREAM))


@torch.inference_mode()
def test_full_in_large_passes_is_full_frame_by_frame(model: Narrator, whole: Read) -> None:
    memory, most = read_under(model, Full(), ids_of(model, STREAM))
    assert most == whole.nbytes
    one = outcome(model, whole.memory, STREAM, 1.0, 0.0)
    other = outcome(model, memory, STREAM, 1.0, 0.0)
    assert torch.tensor(one.scores).sub(torch.tensor(other.scores)).abs().max() < 1e-3
    assert one.found == [1.0] * 3


@torch.inference_mode()
def test_a_candidate_has_the_likelihood_of_its_text(model: Narrator, whole: Read) -> None:
    snapshot, encode = whole.memory.snapshot(), model.tokenizer.encode
    prompt, text = "As noted above, the cat is", " silver tower"
    scored = ask(model, snapshot, prompt, [" red", text]).scores[1]
    ids = [*encode(prompt), *encode(text)]
    context = snapshot.context(model.decoder.rope, room=64)
    states = model.decoder.forward(model.decoder.embed(ids), torch.arange(len(ids))[None], context)
    chances = model.decoder.logits(states).log_softmax(-1)
    last = range(len(encode(prompt)), len(ids))
    assert scored == pytest.approx(sum(float(chances[i - 1, ids[i]]) for i in last), abs=1e-3)


@torch.inference_mode()
def test_ours_in_a_large_window_answers_as_full_does(model: Narrator, whole: Read) -> None:
    memory, _ = read_under(model, ours(4096), ids_of(model, STREAM))
    one = outcome(model, whole.memory, STREAM, 1.0, 0.0)
    other = outcome(model, memory, STREAM, 1.0, 0.0)
    assert torch.tensor(one.scores).sub(torch.tensor(other.scores)).abs().max() < 1e-2


def test_a_run_goes_on_where_it_stopped_and_reports(
    smollm2: PretrainedText, tmp_path: Path
) -> None:
    path = tmp_path / "partial.jsonl"
    few = ["--kinds", "dense", "--lengths", "16", "--budgets", "4", "--partial", str(path)]
    main([*few, "--streams", "1", "--policies", "full", "window"])
    before = path.read_text("utf-8").splitlines()
    report = main([*few, "--streams", "2", "--policies", "full", "window", "--part", "1/1"])
    after = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert path.read_text("utf-8").splitlines()[: len(before)] == before
    windows = [r["stream"] for r in after if r["preset"] == "window"]
    assert windows == [0, 1]
    assert report["summary"]["accuracy_full"].keys() == {"dense 16"}
    (row,) = (r for r in report["rows"] if r["preset"] == "window")
    assert row["questions"] == 20
    assert row["kl_next"] >= 0
