#!/usr/bin/python3
"""An RTSP server on loopback, by gst-rtsp-server, whose bindings the system's Python has.

`/usr/bin/python3 benchmarks/rtsp_server.py PORT [WORD ...]` serves rtsp://127.0.0.1:PORT/test and
prints `ready`. Words: `basic` or `digest` (user `user`, password `p@ss:w/rd`), `udp` (no TCP),
`resize` (the size changes every 2 s), `h265`, `vp8`, `audio` (no video), `longgop` (a key frame
every 8 s).
"""

from __future__ import annotations

import sys

import gi  # type: ignore[import-not-found]

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
gi.require_version("GstRtsp", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # type: ignore[import-not-found] # noqa: E402

USER, PASSWORD = "user", "p@ss:w/rd"
RATE = 10  # frames a second
SIZES = ((160, 120), (320, 240))
ENCODERS = {
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max={gop} ! "
    "rtph264pay name=pay0 pt=96 config-interval=1",
    "h265": "x265enc tune=zerolatency speed-preset=ultrafast key-int-max={gop} ! "
    "rtph265pay name=pay0 pt=96 config-interval=1",
    "vp8": "vp8enc deadline=1 keyframe-max-dist={gop} ! rtpvp8pay name=pay0 pt=96",
}


def launch(words: list[str]) -> str:
    """Return the pipeline that the words describe."""
    if "audio" in words:
        return "( audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay0 pt=8 )"
    codec = next((word for word in words if word in ENCODERS), "h264")
    gop = 80 if "longgop" in words else RATE
    return (
        f"( videotestsrc is-live=true pattern=ball ! capsfilter name=size caps={caps(0)} ! "
        f"{ENCODERS[codec].format(gop=gop)} )"
    )


def caps(index: int) -> str:
    """Return the raw video's form."""
    width, height = SIZES[index % len(SIZES)]
    return f"video/x-raw,width={width},height={height},framerate={RATE}/1"


def resize(media: GstRtspServer.RTSPMedia) -> None:
    """Change the size every two seconds."""
    element, turn = media.get_element().get_by_name_recurse_up("size"), [0]

    def flip() -> bool:
        turn[0] += 1
        element.set_property("caps", Gst.Caps.from_string(caps(turn[0])))
        return True

    GLib.timeout_add(2000, flip)


def guard(
    server: GstRtspServer.RTSPServer, factory: GstRtspServer.RTSPMediaFactory, how: str
) -> None:
    """Ask for the password."""
    auth, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", USER)
    if how == "digest":
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(USER, PASSWORD, token)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(USER, PASSWORD), token)
    server.set_auth(auth)
    role = f"{USER}, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
    factory.add_role_from_structure(Gst.Structure.from_string(role)[0])


def main() -> None:
    """Serve until killed."""
    Gst.init(None)
    port, words = sys.argv[1], sys.argv[2:]
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_shared(True)
    factory.set_launch(launch(words))
    if "udp" in words:
        factory.set_protocols(GstRtsp.RTSPLowerTrans.UDP)
    if "resize" in words:
        factory.connect("media-configure", lambda _, media: resize(media))
    for how in ("basic", "digest"):
        if how in words:
            guard(server, factory, how)
    server.get_mount_points().add_factory("/test", factory)
    server.attach(None)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
