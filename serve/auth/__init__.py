"""Who may do what, and how much.

* `principal` is the caller that the running code acts for; `scopes` says what each request needs.
* `authenticator` finds the principal of a key or a ticket, `keys` has the keys of the service.
* `limits` bounds what a key uses. `origins` are the pages that browsers may call from.
* `settings` has the settings of all of it.
"""
