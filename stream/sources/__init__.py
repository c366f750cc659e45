"""Sources that this process opens by itself.

* `base` says what a source is, and `background` reads one in a thread of its own, at its pace.
* `file` and `camera` are real, `synthetic` is drawn: `world` says what happens in it, `painting`
  and `pictograms` how it looks.
"""
