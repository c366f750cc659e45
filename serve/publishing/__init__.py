"""Who feeds which stream.

* `feeds` has the publisher of each stream, and whether it is online.
* `sources` fetches what the service itself feeds, and remembers the addresses on disk.
"""
