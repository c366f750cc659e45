"""Real servers of video on loopback, and a relay between us and them that does harm when told."""

from __future__ import annotations

import contextlib
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

PYTHON = "/usr/bin/python3"  # the system's, which has the bindings of GStreamer
SERVER = Path(__file__).with_name("rtsp_server.py")
USER, PASSWORD = "user", "p@ss:w/rd"
PATIENCE = 60.0  # seconds for a server to come up
Harm = Literal["none", "stall", "cut", "corrupt", "hiccup"]


def missing() -> str | None:
    """Return what this machine lacks for an RTSP server, or None."""
    check = "import gi; gi.require_version('GstRtspServer', '1.0')"
    try:
        subprocess.run([PYTHON, "-c", check], check=True, capture_output=True, timeout=PATIENCE)
    except (OSError, subprocess.SubprocessError):
        return "gst-rtsp-server; scripts/system-packages installs it"
    return None


def missing_vlc() -> str | None:
    """Return what this machine lacks for VLC as a server, with a clip to serve, or None."""
    found = shutil.which("cvlc") and shutil.which("ffmpeg")
    return None if found else "vlc-bin, vlc-plugin-base and ffmpeg"


def free_port() -> int:
    """Return a TCP port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_clip(path: Path) -> Path:
    """Write two minutes of video with ten frames a second, which anybody may read."""
    source = ["-f", "lavfi", "-i", "testsrc=size=160x120:rate=10:duration=120"]
    coded = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-pix_fmt", "yuv420p"]
    subprocess.run(["ffmpeg", "-v", "error", *source, *coded, str(path)], check=True)
    path.chmod(0o644)
    return path


class Server:
    """One server process on `port`; it can be frozen, killed and started again."""

    def __init__(self, *words: str, port: int | None = None) -> None:
        self.words = words
        self.port = port or free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"rtsp://127.0.0.1:{self.port}/test"

    def start(self, *words: str) -> None:
        """Start it, with other words than before if there are some; returns when it serves."""
        self.words = words or self.words
        self._process = subprocess.Popen(
            [PYTHON, str(SERVER), str(self.port), *self.words],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        out = self._process.stdout
        if out is None or not select.select([out], [], [], PATIENCE)[0] or not out.readline():
            raise RuntimeError("the RTSP server did not start")

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None

    def freeze(self) -> None:
        """Stop it in its tracks."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def __enter__(self) -> Server:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.kill()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)


@contextlib.contextmanager
def vlc(clip: Path, port: int | None = None) -> Iterator[str]:
    """Serve a clip again and again by VLC, over UDP alone; yields the URL.

    VLC refuses to run as root, so it then runs as `nobody`.
    """
    port = port or free_port()
    url = f"rtsp://127.0.0.1:{port}/t"
    out = f"#rtp{{sdp={url}}}"
    words = ["cvlc", "-I", "dummy", str(clip), "--loop", "--sout", out, "--sout-keep"]
    as_nobody: dict[str, Any] = {"user": "nobody", "group": "nogroup"} if os.getuid() == 0 else {}
    process = subprocess.Popen(
        words,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": "/tmp"},
        **as_nobody,
    )
    try:
        end = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("VLC did not serve")
            time.sleep(0.1)
        yield url
    finally:
        process.kill()
        process.wait()


def missing_ffmpeg() -> str | None:
    """Return what this machine lacks for a server of RTMP, or None."""
    return None if shutil.which("ffmpeg") else "ffmpeg"


@contextlib.contextmanager
def rtmp() -> Iterator[str]:
    """Serve one client by RTMP, with a picture of 25 frames a second; yields the URL."""
    url = f"rtmp://127.0.0.1:{free_port()}/live/x"
    source = ["-re", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=25"]
    coded = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "25"]
    words = ["ffmpeg", "-v", "error", *source, *coded, "-f", "flv", "-listen", "1", url]
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield url
    finally:
        process.kill()
        process.wait()


class Relay:
    """Passes TCP connections on to `port`. What comes back suffers what `harm` says."""

    def __init__(self, port: int) -> None:
        self.harm: Harm = "none"
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._chance = random.Random(5)
        self._closed = False
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def wait_harmless(self) -> None:
        """Wait until a `hiccup` is over."""
        end = time.monotonic() + PATIENCE
        while self.harm != "none":
            if time.monotonic() > end:
                raise RuntimeError("nothing came that could be held back")
            time.sleep(0.05)

    def cut(self) -> None:
        """Break all connections with a reset."""
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # on, for no time
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                each.shutdown(socket.SHUT_RDWR)
        self._sockets.clear()

    def __enter__(self) -> Relay:
        """Return the relay."""
        return self

    def __exit__(self, *_: object) -> None:
        """Break all connections and listen no more."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                continue
            self._sockets += [near, far]
            for source, sink, back in ((near, far, False), (far, near, True)):
                thread = threading.Thread(target=self._pipe, args=(source, sink, back), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _pipe(self, source: socket.socket, sink: socket.socket, back: bool) -> None:
        with contextlib.suppress(OSError), source, sink:
            while data := source.recv(4096):
                while back and self.harm == "stall" and not self._closed:
                    time.sleep(0.05)
                sink.sendall(self._harmed(data) if back else data)
                if back and self.harm == "hiccup" and len(data) > 40:
                    time.sleep(2.2)
                    self.harm = "none"

    def _harmed(self, data: bytes) -> bytes:
        if self.harm != "corrupt":
            return data
        bad = bytearray(data)
        for _ in range(max(1, len(bad) // 300)):
            bad[self._chance.randrange(len(bad))] ^= 0xFF
        return bytes(bad)
