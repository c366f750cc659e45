"""The engine that owns the model, and the service in front of it.

`engine` gives the model's time to each `stream` (frames in) and each answer (`decode`), as `share`
says. `server` and `app` bring that to the network: `realtime` is the websocket, `chat` the HTTP
route, and `feeds` knows who publishes what.
"""
