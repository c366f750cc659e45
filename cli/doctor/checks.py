"""What `longwatch doctor` looks at: each check says what it found, and what to do about it."""

from __future__ import annotations

import os
import platform
import socket
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from longwatch.cli.doctor.environment import settings_checks, tools_check
from longwatch.cli.doctor.finding import Check
from longwatch.client.http import get_json
from longwatch.errors import ClosedError, LongwatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OLDEST = (3, 11)
DECODERS = ("h264", "hevc", "vp8", "vp9", "av1")
NEEDED = ("torch", "transformers", "av", "opencv-python", "pillow", "fastapi", "uvicorn")


def all_checks(url: str, model: str) -> Iterator[Check]:
    """Yield the checks as they are made."""
    yield _python()
    yield from _guarded("packages", _packages)
    yield from _guarded("device", _device)
    yield from _guarded("video", _video)
    yield from _guarded("pictures", _pictures)
    yield from _guarded("index", _index)
    yield from _guarded("settings", settings_checks)
    yield from _guarded("test tools", tools_check)
    yield from _guarded(f"model {model}", lambda: _model(model))
    yield from _guarded("service", lambda: _service(url))


def _guarded(what: str, look: Callable[[], Check | list[Check]]) -> Iterator[Check]:
    """Yield what `look` finds; whatever goes wrong in it is a finding, too."""
    try:
        found = look()
    except LongwatchError as error:
        yield Check(what, "fail", str(error))
    except Exception as error:  # noqa: BLE001 - a broken installation raises anything
        yield Check(
            what, "fail", f"{type(error).__name__}: {error}; install longwatch[server] anew"
        )
    else:
        yield from found if isinstance(found, list) else [found]


def _python() -> Check:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info < OLDEST:
        return Check("python", "fail", f"{found}; longwatch needs 3.11 or newer")
    return Check("python", "ok", f"{found}, {os.cpu_count()} cores")


def _packages() -> Check:
    found, missing = [], []
    for name in NEEDED:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check(
            "packages",
            "fail",
            f"{', '.join(missing)} missing; run: pip install 'longwatch[server]'",
        )
    return Check("packages", "ok", ", ".join(found))


def _device() -> Check:
    import torch

    if torch.cuda.is_available():
        free, whole = (amount / 2**30 for amount in torch.cuda.mem_get_info())
        return Check(
            "device",
            "ok",
            f"{torch.cuda.get_device_name()}, {free:.1f} of {whole:.1f} GiB free",
        )
    return Check("device", "ok", f"CPU, {torch.get_num_threads()} threads (no CUDA device)")


def _video() -> list[Check]:
    import av

    missing = []
    for name in DECODERS:
        try:
            av.codec.Codec(name, "r")
        except ValueError:  # what PyAV raises for a codec that it was built without
            missing.append(name)
    have = [name for name in DECODERS if name not in missing]
    found = f"PyAV {av.__version__} decodes {', '.join(have)}"
    if missing:
        found += f", not {', '.join(missing)}"
    checks = [Check("video", "fail" if "h264" in missing else "ok", found)]
    if "libx264" not in av.codec.codecs_available:
        checks.append(Check("demo", "note", "no H.264 encoder, which `longwatch demo` needs"))
    return checks


def _pictures() -> Check:
    from PIL import features

    names = {"jpg": "JPEG", "zlib": "PNG", "webp": "WebP"}
    missing = [shown for name, shown in names.items() if not features.check(name)]
    if missing:
        return Check(
            "pictures", "fail", f"Pillow lacks {', '.join(missing)}; install pillow from PyPI"
        )
    return Check("pictures", "ok", ", ".join(names.values()))


def _index() -> Check:
    try:
        import faiss
    except ImportError:
        return Check("index", "note", "no faiss; run: pip install faiss-cpu")
    return Check("index", "ok", f"faiss {faiss.__version__}")


def _model(name: str) -> Check:
    from longwatch.cli.doctor.speed import measure

    speed = measure(name)
    found = f"self-test passed; {speed.frames_per_second:.1f} frames/s"
    found += f", first token after {speed.ttft_ms:.0f} ms"
    if speed.tokens_per_second is not None:
        found += f", {speed.tokens_per_second:.0f} tokens/s"
    return Check(f"model {name}", "ok", found)


def _service(url: str) -> list[Check]:
    try:
        models = get_json(url, "/v1/models", timeout=5)["data"]
        streams = get_json(url, "/v1/streams", timeout=5)["data"]
    except ClosedError:
        return [_port(url), Check("service", "note", f"none at {url}; start: longwatch serve")]
    names = ", ".join(str(model["id"]) for model in models)
    return [Check("service", "ok", f"{url} answers with {names}; {len(streams)} streams")]


def _port(url: str) -> Check:
    """Tell whether the port of `url` is free, if that is on this machine."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 8090
    if host not in {"127.0.0.1", "localhost", "::1"}:
        return Check("port", "note", f"{host} is another machine")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind((host, port))
        except OSError as error:
            return Check("port", "fail", f"{port} is taken ({error.strerror}); use serve --port")
    return Check("port", "ok", f"{port} is free")
