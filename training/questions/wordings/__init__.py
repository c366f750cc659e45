"""How people ask: templates of each kind of question, some of them kept from training.

`grammar` turns a template into a question. `present`, `times`, `events`, `follow_ups` and
`unanswerable` have the templates of one kind each, `held_out` those that only tests may use.
"""
