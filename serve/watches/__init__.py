"""Standing conditions: the model is asked now and then whether they are true.

* `params` is what a client asks for, `watch` one watch; `registry` has all, `store` keeps them.
* `condition` makes a question of a condition, which the model is asked when it is idle.
* `runner` checks streams in the order of `scheduler`; `trigger` says when a watch fires.
* `webhooks` tells others of a firing, at addresses that may be reached.
"""
