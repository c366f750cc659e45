"""The command line: one verb a module, or a package where it is large.

`main` finds the verb and runs it; `options` are what verbs share.
"""
