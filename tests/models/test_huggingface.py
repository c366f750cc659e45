"""What the families of Hugging Face checkpoints have in common."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from benchmarks import tiny
from longwatch.models.families import FAMILIES
from longwatch.models.huggingface import clock
from longwatch.models.loader import load_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_control_token_that_the_generation_settings_name_ends_an_answer(
    checkpoint: Callable[[str], Path], tmp_path: Path, family: str
) -> None:
    """Checkpoints name several, as a list; some settings carry a number that means a word."""
    folder = shutil.copytree(checkpoint(family), tmp_path / "checkpoint")
    tokenizer = tiny.make_tokenizer(family)
    names = [str(tokenizer.eos_token), tiny.PAD, "a"]
    ids = [tokenizer.convert_tokens_to_ids(name) for name in names]
    path = folder / "generation_config.json"
    path.write_text(json.dumps({"eos_token_id": ids}), "utf-8")
    assert load_model(str(folder), "cpu").stop_ids == set(ids[:2])


@pytest.mark.parametrize(
    ("time", "said"),
    [(0.0, "0:00"), (59.9, "0:59"), (61.0, "1:01"), (3599.0, "59:59"), (45296.0, "12:34:56")],
)
def test_a_time_is_said_as_a_clock_says_it(time: float, said: str) -> None:
    assert clock(time) == said
