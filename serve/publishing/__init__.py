"""Who feeds which stream.

* `feeds` has a `feed` for each stream: its publisher, and whether it is online.
* `pulling` fetches sources for streams, and `sources` remembers their addresses on disk.
"""
