"""What the websocket and HTTP share.

* `guard` checks every request before it is routed, its body too.
* `validation` describes what clients may send, and says what is wrong with it.
* `questions` makes a question of a request's fields, with the schema of its answer.
* `errors` makes an object of the wire of an error, a response, or a close code.
"""
