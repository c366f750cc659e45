"""Sources that fail in every way that cameras do, from real servers; laws that hold throughout."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from benchmarks.cameras import PASSWORD, USER, Relay, Server, free_port, make_clip, rtmp, vlc
from benchmarks.watched_service import held
from tests.support.pull_rig import QUICK, pulled


def test_a_camera_is_watched_at_the_rate_that_is_asked_for(server: Server) -> None:
    server.start()
    with pulled(server.url, fps=2.0) as source:
        source.until_frames(5)
        steps = [b.time - a.time for a, b in zip(source.frames, source.frames[1:], strict=False)]
        assert all(0.35 < step < 0.65 or step > 0.9 for step in steps)
        assert source.frames[0].image.shape == (120, 160, 3)
        assert source.frames[0].captured_at is not None
        assert source.states == [("connecting", None), ("online", None)]
        counters = source.pull.counters
        assert counters.received >= 20
        assert 0 < counters.emitted < counters.received


def test_a_server_that_was_killed_is_found_again_and_the_gap_is_known(server: Server) -> None:
    server.start()
    with pulled(server.url) as source:
        source.until_frames()
        server.kill()
        at = source.until_state("reconnecting")
        source.until_state("reconnecting", "source_refused", at)
        server.start()
        source.until_state("online", after=at)
        source.until_frames()
        gap = next(status.gap for status in source.told if status.gap)
        assert gap[1] > gap[0]
        assert source.timeline.gaps[-1] == gap
        assert source.told[-1].attempt == 0


def test_a_frozen_server_is_stalled_and_then_tried_anew(server: Server) -> None:
    server.start()
    with pulled(server.url) as source:
        source.until_frames()
        server.freeze()
        at = source.until_state("stalled", "source_stalled")
        at = source.until_state("reconnecting", "source_stalled", at)
        at = source.until_state("reconnecting", "source_timeout", at)
        server.thaw()
        source.until_state("online", after=at)
        source.until_frames()


def test_a_burst_after_a_short_stall_is_dropped_as_late_without_reconnecting(
    server: Server,
) -> None:
    server.start()
    with pulled(server.url) as source:
        source.until_frames()
        server.freeze()
        source.until_state("stalled")
        server.thaw()
        source.until_state("online", after=source.until_state("stalled"))
        source.until_frames()
        assert "reconnecting" not in {status.state for status in source.told}


@pytest.mark.parametrize("how", ["basic", "digest"])
def test_the_right_password_opens_a_camera_whatever_characters_it_has(
    server: Server, how: str
) -> None:
    server.start(how)
    with pulled(server.url, username=USER, password=PASSWORD) as source:
        source.until_frames()


@pytest.mark.parametrize("how", ["basic", "digest"])
def test_a_wrong_password_is_tried_slowly_and_told_to_nobody(
    server: Server, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    server.start(how)
    with pulled(server.url, username=USER, password="hunter2") as source:
        at = source.until_state("reconnecting", "source_auth_failed")
        source.until_state("reconnecting", "source_auth_failed", at)
        waits = [s.retry_in for s in source.told if s.retry_in is not None]
        assert min(waits) >= QUICK.retry_slow_s
        shown = f"{source.told} {source.pull.address} {source.pull.address.json()} {caplog.text}"
        assert "hunter2" not in shown


def test_a_path_that_is_not_there_is_told(server: Server) -> None:
    server.start()
    with pulled(server.url.replace("/test", "/nowhere")) as source:
        source.until_state("reconnecting", "source_not_found")


def test_a_port_that_nobody_listens_at_is_told() -> None:
    with pulled(f"rtsp://127.0.0.1:{free_port()}/x") as source:
        at = source.until_state("reconnecting", "source_refused")
        source.until_state("reconnecting", "source_refused", at)
        assert source.told[-1].attempt >= 2


def test_a_name_that_is_not_known_is_told() -> None:
    with pulled("rtsp://nowhere.invalid/x") as source:
        source.until_state("reconnecting", "source_dns")


def test_a_server_that_takes_connections_and_says_nothing_times_out() -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, pulled(f"rtsp://127.0.0.1:{silent.getsockname()[1]}/x") as source:
        source.until_state("reconnecting", "source_timeout")


def test_a_server_of_datagrams_alone_is_found_by_auto(server: Server) -> None:
    server.start("udp")
    with pulled(server.url) as source:
        source.until_frames()
    with pulled(server.url, transport="tcp") as source:
        source.until_state("reconnecting", "source_transport_unsupported")


def test_a_size_that_changes_is_followed(server: Server) -> None:
    server.start("resize")
    with pulled(server.url) as source:
        source.until(lambda: len({frame.image.shape for frame in source.frames}) == 2)
        assert {frame.image.shape[:2] for frame in source.frames} == {(120, 160), (240, 320)}
        assert "reconnecting" not in {state for state, _ in source.states}


def test_a_camera_may_come_back_with_another_codec(server: Server) -> None:
    server.start("h264")
    with pulled(server.url) as source:
        source.until_frames()
        server.kill()
        at = source.until_state("reconnecting")
        server.start("vp8")
        source.until_state("online", after=at)
        source.until_frames()


def test_a_key_frame_is_waited_for(server: Server) -> None:
    server.start("longgop")
    with pulled(server.url) as first:
        first.until_frames()
        with pulled(server.url) as second:  # between two key frames
            second.until_frames()
            assert second.states == [("connecting", None), ("online", None)]


def test_a_source_without_video_is_told(server: Server) -> None:
    server.start("audio")
    with pulled(server.url) as source:
        source.until_state("reconnecting", "source_no_video")


def test_a_cut_connection_is_made_again(server: Server) -> None:
    server.start()
    with Relay(server.port) as relay, pulled(f"rtsp://127.0.0.1:{relay.port}/test") as source:
        source.until_frames()
        relay.cut()
        at = source.until_state("reconnecting")
        source.until_state("online", after=at)
        source.until_frames()


def test_a_half_open_connection_is_given_up(server: Server) -> None:
    server.start()
    with Relay(server.port) as relay, pulled(f"rtsp://127.0.0.1:{relay.port}/test") as source:
        source.until_frames()
        relay.harm = "stall"
        at = source.until_state("stalled")
        at = source.until_state("reconnecting", "source_stalled", at)
        relay.cut()
        relay.harm = "none"
        source.until_state("online", after=at)
        source.until_frames()


def test_damaged_bytes_do_not_end_a_stream_for_good(server: Server) -> None:
    server.start()
    with Relay(server.port) as relay, pulled(f"rtsp://127.0.0.1:{relay.port}/test") as source:
        source.until_frames()
        relay.harm = "corrupt"
        source.until(
            lambda: (
                source.pull.counters.received > 0
                and (sum(source.pull.counters.dropped.values()) > 0 or len(source.told) > 2)
            )
        )
        relay.harm = "none"
        source.until(lambda: source.pull.status.state == "online")
        source.until_frames()


def test_a_pause_in_the_middle_of_a_packet_is_borne(server: Server) -> None:
    server.start()
    with Relay(server.port) as relay, pulled(f"rtsp://127.0.0.1:{relay.port}/test") as source:
        source.until_frames()
        relay.harm = "hiccup"
        source.until(lambda: relay.harm == "none")
        source.until(lambda: source.pull.status.state == "online")
        source.until_frames()
        assert "reconnecting" not in {state for state, _ in source.states}


def test_a_child_that_was_killed_is_replaced(server: Server) -> None:
    server.start()
    with pulled(server.url) as source:
        source.until_frames()
        assert source.pull.pid is not None
        os.kill(source.pull.pid, signal.SIGSEGV)
        at = source.until_state("reconnecting", "source_error")
        source.until_state("online", after=at)
        source.until_frames()


def test_failing_again_and_again_leaves_nothing_behind(server: Server) -> None:
    server.start()
    with pulled(server.url) as source:
        before: tuple[int, ...] = ()
        for cycle in range(7):
            source.until_frames()
            at = len(source.told)
            if cycle == 1:
                before = held(os.getpid())
            assert source.pull.pid is not None
            os.kill(source.pull.pid, signal.SIGKILL)
            source.until_state("online", after=source.until_state("reconnecting", after=at))
        source.until(lambda: all(n <= b for n, b in zip(held(os.getpid()), before, strict=True)))


@pytest.mark.usefixtures("_ffmpeg")
def test_a_source_by_rtmp_is_watched() -> None:
    with rtmp() as url, pulled(url) as source:
        source.until_frames(5)
        assert source.frames[0].time == 0.0
        assert source.frames[0].image.shape == (120, 160, 3)


@pytest.mark.usefixtures("_vlc")
def test_another_make_of_server_is_watched_too() -> None:
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # VLC runs as somebody else
        path = make_clip(Path(folder) / "clip.mp4")
        with vlc(path) as url, pulled(url) as source:
            source.until_frames(5)
