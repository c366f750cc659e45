"""Sources that the service fetches by itself: cameras and other addresses, one process each.

* An `address` is checked against `rules` and opened by a child process (`child`, with `reader`,
  `opening` and `http`), which alone touches libav.
* Frames come over shared memory (`frame_ring`), everything else over a pipe (`process`).
* `supervisor` runs in the server: it watches the child, kills it where it hangs, tries again, and
  hands the frames to the stream's sink. `errors` are what clients are told of it.
* `settings` are those of all of it.
"""
