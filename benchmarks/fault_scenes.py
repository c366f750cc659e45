"""The faults that `benchmarks.faults` does to a camera, one function each; see `FAULTS`."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.cameras import USER, Relay, Server, free_port, make_clip, missing, missing_vlc, vlc
from benchmarks.watched_service import children

if TYPE_CHECKING:
    from benchmarks.watched_service import Watched

RATE = 10.0  # frames a second of the camera
WRONG = "hunter2"
Row = dict[str, Any]


class Scene:
    """A service, a camera and a relay between them, for one fault."""

    def __init__(self, service: Watched, fault: str) -> None:
        self.service = service
        self.stream = fault.replace("_", "-")
        self.server = Server()
        self.relay = Relay(self.server.port)
        self.row: Row = {"fault": fault, "state": "online", "code": None}
        self.row |= dict.fromkeys(("detect_s", "recover_s", "gap_s", "frames_lost"))
        self.began = 0.0

    @property
    def relayed(self) -> str:
        """The camera's URL by way of the relay."""
        return f"rtsp://127.0.0.1:{self.relay.port}/test"

    def watch(self, url: str, **source: Any) -> None:
        """Pull a camera and see that it is well."""
        self.service.pull(self.stream, url, **source)
        self.service.until(self.stream, "online")
        self.service.frames(self.stream, 5)
        self.begin()

    def begin(self) -> None:
        """Mark the moment of the fault."""
        self.began = time.monotonic()

    def detect(self, state: str, reason: str) -> None:
        """Wait for what the service should say of it."""
        at, event = self.service.until(self.stream, state, reason or None, self.began)
        found = {"state": event["state"], "code": event["reason"], "detect_s": at - self.began}
        self.row |= found

    def recover(self) -> None:
        """Wait until frames are read again, from the end of the fault, which is now."""
        end = time.monotonic()
        at, event = self.service.until(self.stream, "online", after=max(self.began, end - 0.001))
        self.service.frames(self.stream)
        gap = event.get("gap") or {"from": 0, "to": 0}
        gap_s = (gap["to"] - gap["from"]) / 1e6
        self.row |= {"recover_s": at - end, "gap_s": gap_s}
        self.row["frames_lost"] = max(0, round(gap_s * RATE) - 1)

    def calm(self, frames: int) -> None:
        """See that so many frames come, and that the connection holds."""
        self.service.frames(self.stream, frames)
        if any(e["state"] == "reconnecting" for e in self.service.told(self.stream, self.began)):
            raise RuntimeError("the connection was lost, which it need not have been")
        self.row |= {"recover_s": 0.0, "gap_s": 0.0, "frames_lost": 0}

    def finish(self) -> Row:
        """Forget the stream and return the row."""
        dropped = self.service.stats.get(self.stream, {}).get("dropped", {})
        if self.row["state"] != "refused":
            self.service.close(self.stream)
        self.row |= {"damaged": dropped.get("decode", 0), "late": dropped.get("late", 0)}
        self.row["survived"] = True
        return self.row

    def close(self) -> None:
        """End what is left of the scene."""
        self.relay.__exit__()
        self.server.kill()


def server_killed(scene: Scene) -> None:
    """Kill the server, and start it again after two seconds."""
    scene.server.start()
    scene.watch(scene.server.url)
    scene.begin()
    scene.server.kill()
    scene.detect("reconnecting", "source_ended")
    time.sleep(2)
    scene.server.start()
    scene.recover()


def server_frozen(scene: Scene) -> None:
    """Freeze the server until the service has given it up."""
    scene.server.start()
    scene.watch(scene.server.url)
    scene.begin()
    scene.server.freeze()
    scene.detect("stalled", "source_stalled")
    scene.service.until(scene.stream, "reconnecting", "source_stalled")
    scene.server.thaw()
    scene.recover()


def server_hiccup(scene: Scene) -> None:
    """Freeze the server for four seconds; then it sends at once what it held back."""
    scene.server.start()
    scene.watch(scene.server.url)
    scene.begin()
    scene.server.freeze()
    scene.detect("stalled", "source_stalled")
    time.sleep(1)
    scene.server.thaw()
    scene.recover()


def tcp_cut(scene: Scene) -> None:
    """Reset the connection."""
    scene.server.start()
    scene.watch(scene.relayed)
    scene.begin()
    scene.relay.cut()
    scene.detect("reconnecting", "source_ended")
    scene.recover()


def tcp_half_open(scene: Scene) -> None:
    """Let the connection stand, and nothing come any more."""
    scene.server.start()
    scene.watch(scene.relayed)
    scene.begin()
    scene.relay.harm = "stall"
    scene.detect("stalled", "source_stalled")
    scene.service.until(scene.stream, "reconnecting", "source_stalled")
    scene.relay.harm = "none"
    scene.relay.cut()
    scene.recover()


def packet_paused(scene: Scene) -> None:
    """Hold back half a packet for 2.2 s; no connection is to be lost."""
    scene.server.start()
    scene.watch(scene.relayed)
    scene.begin()
    scene.relay.harm = "hiccup"
    scene.relay.wait_harmless()
    scene.calm(20)


def corrupt_bytes(scene: Scene) -> None:
    """Damage one byte in 300, for three seconds."""
    scene.server.start()
    scene.watch(scene.relayed)
    scene.begin()
    scene.relay.harm = "corrupt"
    time.sleep(3)
    scene.relay.harm = "none"
    end = time.monotonic()
    scene.service.frames(scene.stream, 20)
    told = [e for e in scene.service.told(scene.stream, scene.began) if e["state"] != "online"]
    if told:
        scene.row |= {"state": told[0]["state"], "code": told[0]["reason"]}
    scene.row["recover_s"] = time.monotonic() - end


def decoder_killed(scene: Scene) -> None:
    """Crash the process that decodes, as libav does at times."""
    scene.server.start()
    before = set(children(scene.service.pid))
    scene.watch(scene.server.url)
    scene.begin()
    for pid in set(children(scene.service.pid)) - before:
        os.kill(pid, signal.SIGSEGV)
    scene.detect("reconnecting", "source_error")
    scene.recover()


def resized(scene: Scene) -> None:
    """Change the picture's size every two seconds; no connection is to be lost."""
    scene.server.start("resize")
    scene.watch(scene.server.url)
    scene.calm(50)


def other_codec(scene: Scene) -> None:
    """Start the server anew with VP8 in place of H.264."""
    scene.server.start("h264")
    scene.watch(scene.server.url)
    scene.begin()
    scene.server.kill()
    scene.detect("reconnecting", "source_ended")
    scene.server.start("vp8")
    scene.recover()


def between_key_frames(scene: Scene) -> None:
    """Come between two key frames, which are eight seconds apart."""
    scene.server.start("longgop")
    scene.service.pull("first", scene.server.url)
    scene.service.until("first", "online")
    time.sleep(1)
    scene.watch(scene.server.url)
    scene.service.close("first")
    scene.calm(10)


def datagrams_alone(scene: Scene) -> None:
    """Refuse TCP; `auto` finds UDP."""
    scene.server.start("udp")
    scene.watch(scene.server.url)
    scene.calm(10)


def other_server(scene: Scene) -> None:
    """Let VLC serve, over UDP alone; kill it and start it again."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # it runs as somebody else
        clip = make_clip(Path(folder) / "clip.mp4")
        port = free_port()
        with vlc(clip, port) as url:
            scene.watch(url)
            scene.begin()
        scene.detect("reconnecting", "")
        with vlc(clip, port):
            scene.recover()


def _at_the_door(scene: Scene, code: str, *words: str, path: str = "/test", **source: Any) -> None:
    """Open a source that cannot be opened."""
    scene.server.start(*words)
    scene.begin()
    scene.service.pull(scene.stream, scene.server.url.replace("/test", path), **source)
    scene.detect("reconnecting", code)


def wrong_password(scene: Scene) -> None:
    """Give a wrong password, until the server asks for none."""
    _at_the_door(scene, "source_auth_failed", "basic", username=USER, password=WRONG)
    scene.server.kill()
    scene.server.start("h264")
    scene.recover()


def wrong_digest(scene: Scene) -> None:
    """Do the same by digest authentication."""
    _at_the_door(scene, "source_auth_failed", "digest", username=USER, password=WRONG)
    scene.server.kill()
    scene.server.start("h264")
    scene.recover()


def no_such_path(scene: Scene) -> None:
    """Ask for a path that is not there."""
    _at_the_door(scene, "source_not_found", path="/nowhere")


def audio_alone(scene: Scene) -> None:
    """Serve sound alone, and then video."""
    _at_the_door(scene, "source_no_video", "audio")
    scene.server.kill()
    scene.server.start("h264")
    scene.recover()


def refused(scene: Scene) -> None:
    """Let nobody listen at the port, and then somebody."""
    scene.begin()
    scene.service.pull(scene.stream, scene.server.url)
    scene.detect("reconnecting", "source_refused")
    if missing() is None:
        scene.server.start()
        scene.recover()


def no_such_name(scene: Scene) -> None:
    """Name a host that is not known."""
    scene.begin()
    scene.service.pull(scene.stream, "rtsp://nowhere.invalid/x")
    scene.detect("reconnecting", "source_dns")


def silent(scene: Scene) -> None:
    """Take connections and answer nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        scene.begin()
        scene.service.pull(scene.stream, f"rtsp://127.0.0.1:{listener.getsockname()[1]}/x")
        scene.detect("reconnecting", "source_timeout")


def forbidden(scene: Scene) -> None:
    """Give the address at which clouds tell their machines' secrets."""
    scene.begin()
    scene.service.pull(scene.stream, "rtsp://169.254.169.254/x")
    at = scene.service.error("source_forbidden_url", scene.began)
    scene.row |= {"state": "refused", "code": "source_forbidden_url"}
    scene.row["detect_s"] = at - scene.began


Fault = Callable[[Scene], None]
ALONE: tuple[Fault, ...] = (refused, no_such_name, silent, forbidden)  # need no server
SERVED: tuple[Fault, ...] = (
    server_killed,
    server_frozen,
    server_hiccup,
    tcp_cut,
    tcp_half_open,
    packet_paused,
    corrupt_bytes,
    decoder_killed,
    resized,
    other_codec,
    between_key_frames,
    datagrams_alone,
    wrong_password,
    wrong_digest,
    no_such_path,
    audio_alone,
)
FAULTS = {fault.__name__: fault for fault in (*SERVED, other_server, *ALONE)}


def possible() -> dict[str, Fault]:
    """Return the faults that this machine has the servers for."""
    lacking: set[Fault] = set()
    if missing() is not None:
        lacking |= set(SERVED)
    if missing_vlc() is not None:
        lacking.add(other_server)
    return {name: fault for name, fault in FAULTS.items() if fault not in lacking}


def show(service: Watched, name: str) -> Row:
    """Do one fault and return what came of it."""
    scene = Scene(service, name)
    try:
        FAULTS[name](scene)
        return scene.finish()
    except RuntimeError as error:
        return scene.row | {"survived": False, "why": str(error)}
    finally:
        scene.close()
