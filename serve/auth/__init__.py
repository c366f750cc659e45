"""Who may do what, and how much.

* `principal` is the caller that the running code acts for; `scopes` says what each request needs.
* `authenticator` finds the principal of a key (`keys`, `keyring`) or a ticket (`tickets`).
* `limits` bounds what a key does, by the `usage` of each and token buckets (`bucket`).
* `origins` are the pages that browsers may call from. `settings` has the settings of all of it.
"""
