"""Bytes to pictures.

* `container` finds the packets of MP4, WebM and MPEG-TS; `annexb` those of bare H.264 and HEVC, by
  the `units` of their bit streams.
* `decoder` makes pictures of packets, in a given time (`stopwatch`) and pixel format (`pixels`).
* `images` decodes JPEG, PNG and WebP.
"""
