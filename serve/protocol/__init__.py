"""What the websocket and HTTP share.

* `guard` checks every request before it is routed; `body_limit` bounds its body.
* `validation` says what is wrong with JSON, `shapes` and `body` are how requests are described.
* `questions` makes a question of a request's fields, `formats` the schema of its answer.
* `errors` makes an error of the wire of ours, `refusals` a response, `hangup` a close code.
"""
