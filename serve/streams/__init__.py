"""One stream at run time.

* `registry` has all streams by name; a `stream` is a buffer, a clock and a memory.
* `settings` say how it is sampled and remembered, and what of that a client may set; `presets` name
  sets of them after published methods.
* `reduction` drops near-duplicate frames and compresses the others, more under load.
* `disk` is its place on disk; `dialogue_log` and `thumbnails` hold what was asked and shown.
"""
