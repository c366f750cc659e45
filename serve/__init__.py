"""The service: a model that watches many streams, and the network in front of it.

A frame's way: `realtime` -> `publishing` -> `engine` -> `streams`. A question's way: `realtime` or
`api` -> `protocol` -> `engine` -> `answers`. Each may import what stands below it:

* `server` runs the process: a port, a model, an engine, and their orderly end.
* `api` is HTTP, `realtime` the websocket, `protocol` what they share.
* `service` holds what all connections share, as `config` sets it.
* `watches` are standing conditions; `publishing` knows who feeds which stream.
* `engine` is the model thread with its schedulers, `streams` one stream, `answers` one answer.
* `auth` says who may do what; `observability` has logs, metrics and traces.
"""
