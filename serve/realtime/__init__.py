"""The websocket: one session, its streams and its answers.

* `route` lets a client in; a `connection` serves it as long as it lasts. The `session` outlives it:
  its `outbox` holds what is to be sent, or sent again.
* `messages` describes what clients may send, `events` what the service sends.
* `handler` carries events out: `frames` and `streams` take pictures in, `responses` and
  `conversation` are OpenAI's, `watches` are standing conditions.
"""
