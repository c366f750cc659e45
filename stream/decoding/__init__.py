"""Bytes to pictures.

* `container` finds the packets of MP4, WebM and MPEG-TS, `annexb` those of bare H.264 and HEVC.
* `decoder` makes pictures of packets, within a given time; `images` decodes JPEG, PNG and WebP.
"""
