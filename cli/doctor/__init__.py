"""`longwatch doctor`: what works here, and what is missing.

`command` is the verb. `checks` lists what is looked at, each with a `finding`: the `environment`,
and the `speed` of the model on this machine.
"""
