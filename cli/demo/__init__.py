"""`longwatch demo`: a live stream of photographs, and questions about it while it goes on.

`command` is the verb. `script` has the photographs of `media` and the questions, `video` makes a
file of them, `service` starts a service, and `run` plays all of it.
"""
